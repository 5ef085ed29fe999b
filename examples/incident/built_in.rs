//! The smallest proxy that can lose its server: one request per connection, on both sides.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Asks the second instance three times as often as the first, and where nobody listens the other one.
pub(crate) async fn start(port: u16, [one, two]: [u16; 2]) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    tokio::spawn(async move {
        let mut turns = [[two, one], [two, one], [one, two], [two, one]].into_iter().cycle();
        while let (Ok((client, _)), Some(instances)) = (listener.accept().await, turns.next()) {
            tokio::spawn(forward(client, instances));
        }
    });
    Ok(())
}

async fn forward(client: TcpStream, instances: [u16; 2]) -> io::Result<()> {
    let mut client = BufReader::new(client);
    let request = read(&mut client).await?;
    let mut answer = bad_gateway("connection_refused");
    for port in instances {
        if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
            answer = ask(server, &request).await.unwrap_or_else(|_| bad_gateway("connection_terminated"));
            break;
        }
    }
    client.write_all(&answer).await
}

/// Returns a request as it came, but for a line that makes it the last one of its connection.
async fn read(client: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if client.read_line(&mut head).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    client.read_exact(&mut body).await?;
    Ok([head.replacen("\r\n", "\r\nconnection: close\r\n", 1).into_bytes(), body].concat())
}

async fn ask(mut server: TcpStream, request: &[u8]) -> io::Result<Vec<u8>> {
    server.write_all(request).await?;
    let mut answer = Vec::new();
    match server.read_to_end(&mut answer).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer),
    }
}

/// A page of its own, and the error as RFC 9209 names it.
fn bad_gateway(error: &str) -> Vec<u8> {
    let page = "<h1>502 Bad Gateway</h1>\n";
    let head = format!("HTTP/1.1 502 Bad Gateway\r\nconnection: close\r\nproxy-status: built-in; error={error}");
    format!("{head}\r\ncontent-type: text/html\r\ncontent-length: {}\r\n\r\n{page}", page.len()).into_bytes()
}
