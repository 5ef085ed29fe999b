//! The application, a process of its own: serves orders from its database, which is a file here.

use std::fs;
use std::future;
use std::io::{self, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::process::exit;
use std::thread;
use std::time::Duration;

use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::Result;

/// Seconds. They stand for 30, so that the story is soon told.
pub(crate) const RETRY_AFTER: u64 = 2;

/// The header in which an instance says its name.
pub(crate) const INSTANCE: &str = "x-instance";

pub(crate) async fn run(port: u16, name: &str) -> Result {
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        exit(0) // its input ends with whoever started it, however that ends
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let server = MockServer::builder().listener(listener).disable_request_recording().start().await;
    let name = name.to_owned();
    Mock::given(any()).respond_with(move |request: &Request| answer(&name, request)).mount(&server).await;
    future::pending().await
}

fn answer(name: &str, request: &Request) -> ResponseTemplate {
    let answer = match (request.url.path(), fs::read_to_string(database(name))) {
        ("/imports", _) => {
            let _ = fs::write(spool(name), &request.body);
            ResponseTemplate::new(201).set_delay(Duration::from_secs(3_600)) // it needs more memory than there is
        }
        ("/health", Ok(_)) => ResponseTemplate::new(200),
        (path, Ok(order)) => {
            println!("200 {} {path}", request.method);
            ResponseTemplate::new(200).set_body_string(order)
        }
        (path, Err(error)) => {
            println!("503 {} {path}: error: {}: {error}", request.method, database(name));
            let body = r#"{"error":"no database"}"#;
            let answer = ResponseTemplate::new(503).insert_header("retry-after", RETRY_AFTER.to_string());
            answer.set_body_raw(body, "application/json")
        }
    };
    answer.insert_header(INSTANCE, name)
}

pub(crate) fn database(name: &str) -> String {
    format!("{name}.db")
}

/// Where it puts what it imports.
pub(crate) fn spool(name: &str) -> String {
    format!("{name}.spool")
}
