//! The standard mode of AWS's SDK for Rust against its model: what is retried, how often, and after which waits.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fmt, future, mem};

use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::{ErrorKind, RetryConfig};
use fastrand::Rng;
use forbear::Failure;
use http::StatusCode;

use crate::answer::Answer;
use crate::draws::{DRAWS, assert_alike, drawn};
use crate::policies::aws::Aws;
use crate::scripted::played;

/// A trace of quiet times that fill the bucket, outages that empty it, and all that is between.
#[tokio::test]
async fn the_model_sends_as_many_attempts_as_the_sdk() {
    let (client, mut model, mut dice) = (Client::new(), Aws::default(), Rng::with_seed(7));
    let (mut by_attempts, mut unpaid) = ([0; 4], 0);
    for (calls, failing) in PHASES {
        for call in 0..calls {
            let script =
                [(); 3].map(|()| if dice.f64() < failing { dice.choice(FAILURES).unwrap() } else { Answer::OK });
            let attempts = client.call(&script).await.len() + 1;
            let (modelled, _) = played(&mut model, &script, Duration::ZERO);
            assert_eq!(modelled, attempts, "call {call}, {failing} failing: {script:?}");
            by_attempts[attempts] += 1;
            unpaid += u32::from(attempts < 3 && !script[attempts - 1].is_success());
        }
    }
    assert!(by_attempts[1..].iter().all(|calls| *calls > 30), "{by_attempts:?} calls of 0, 1, 2, 3 attempts");
    assert!(unpaid > 30, "{unpaid} calls for which the bucket held too little");
}

/// Both draw evenly from zero to the same longest wait, whatever `Retry-After` says.
#[tokio::test]
async fn the_model_waits_as_the_sdk_does() {
    let answer = Answer::UNAVAILABLE.after(30);
    let mut real = vec![Vec::new(); 2];
    for _ in 0..DRAWS / 20 {
        let client = Client::new(); // with a full bucket
        for _ in 0..20 {
            let waits = client.call(&[answer; 3]).await;
            assert_eq!(waits.len(), real.len());
            real.iter_mut().zip(waits).for_each(|(real, wait)| real.push(wait));
        }
    }
    for (attempts, real) in (1..).zip(real) {
        let longest = Aws::longest_wait(attempts).unwrap();
        assert_alike(real, drawn(&Aws::default(), attempts, answer), longest, attempts);
    }
    assert_eq!(Aws::longest_wait(3), None);
}

/// All of the SDK but what sends.
struct Client {
    connector: Told,
    waits: Waits,
    operation: Operation<(), (), fmt::Error>,
}

impl Client {
    /// One with a bucket of its own: it goes by the name of the service.
    fn new() -> Self {
        static CLIENTS: AtomicUsize = AtomicUsize::new(0);
        let (connector, waits) = (Told::default(), Waits::default());
        let shared = SharedHttpConnector::new(connector.clone());
        let operation = Operation::builder()
            .service_name(CLIENTS.fetch_add(1, Ordering::Relaxed).to_string())
            .operation_name("call")
            .http_client(http_client_fn(move |_, _| shared.clone()))
            .endpoint_url("http://orders.internal")
            .no_auth()
            .standard_retry(&RetryConfig::standard())
            .retry_classifier(TransientErrorClassifier::<fmt::Error>::new())
            .retry_classifier(HttpStatusCodeClassifier::default())
            .sleep_impl(waits.clone())
            .serializer(|()| Ok(HttpRequest::empty()))
            .deserializer(|response| {
                let failed = !response.status().is_success();
                if failed { Err(OrchestratorError::operation(fmt::Error)) } else { Ok(()) }
            })
            .build();
        Self { connector, waits, operation }
    }

    /// Makes a call that is answered by a script, and returns the wait before each retry.
    async fn call(&self, script: &[Answer]) -> Vec<Duration> {
        *self.connector.0.lock().unwrap() = script.iter().copied().collect();
        let _response_or_error = self.operation.invoke(()).await;
        let waits = mem::take(&mut *self.waits.0.lock().unwrap());
        let left = self.connector.0.lock().unwrap().len();
        assert_eq!(waits.len() + 1, script.len() - left, "{script:?}");
        waits
    }
}

/// Answers each request with the next of its script.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<VecDeque<Answer>>>);

impl HttpConnector for Told {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(received(self.0.lock().unwrap().pop_front().unwrap()))
    }
}

/// Returns what the SDK's own connector makes of an answer.
fn received(answer: Answer) -> Result<HttpResponse, ConnectorError> {
    match answer.result {
        Ok(status) => {
            let mut response = HttpResponse::new(status.as_u16().try_into().unwrap(), SdkBody::empty());
            answer.hint.map(|seconds| response.headers_mut().insert("retry-after", seconds.to_string()));
            Ok(response)
        }
        Err(Failure::Timeout) => Err(ConnectorError::timeout("no answer".into())),
        Err(Failure::Connect) => Err(ConnectorError::io("refused".into())),
        Err(Failure::Interrupted) => {
            Err(ConnectorError::other("incomplete message".into(), Some(ErrorKind::TransientError)))
        }
        Err(failure) => unreachable!("nothing in a script is {failure:?}"),
    }
}

/// Notes each wait, and does not wait.
#[derive(Clone, Debug, Default)]
struct Waits(Arc<Mutex<Vec<Duration>>>);

impl AsyncSleep for Waits {
    fn sleep(&self, wait: Duration) -> Sleep {
        self.0.lock().unwrap().push(wait);
        Sleep::new(future::ready(()))
    }
}

/// All that are retried, of each kind.
const FAILURES: [Answer; 7] = [
    Answer::status(StatusCode::INTERNAL_SERVER_ERROR),
    Answer::BAD_GATEWAY,
    Answer::UNAVAILABLE.after(1),
    Answer::status(StatusCode::GATEWAY_TIMEOUT),
    Answer::REFUSED,
    Answer::RESET,
    Answer::TIMEOUT,
];

/// Calls, and how many of their attempts fail.
const PHASES: [(u32, f64); 8] =
    [(100, 0.02), (60, 1.0), (200, 0.0), (150, 0.3), (100, 0.7), (600, 0.0), (60, 1.0), (300, 0.4)];
