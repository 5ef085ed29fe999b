//! The `Idempotency-Key` of a call (draft-ietf-httpapi-idempotency-key-header).
#![expect(clippy::disallowed_methods, reason = "a key is random, and decides nothing")]

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use http::{HeaderMap, HeaderValue, Method};

use crate::endpoints::IDEMPOTENCY_KEY;

/// Makes the keys of a client, if it sends any.
#[derive(Clone, Default)]
pub(crate) struct Keys(Option<Arc<dyn Fn() -> HeaderValue + Send + Sync>>);

impl Keys {
    pub(crate) fn of(generator: impl Fn() -> HeaderValue + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(generator)))
    }

    /// Gives a call its key, if it needs one and has none. An empty one of the caller's stays, and is none.
    pub(crate) fn add(&self, method: &Method, headers: &mut HeaderMap) {
        if let Some(generator) = self.0.as_ref().filter(|_| !method.is_idempotent()) {
            headers.entry(IDEMPOTENCY_KEY).or_insert_with(|| generator());
        }
    }
}

/// Returns a random `Idempotency-Key`: a UUID of version 4 (RFC 9562 §5.4), without quotes, as the servers in use expect.
///
/// Two calls have the same one no sooner than 122 random bits do: it is a keyed hash of the process, the time, and a counter,
/// so that neither a fork nor a machine that is copied repeats it. It is no secret, and not made to be one.
#[must_use]
pub fn random_key() -> HeaderValue {
    static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static MADE: AtomicU64 = AtomicU64::new(0);
    // The key of the hash is 128 bits of the system's own, where the dice of the seeds have 64.
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let this = (std::process::id(), now, MADE.fetch_add(1, Ordering::Relaxed));
    let (high, low) = (KEYS.hash_one((this, 0)), KEYS.hash_one((this, 1)));
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0x0fff);
    let (d, e) = ((low >> 48) & 0x3fff | 0x8000, low & 0xffff_ffff_ffff);
    let key = format!("{a:08x}-{b:04x}-4{c:03x}-{d:04x}-{e:012x}");
    HeaderValue::try_from(key).unwrap_or_else(|_| unreachable!("hexadecimal digits and hyphens make a header"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_are_uuids_of_version_4_and_each_is_new() {
        let keys: HashSet<HeaderValue> = (0..10_000).map(|_| random_key()).collect();
        assert_eq!(keys.len(), 10_000);
        for key in &keys {
            let fields: Vec<&str> = key.to_str().unwrap().split('-').collect();
            assert_eq!(fields.iter().map(|field| field.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{key:?}");
            assert!(fields.concat().bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')), "{key:?}");
            assert!(fields[2].starts_with('4') && fields[3].starts_with(['8', '9', 'a', 'b']), "{key:?}");
        }
        // Every digit that may differ does.
        let digits = |at: usize| keys.iter().map(|key| key.as_bytes()[at]).collect::<HashSet<u8>>().len();
        let expected = |at: usize| match at {
            8 | 13 | 18 | 23 | 14 => 1,
            19 => 4,
            _ => 16,
        };
        assert_eq!((0..36).map(digits).collect::<Vec<_>>(), (0..36).map(expected).collect::<Vec<_>>());
    }
}
