//! Bodies, both ways: the same bytes on every attempt, and every byte of the last response.

use std::io::{Error, ErrorKind};
use std::time::Duration;

use forbear::{Condition, Diagnosis, Issuer, Outcome, Report, RequestBuilder, Ruling, StopReason};
use http::Version;
use reqwest::Body;

use crate::client::{LONG, hasty_client, within};
use crate::server::{Answer, Frames, Seen, Server, hasty, respond};

/// Fails twice, then succeeds; returns the bodies that arrived.
async fn bodies_of_three_attempts(request: impl FnOnce(RequestBuilder) -> RequestBuilder) -> Vec<Vec<u8>> {
    let server = Server::start(|_, nth| respond(if nth < 3 { 503 } else { 200 }, &[], b"")).await;
    let request = request(hasty_client().post(&server.url)).idempotent(true);
    assert_eq!(request.send().await.unwrap().status(), 200);
    server.seen().into_iter().map(|seen| seen.body).collect()
}

#[tokio::test]
async fn bytes_are_the_same_on_every_attempt() {
    for length in [0, 1, 1024, 64 * 1024, 1024 * 1024] {
        let body: Vec<u8> = (0..=255).cycle().take(length).collect();
        let sent = body.clone();
        assert_eq!(bodies_of_three_attempts(|request| request.body(sent)).await, [&*body; 3], "{length} bytes");
    }
}

#[cfg(all(feature = "json", feature = "form"))]
#[tokio::test]
async fn json_and_forms_are_the_same_on_every_attempt() {
    for length in [0, 1, 64 * 1024, 1024 * 1024] {
        let text = "x".repeat(length);
        let pairs = [("a", &*text)];
        let json = bodies_of_three_attempts(|request| request.json(&pairs)).await;
        assert_eq!(json, [format!(r#"[["a","{text}"]]"#).as_bytes(); 3], "{length} bytes");
        let form = bodies_of_three_attempts(|request| request.form(&pairs)).await;
        assert_eq!(form, [format!("a={text}").as_bytes(); 3], "{length} bytes");
    }
}

#[cfg(feature = "multipart")]
#[tokio::test]
async fn a_multipart_form_whose_parts_are_at_hand_is_the_same_on_every_attempt() {
    use reqwest::multipart::{Form, Part};

    for length in [0, 1, 64 * 1024, 1024 * 1024] {
        let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
        let form = Form::new().text("name", "value").part("file", Part::bytes(bytes.clone()).file_name("f"));
        let boundary = form.boundary().to_owned();
        let bodies = bodies_of_three_attempts(|request| request.multipart(form)).await;
        assert_eq!(bodies.len(), 3);
        assert!(bodies[0].windows(length.max(1)).any(|window| window == bytes) || length == 0);
        assert!(bodies[0].starts_with(format!("--{boundary}\r\n").as_bytes()));
        assert!(bodies.iter().all(|body| *body == bodies[0]), "{length} bytes");
    }
}

#[cfg(feature = "multipart")]
#[tokio::test]
async fn a_multipart_form_with_a_part_that_is_a_stream_is_sent_once_and_whole() {
    use reqwest::multipart::{Form, Part};

    let stream = Body::wrap_stream(Frames::from([None, Some(Ok("la")), None, Some(Ok("te"))]));
    let form = Form::new().text("name", "value").part("file", Part::stream_with_length(stream, 4));
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let response = hasty_client().put(&server.url).multipart(form).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotReplayable));
    let [seen] = &*server.seen() else { panic!("sent once") };
    let body = String::from_utf8_lossy(&seen.body);
    assert!(body.contains("value") && body.contains("late"), "{body}");
}

#[cfg(feature = "multipart")]
#[tokio::test]
async fn a_form_that_is_shorter_than_it_says_or_too_long_to_copy_is_a_stream() {
    use reqwest::multipart::{Form, Part};

    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let short = Part::stream_with_length(Body::wrap_stream(Frames::from([Some(Ok("ab"))])), 4);
    let request = hasty_client().put(&server.url).multipart(Form::new().part("file", short)).send();
    let error = within(Duration::from_secs(5), request).await.expect("does not hang").unwrap_err();
    assert!(error.is_request(), "{error:?}");

    let long = Form::new().part("file", Part::bytes(vec![7; 2 * 1024 * 1024]));
    let response = hasty_client().put(&server.url).multipart(long).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().reason(), Some(StopReason::NotReplayable));
}

#[tokio::test]
async fn a_request_body_that_fails_is_the_callers_own_error() {
    let server = Server::start(|_, _| respond(503, &[], b"")).await;
    let refused = reqwest::Client::new().get("http://127.0.0.1:1").send().await.unwrap_err();
    for own in [
        Error::other("a file is gone"),
        ErrorKind::TimedOut.into(),
        ErrorKind::ConnectionReset.into(),
        Error::other(refused),
    ] {
        let text = own.to_string();
        let failing = Frames::from([Some(Err(own))]);
        let error = hasty_client().put(&server.url).body(Body::wrap_stream(failing)).send().await.unwrap_err();
        assert!(error.report().is_none() && error.is_request(), "{error:?}");
        assert_eq!(error.to_string(), "the body of the request could not be read", "{text}");
    }
    assert_eq!(server.counts().0, 0);
}

/// "the last response is handed back untouched", compressed.
const GZIP: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 5, 193, 129, 9, 0, 32, 8, 4, 192, 85, 126, 53, 203, 7, 163, 208, 72, 221, 191,
    187, 50, 226, 72, 22, 30, 243, 134, 39, 177, 18, 38, 174, 84, 12, 153, 27, 237, 21, 61, 141, 250, 1, 63, 229, 145,
    174, 42, 0, 0, 0,
];
const BROTLI: &[u8] = &[
    27, 41, 0, 0, 140, 84, 181, 127, 132, 74, 79, 50, 183, 186, 2, 41, 3, 135, 28, 176, 127, 123, 121, 90, 88, 205,
    121, 161, 170, 22, 103, 49, 222, 16, 67, 119, 0, 22,
];

#[tokio::test]
async fn a_compressed_response_is_decoded_as_ever_after_retries() {
    for (coding, body) in [("gzip", GZIP), ("br", BROTLI)] {
        let header = format!("content-encoding: {coding}");
        let server = Server::start(move |_: &Seen, _| respond(503, &[&header], body)).await;
        let response = hasty_client().get(&server.url).send().await.unwrap();
        assert_eq!(server.counts(), (3, 1), "{coding}: its connection is used again");
        assert_eq!(response.content_length(), None, "{coding}: the length of what is decoded is not known");
        assert_eq!(response.text().await.unwrap(), "the last response is handed back untouched", "{coding}");
    }
}

#[tokio::test]
async fn heads_without_a_body_and_heads_before_the_head_are_what_they_are() {
    let early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n";
    let server = Server::start(|_, nth| match nth {
        1 => Answer::Bytes(early.to_vec()),
        2 => Answer::Bytes(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n".to_vec()),
        3 => Answer::Bytes(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n".to_vec()),
        _ => respond(200, &[], b""),
    })
    .await;
    let client = hasty_client();
    let response = client.get(&server.url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), Report::of(&response).unwrap().is_recovered()), (204, true));
    assert_eq!(response.bytes().await.unwrap(), "");
    let response = client.get(&server.url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), Report::of(&response)), (304, None));
    assert_eq!(response.bytes().await.unwrap(), "");
    assert_eq!(server.counts(), (3, 1));

    let head = Server::start(|_, nth| match nth {
        1 | 2 => Answer::Bytes(b"HTTP/1.1 503 No\r\ncontent-length: 99\r\n\r\n".to_vec()),
        _ => Answer::Bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n".to_vec()),
    })
    .await;
    let response = client.head(&head.url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["content-length"]), (200, &"99".parse().unwrap()));
    assert_eq!(head.counts(), (3, 1), "the head of a body that does not come is the whole response");
}

/// As nginx sends it, in two parts with some time between them.
fn page_of_nginx(between: Option<Duration>) -> Answer {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1>\
                </center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    let head = format!("HTTP/1.1 502 Bad Gateway\r\ncontent-length: {}\r\n\r\n", page.len());
    let (first, rest) = page.split_at(40);
    match between {
        None => Answer::Bytes([&head, first, rest].concat().into_bytes()),
        Some(time) => Answer::Later(format!("{head}{first}").into_bytes(), time, rest.as_bytes().to_vec()),
    }
}

#[tokio::test]
async fn the_body_of_a_failure_tells_its_issuer_and_is_handed_back_whole() {
    let Answer::Bytes(whole) = page_of_nginx(None) else { panic!("in one part") };
    let page = String::from_utf8(whole).unwrap().split("\r\n\r\n").nth(1).unwrap().to_owned();
    for (between, issuer) in [
        (None, Issuer::Nginx),
        (Some(Duration::from_millis(5)), Issuer::Nginx),
        (Some(Duration::from_millis(150)), Issuer::Unknown),
    ] {
        let server = Server::start(move |_: &Seen, _| page_of_nginx(between)).await;
        let mut issuers = Vec::new();
        for _ in 0..5 {
            let response = hasty_client().post(&server.url).send().await.unwrap();
            issuers.push(Report::of(&response).unwrap().attempts()[0].diagnosis().issuer());
            assert_eq!(response.content_length(), Some(u64::try_from(page.len()).unwrap()), "{between:?}");
            assert_eq!(response.url().as_str(), format!("{}/", server.url));
            assert_eq!(response.text().await.unwrap(), page, "{between:?}");
        }
        let late = between == Some(Duration::from_millis(5)); // on a busy machine when 50 are over
        issuers.retain(|found| !late || *found == issuer);
        assert!(!issuers.is_empty() && issuers.iter().all(|found| *found == issuer), "{between:?}: {issuers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_body_that_never_comes_is_waited_for_50_ms_and_one_that_says_nothing_of_its_length_not_at_all() {
    for (head, waited_ms) in [("content-length: 100", 50), ("transfer-encoding: chunked", 0)] {
        let bytes = format!("HTTP/1.1 502 No\r\n{head}\r\n\r\n").into_bytes();
        let server = Server::start(move |_: &Seen, _| Answer::Stall(bytes.clone())).await;
        let response = hasty_client().post(&server.url).send().await.unwrap();
        let elapsed = Report::of(&response).unwrap().elapsed();
        assert!((waited_ms..=waited_ms + 1).contains(&elapsed.as_millis()), "{head}: {elapsed:?}");
        assert!(within(Duration::from_millis(20), response.bytes()).await.is_none(), "{head}: still open");
    }
}

/// Not as one of the request's, of which there is none, however often it was wrapped on its way.
#[tokio::test]
async fn a_body_that_breaks_or_comes_too_late_is_told_as_the_responses() {
    let head = |status: u16, length| format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {length}\r\n\r\nhello");
    let ends = |status, length| Answer::End(head(status, length).into_bytes());
    let soon = Duration::from_millis(500);
    let (broken, late) = ("the body is broken or not what it should be", "the body was not read in time");
    let unlimited = || hasty().build().unwrap();
    for (answer, policy, request_timeout, expected) in [
        (ends(500, 99), unlimited(), None, broken), // looked into
        (ends(200, 99), unlimited(), None, broken), // as it came
        (ends(200, 99), hasty().timeout(LONG).build().unwrap(), None, broken), // limited
        (Answer::Stall(head(200, 99).into()), hasty().timeout(soon).build().unwrap(), None, late),
        (Answer::Stall(head(200, 99).into()), unlimited(), Some(soon), late),
    ] {
        let server = Server::start(move |_: &Seen, _| answer.clone()).await;
        let mut request = hasty_client().get(&server.url).policy(policy);
        if let Some(timeout) = request_timeout {
            request = request.timeout(timeout);
        }
        let error = forbear::Error::from(request.send().await.unwrap().bytes().await.unwrap_err());
        assert_eq!((error.to_string().as_str(), error.is_timeout()), (expected, expected == late), "{error:?}");
    }
}

#[tokio::test]
async fn a_body_of_more_than_4_kib_is_not_looked_into() {
    let Answer::Bytes(page) = page_of_nginx(None) else { panic!("in one part") };
    let page = String::from_utf8(page).unwrap().split("\r\n\r\n").nth(1).unwrap().to_owned();
    for (length, issuer) in [(4096, Issuer::Nginx), (4097, Issuer::Unknown)] {
        let body = format!("{page:length$}").into_bytes();
        let server = Server::start(move |_: &Seen, _| respond(502, &[], &body)).await;
        let response = hasty_client().post(&server.url).send().await.unwrap();
        assert_eq!(Report::of(&response).unwrap().attempts()[0].diagnosis().issuer(), issuer, "{length} bytes");
    }
}

#[tokio::test]
async fn bodies_are_not_looked_at_where_the_policy_says_so() {
    let server = Server::start(|_, _| page_of_nginx(None)).await;
    let policy = hasty().looks_into_bodies(false).build().unwrap();
    let response = hasty_client().post(&server.url).policy(policy).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().attempts()[0].diagnosis().issuer(), Issuer::Unknown);
}

#[tokio::test]
async fn a_classifier_sees_the_body_of_an_answer() {
    let throttled = |outcome: &Outcome<'_>, _: &Diagnosis| {
        let says = outcome.body_start().windows(19).any(|text| text == b"ThrottlingException");
        if says { Ruling::Is(Condition::RateLimited) } else { Ruling::AsDiagnosed }
    };
    let server = Server::start(|_, nth| match nth {
        1 => respond(400, &[], br#"{"__type":"ThrottlingException"}"#),
        _ => respond(200, &[], b"done"),
    })
    .await;
    let policy = hasty().classify(throttled).build().unwrap();
    let response = hasty_client().get(&server.url).policy(policy).send().await.unwrap();
    assert_eq!((response.status().as_u16(), server.counts().0), (200, 2));
    assert_eq!(Report::of(&response).unwrap().attempts()[0].condition(), Some(Condition::RateLimited));
}

#[tokio::test]
async fn the_version_of_the_request_is_that_of_every_attempt() {
    let server = Server::start(|_, nth| respond(if nth < 3 { 503 } else { 200 }, &["connection: close"], b"")).await;
    hasty_client().get(&server.url).version(Version::HTTP_10).send().await.unwrap();
    assert!(server.seen().iter().all(|seen| seen.head.contains(" HTTP/1.0\r\n")), "{:?}", server.seen());
    assert_eq!(server.counts().0, 3);
}

#[tokio::test]
async fn reqwests_own_timeout_is_an_attempts_and_a_requests_is_the_calls() {
    let stalls = || Server::start(|_, _| Answer::Stall(Vec::new()));
    let http = || reqwest::Client::builder().no_proxy().timeout(Duration::from_millis(400));
    let client = forbear::Client::builder(http()).policy(hasty().build().unwrap()).build().unwrap();
    let server = stalls().await;
    let error = client.get(&server.url).send().await.unwrap_err();
    assert!(error.is_timeout() && error.as_reqwest().is_some());
    assert_eq!((error.report().unwrap().attempts().len(), server.counts().0), (2, 2));

    // Under the time of the call in the policy, the client's own timeout still is an attempt's.
    let server =
        Server::start(|_, nth| if nth == 1 { Answer::Stall(vec![]) } else { respond(200, &[], b"done") }).await;
    let policy = hasty().timeout(Duration::from_secs(30)).build().unwrap();
    let response = client.get(&server.url).policy(policy).send().await.unwrap();
    assert_eq!(Report::of(&response).unwrap().attempts()[0].condition(), Some(Condition::Timeout));
    assert_eq!((server.counts().0, response.text().await.unwrap().as_str()), (2, "done"));

    let server = stalls().await;
    let request = client.get(&server.url).timeout(Duration::from_millis(800));
    let error = within(Duration::from_secs(5), request.send()).await.unwrap().unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.report().unwrap().reason(), Some(StopReason::NoTimeLeft));
    assert_eq!(server.counts().0, 1);
}
