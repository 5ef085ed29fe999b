//! A model of reqwest's own `retry` for a host, whose budget is tower's `TpsBudget`.

use std::time::Duration;

use super::model::{Called, Model};
use crate::answer::Answer;

/// Two retries without a wait, paid from a fifth of the successes of ten seconds, and ten per second on top.
///
/// Its classifier is the user's: here each answer but a success may be retried. It does not see headers, nor a timeout, which
/// is one of all attempts and ends the call.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReqwestOwn {
    /// What each second of the last ten added.
    slots: [i32; SLOTS],
    index: usize,
    /// What the current second added.
    writer: i32,
    expired: Duration,
}

impl ReqwestOwn {
    /// Tower's own way, with what it forgets late.
    fn expire(&mut self, now: Duration) {
        let mut elapsed = now.saturating_sub(self.expired);
        if elapsed < WINDOW {
            return;
        }
        self.set(self.writer);
        self.writer = 0;
        self.index = (self.index + 1) % SLOTS;
        while elapsed > WINDOW {
            self.set(0);
            elapsed -= WINDOW;
            self.index = (self.index + 1) % SLOTS;
        }
        self.expired = now;
    }

    fn set(&mut self, added: i32) {
        if let Some(slot) = self.slots.get_mut(self.index) {
            *slot = added;
        }
    }

    fn withdraw(&mut self, now: Duration) -> bool {
        self.expire(now);
        let pays = self.slots.iter().sum::<i32>() + self.writer + RESERVE >= PRICE;
        self.writer -= if pays { PRICE } else { 0 };
        pays
    }
}

impl Model for ReqwestOwn {
    fn on_answer(&mut self, call: &mut Called, answer: Answer, now: Duration) -> Option<Duration> {
        if call.attempts > MAX_RETRIES || answer.is_timeout() {
            return None; // it does not look at this one
        }
        if answer.is_success() {
            self.expire(now);
            self.writer += 1;
            return None;
        }
        self.withdraw(now).then_some(Duration::ZERO)
    }
}

const MAX_RETRIES: u32 = 2;
const SLOTS: usize = 10;
const WINDOW: Duration = Duration::from_secs(1);
/// In successes.
const PRICE: i32 = 5;
/// Ten retries for each of the ten seconds.
const RESERVE: i32 = 10 * 10 * PRICE;
