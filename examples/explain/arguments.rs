//! What is asked: a file, a request, and what comes back from each attempt.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use forbear::{Failure, Outcome};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use lexopt::{Arg, Parser, ValueExt};

use super::Result;

pub(crate) const HELP: &str = "\
Tells what forbear would do, without sending anything.

usage: explain FILE METHOD URL [OPTION…] [OUTCOME…]

FILE holds the endpoints, in TOML, or in JSON if its name ends so. Each outcome is what comes back from one attempt:
  --status CODE            a response; of it, if they follow:
    --header 'NAME: VALUE'   a header
    --body TEXT | @FILE      the start of its body, as evidence of who issued it
  --fail HOW               no response: connect, connect_permanent, stream_refused, interrupted, timeout or caller
    --after DURATION         how long it took, of either; a timeout takes that of the attempt, all else no time

options:
  --idempotency-key KEY    is sent with the request
  --idempotent             the caller says that the request may be done twice
  --stream                 its body can be sent only once
  --seed NUMBER            draws the jitter (0)
  --json                   for programs: the fields of the events, under their names
  --help
";

pub(crate) struct Arguments {
    pub(crate) file: PathBuf,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    /// The caller's word.
    pub(crate) idempotent: bool,
    pub(crate) replayable: bool,
    pub(crate) seed: u64,
    pub(crate) json: bool,
    pub(crate) outcomes: Vec<Came>,
}

/// What comes back from an attempt.
pub(crate) struct Came {
    pub(crate) result: std::result::Result<StatusCode, Failure>,
    headers: HeaderMap,
    body: Vec<u8>,
    pub(crate) after: Option<Duration>,
}

impl Came {
    fn new(result: std::result::Result<StatusCode, Failure>) -> Self {
        Self { result, headers: HeaderMap::new(), body: Vec::new(), after: None }
    }

    pub(crate) fn outcome(&self, at: SystemTime) -> Outcome<'_> {
        match self.result {
            Ok(status) => Outcome::response(status, &self.headers, at).body(&self.body),
            Err(failure) => Outcome::failure(failure),
        }
    }
}

impl Arguments {
    /// Returns `None` if help is asked for.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Self>> {
        let mut parser = Parser::from_args(arguments);
        let (mut free, mut headers, mut outcomes) = (Vec::new(), HeaderMap::new(), Vec::new());
        let (mut idempotent, mut replayable, mut seed, mut json) = (false, true, 0, false);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("status") => outcomes.push(Came::new(Ok(status(&parser.value()?.string()?)?))),
                Arg::Long("fail") => outcomes.push(Came::new(Err(failure(&parser.value()?.string()?)?))),
                Arg::Long("header") => {
                    let (name, value) = header(&parser.value()?.string()?)?;
                    response(&mut outcomes, "--header")?.headers.append(name, value);
                }
                Arg::Long("body") => response(&mut outcomes, "--body")?.body = body(&parser.value()?.string()?)?,
                Arg::Long("after") => {
                    let came =
                        outcomes.last_mut().ok_or("--after must follow the --status or --fail that it is about")?;
                    came.after = Some(duration(&parser.value()?.string()?)?);
                }
                Arg::Long("idempotency-key") => {
                    let key = parser.value()?.string()?;
                    let value = HeaderValue::from_str(&key).map_err(|_| format!("{key:?} is no value of a header"))?;
                    headers.insert(HeaderName::from_static("idempotency-key"), value);
                }
                Arg::Long("idempotent") => idempotent = true,
                Arg::Long("stream") => replayable = false,
                Arg::Long("seed") => seed = self::seed(&parser.value()?.string()?)?,
                Arg::Long("json") => json = true,
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Value(value) => free.push(value.string()?),
                Arg::Long(_) | Arg::Short(_) => return Err(argument.unexpected().into()),
            }
        }
        let [file, method, url] = free.as_slice() else {
            return Err(format!("it takes FILE METHOD URL, not {free:?}: see --help").into());
        };
        let (file, method, uri) = (PathBuf::from(file), self::method(method)?, uri(url)?);
        Ok(Some(Self { file, method, uri, headers, idempotent, replayable, seed, json, outcomes }))
    }
}

fn method(text: &str) -> Result<Method> {
    let upper = text.to_ascii_uppercase();
    if text != upper {
        return Err(format!("METHOD is {text:?}, but must be {upper:?}: letter case tells methods apart").into());
    }
    Method::try_from(text).map_err(|_| format!("METHOD is {text:?}, but must be one such as GET").into())
}

fn uri(text: &str) -> Result<Uri> {
    let uri = Uri::try_from(text).ok().filter(|uri| uri.scheme().is_some() && uri.host().is_some());
    uri.ok_or_else(|| {
        format!("URL is {text:?}, but must be whole, as in https://payments.internal/v1/charges/7").into()
    })
}

fn status(text: &str) -> Result<StatusCode> {
    StatusCode::try_from(text).map_err(|_| format!("--status is {text:?}, but must be a number from 100 to 999").into())
}

fn failure(text: &str) -> Result<Failure> {
    let failure = FAILURES.iter().find(|(name, _)| *name == text).map(|(_, failure)| *failure);
    let names = FAILURES.map(|(name, _)| name).join(", ");
    failure.ok_or_else(|| format!("--fail is {text:?}, but must be one of {names}").into())
}

/// Returns the name by which a failure is asked for.
pub(crate) fn name(failure: Failure) -> &'static str {
    FAILURES.iter().find(|(_, known)| *known == failure).map_or("failure", |(name, _)| name)
}

fn seed(text: &str) -> Result<u64> {
    text.parse().map_err(|_| format!("--seed is {text:?}, but must be a number from 0 to {}", u64::MAX).into())
}

fn header(text: &str) -> Result<(HeaderName, HeaderValue)> {
    let parts = text.split_once(':').and_then(|(name, value)| {
        Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
    });
    parts.ok_or_else(|| format!("--header is {text:?}, but must be as in 'Retry-After: 30'").into())
}

fn body(text: &str) -> Result<Vec<u8>> {
    match text.strip_prefix('@') {
        Some(path) => fs::read(path).map_err(|error| format!("--body {text}: {error}").into()),
        None => Ok(text.as_bytes().to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration> {
    let must = format!("--after is {text:?}, but must be a duration with its unit, such as 2s or 500ms");
    Ok(humantime::parse_duration(text).map_err(|_| must)?)
}

fn response<'a>(outcomes: &'a mut [Came], option: &str) -> Result<&'a mut Came> {
    let response = outcomes.last_mut().filter(|came| came.result.is_ok());
    response.ok_or_else(|| format!("{option} must follow the --status that it is about").into())
}

const FAILURES: [(&str, Failure); 6] = [
    ("connect", Failure::Connect),
    ("connect_permanent", Failure::ConnectPermanent),
    ("stream_refused", Failure::StreamRefused),
    ("interrupted", Failure::Interrupted),
    ("timeout", Failure::Timeout),
    ("caller", Failure::Caller),
];
