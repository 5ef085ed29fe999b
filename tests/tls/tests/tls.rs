//! Every way in which TLS is wrong lasts: not retried, whatever the method. A connection that is refused or reset may
//! not.
#![cfg(test)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use forbear::{Backoff, Client, Condition, Delivery, Event, Policy, Rule, StopReason};
use rcgen::{CertificateParams, CertifiedIssuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Nothing,
    WrongName,
    Expired,
    UnknownIssuer,
    PlainHttp,
    ClosesInTheHandshake,
    ResetsInTheHandshake,
    NobodyListens,
}

#[tokio::test]
async fn a_fault_of_tls_lasts_and_a_connection_that_is_refused_or_reset_may_not() {
    let _once = rustls::crypto::ring::default_provider().install_default();
    let authority = CertifiedIssuer::self_signed(authority(), KeyPair::generate().unwrap()).unwrap();
    let client = client(authority.der());
    for (fault, condition, attempts) in [
        (Fault::Nothing, None, 1),
        (Fault::WrongName, Some(Condition::Permanent), 1),
        (Fault::Expired, Some(Condition::Permanent), 1),
        (Fault::UnknownIssuer, Some(Condition::Permanent), 1),
        (Fault::PlainHttp, Some(Condition::Permanent), 1),
        (Fault::ClosesInTheHandshake, Some(Condition::Permanent), 1),
        (Fault::ResetsInTheHandshake, Some(Condition::ConnectFailed), 3), // as while it restarts
        (Fault::NobodyListens, Some(Condition::ConnectFailed), 3),
    ] {
        for method in ["GET", "POST"] {
            let requests = Arc::new(AtomicUsize::new(0));
            let port = serve(fault, &authority, Arc::clone(&requests)).await.port();
            let url = format!("https://localhost:{port}/");
            let result = client.request(method.parse().unwrap(), url).body("x").send().await;
            let seen = requests.load(Ordering::Relaxed);
            let Some(condition) = condition else {
                assert_eq!((result.unwrap().status().as_u16(), seen), (200, 1));
                continue;
            };
            let error = result.unwrap_err();
            let report = error.report().unwrap();
            assert!(error.is_connect(), "{fault:?} {method}: {error:?}");
            assert_eq!(report.attempts()[0].condition(), Some(condition), "{fault:?} {method}: {error:?}");
            assert_eq!(report.attempts()[0].diagnosis().delivery(), Delivery::NotDelivered, "{fault:?} {method}");
            assert_eq!((report.attempts().len(), seen), (attempts, 0), "{fault:?} {method}");
            let reason = if attempts == 1 { StopReason::NoRetries } else { StopReason::RuleAttempts };
            assert_eq!(report.reason(), Some(reason), "{fault:?} {method}");
        }
    }
}

fn client(authority: &[u8]) -> Client {
    let certificate = reqwest::Certificate::from_der(authority).unwrap();
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([certificate]);
    let hasty = Rule::new(2, Backoff::constant(Duration::from_millis(4))).with_repeat(forbear::Repeat::Any);
    let policy = Policy::builder().rule(Condition::ConnectFailed, hasty).build().unwrap();
    Client::builder(http).policy(policy).observer(|_: &Event<'_>| {}).build().unwrap()
}

fn authority() -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
}

/// Starts a server with a fault, which answers 200 and counts the requests that it could read.
async fn serve(fault: Fault, authority: &CertifiedIssuer<'_, KeyPair>, requests: Arc<AtomicUsize>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    if fault == Fault::NobodyListens {
        return address;
    }
    let acceptor = TlsAcceptor::from(Arc::new(config(fault, authority)));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            match fault {
                Fault::ClosesInTheHandshake => {
                    // Read whole: to close with unread bytes would reset the connection.
                    let _hello = socket.read(&mut [0; 4096]).await;
                }
                Fault::ResetsInTheHandshake => {
                    let _hello = socket.read(&mut [0; 16]).await;
                    socket.set_zero_linger().unwrap();
                }
                Fault::PlainHttp => {
                    let _hello = socket.read(&mut [0; 1024]).await;
                    let _written = socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
                }
                _ => {
                    let Ok(mut stream) = acceptor.accept(socket).await else { continue };
                    if stream.read(&mut [0; 1024]).await.is_ok_and(|length| length > 0) {
                        requests.fetch_add(1, Ordering::Relaxed);
                        let _written = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
                        let _flushed = stream.flush().await;
                    }
                }
            }
        }
    });
    address
}

fn config(fault: Fault, authority: &CertifiedIssuer<'_, KeyPair>) -> ServerConfig {
    let name = if fault == Fault::WrongName { "elsewhere.test" } else { "localhost" };
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    if fault == Fault::Expired {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    }
    let key = KeyPair::generate().unwrap();
    let certificate = if fault == Fault::UnknownIssuer {
        params.self_signed(&key).unwrap()
    } else {
        params.signed_by(&key, authority).unwrap()
    };
    let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap()
}
