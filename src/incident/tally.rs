//! What an incident consists of, by count.

use std::cmp::Reverse;

use crate::diagnosis::{Blame, Condition, Diagnosis, Issuer, LookAt};
use crate::policy::StopReason;

/// Counts of failing attempts, and of what became of their calls. Its size is fixed.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) conditions: Counts<Condition, { Condition::ALL.len() }>,
    pub(super) issuers: Counts<Issuer, ISSUERS>,
    pub(super) lost: Counts<StopReason, { StopReason::ALL.len() }>,
    pub(super) retries: u64,
    pub(super) saved: u64,
    blames: Counts<Blame, BLAMES>,
}

impl Tally {
    pub(super) const NOTHING: Self = Self {
        conditions: Counts::NONE,
        issuers: Counts::NONE,
        lost: Counts::NONE,
        retries: 0,
        saved: 0,
        blames: Counts::NONE,
    };

    /// Counts a failing attempt, with why it was not retried. What has no condition is none.
    pub(super) fn add(&mut self, diagnosis: &Diagnosis, stopped: Option<StopReason>) {
        let (Some(condition), Some(blame)) = (diagnosis.condition(), diagnosis.blame()) else { return };
        self.conditions.add(condition);
        self.issuers.add(diagnosis.issuer());
        self.blames.add(blame);
        match stopped {
            Some(reason) => self.lost.add(reason),
            None => self.retries = self.retries.saturating_add(1),
        }
    }

    /// Returns where more than half of it points, or *mixed*.
    pub(super) fn look_at(&self) -> LookAt {
        self.blames.dominant(Blame::look_at).unwrap_or(LookAt::Mixed)
    }

    /// Returns the advice of the cause that makes up more than half: with its issuer if that does too, else hedged.
    pub(super) fn advice(&self) -> String {
        let views = [|blame| blame, Blame::unsure, Blame::of_anybody];
        let dominant = views.into_iter().find_map(|view| self.blames.dominant(view));
        dominant.map_or_else(|| NO_DOMINANT_CAUSE.to_owned(), Blame::advice)
    }
}

/// How often each of a few things came. The first `N` that come are told apart; later ones count in the total only.
#[derive(Clone, Debug)]
pub(super) struct Counts<K, const N: usize> {
    slots: [Option<(K, u64)>; N],
    total: u64,
}

impl<K: Copy + PartialEq, const N: usize> Counts<K, N> {
    const NONE: Self = Self { slots: [None; N], total: 0 };

    pub(super) fn add(&mut self, key: K) {
        self.total = self.total.saturating_add(1);
        let is_its_own = |slot: &&mut Option<(K, u64)>| slot.is_none_or(|(known, _)| known == key);
        if let Some(slot) = self.slots.iter_mut().find(is_its_own) {
            let before = slot.map_or(0, |(_, count)| count);
            *slot = Some((key, before.saturating_add(1)));
        }
    }

    pub(super) const fn total(&self) -> u64 {
        self.total
    }

    /// Returns them with the most frequent first.
    pub(super) fn most_first(&self) -> Vec<(K, u64)> {
        let mut counts: Vec<_> = self.iter().collect();
        counts.sort_by_key(|(_, count)| Reverse(*count));
        counts
    }

    /// Returns what more than half look like, seen so.
    fn dominant<T: PartialEq>(&self, seen: impl Fn(K) -> T) -> Option<T> {
        let count = |view: &T| self.iter().filter(|(key, _)| seen(*key) == *view).map(|(_, count)| count).sum::<u64>();
        self.iter().map(|(key, _)| seen(key)).find(|view| count(view) > self.total / 2)
    }

    fn iter(&self) -> impl Iterator<Item = (K, u64)> {
        self.slots.iter().copied().flatten()
    }
}

/// More than stand in front of any one endpoint.
const ISSUERS: usize = 8;
/// A few causes for each of a few issuers. What does not fit is no reason to call anything dominant.
const BLAMES: usize = 16;
const NO_DOMINANT_CAUSE: &str =
    "several things fail and none dominates: look for what they share, such as a deploy, a host or a network";

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::outcome::{Failure, Outcome};

    const NGINX_502: &[u8] = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
        <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
    const ENVOY_503: &[u8] = b"no healthy upstream";

    fn response(status: u16, body: &[u8]) -> Diagnosis {
        let headers = HeaderMap::new();
        let status = StatusCode::from_u16(status).unwrap();
        Diagnosis::of(&Outcome::response(status, &headers, SystemTime::UNIX_EPOCH).body(body))
    }

    fn failure(failure: Failure) -> Diagnosis {
        Diagnosis::of(&Outcome::failure(failure))
    }

    fn tally(of: &[(usize, Diagnosis)]) -> Tally {
        let mut tally = Tally::NOTHING;
        for (times, diagnosis) in of {
            (0..*times).for_each(|_| tally.add(diagnosis, None));
        }
        tally
    }

    #[test]
    fn one_place_to_look_at_is_named_when_more_than_half_point_there() {
        let bad_gateway = || response(502, b"");
        let table: [(&[_], _); 6] = [
            (&[], LookAt::Mixed),
            (&[(1, bad_gateway())], LookAt::Infrastructure),
            (&[(2, bad_gateway()), (2, response(500, b""))], LookAt::Mixed),
            (&[(3, bad_gateway()), (2, response(500, b""))], LookAt::Infrastructure),
            (&[(2, bad_gateway()), (2, response(503, ENVOY_503)), (3, response(500, b""))], LookAt::Infrastructure),
            (&[(2, bad_gateway()), (2, response(429, b"")), (2, failure(Failure::Connect))], LookAt::Mixed),
        ];
        for (of, expected) in table {
            assert_eq!(tally(of).look_at(), expected, "{of:?}");
        }
    }

    #[test]
    fn the_advice_says_as_much_as_more_than_half_agree_on() {
        let (nginx, unnamed) = (|| response(502, NGINX_502), || response(502, b""));
        assert_eq!((nginx().issuer(), unnamed().issuer()), (Issuer::Nginx, Issuer::Unknown));
        let table: [(&[_], _); 6] = [
            (&[(3, nginx()), (2, unnamed())], "nginx got no valid answer"),
            (&[(2, nginx()), (3, unnamed())], "probably a proxy got no valid answer"),
            (&[(2, nginx()), (2, unnamed()), (2, response(500, b""))], "probably a proxy got no valid answer"),
            (&[(1, nginx()), (1, unnamed()), (2, response(500, b""))], NO_DOMINANT_CAUSE),
            (&[(2, failure(Failure::Connect)), (1, nginx())], "no connection was made"),
            (&[], NO_DOMINANT_CAUSE),
        ];
        for (of, expected) in table {
            let advice = tally(of).advice();
            assert!(advice.starts_with(expected), "{advice}\nnot {expected}");
        }
    }

    #[test]
    fn an_attempt_counts_by_what_and_by_whom_and_by_what_became_of_its_call() {
        let mut tally = tally(&[(2, response(502, NGINX_502)), (3, failure(Failure::Timeout))]);
        for (times, reason) in [(1, StopReason::Attempts), (4, StopReason::Budget), (4, StopReason::NoRetries)] {
            (0..times).for_each(|_| tally.add(&response(503, ENVOY_503), Some(reason)));
        }
        tally.add(&response(404, b""), Some(StopReason::Attempts));
        tally.add(&failure(Failure::Caller), None);
        let conditions = [(Condition::BadGateway, 11), (Condition::Timeout, 3)];
        assert_eq!((tally.conditions.most_first(), tally.conditions.total()), (conditions.to_vec(), 14));
        let issuers = [(Issuer::Envoy, 9), (Issuer::Unknown, 3), (Issuer::Nginx, 2)];
        assert_eq!(tally.issuers.most_first(), issuers);
        let lost = [(StopReason::Budget, 4), (StopReason::NoRetries, 4), (StopReason::Attempts, 1)];
        assert_eq!((tally.lost.most_first(), tally.lost.total(), tally.retries), (lost.to_vec(), 9, 5));
    }

    #[test]
    fn what_does_not_fit_counts_in_the_total_and_dominates_nothing() {
        let mut counts: Counts<u32, 3> = Counts::NONE;
        [7, 8, 9, 1, 2, 3, 7, 7].into_iter().for_each(|key| counts.add(key));
        assert_eq!((counts.most_first(), counts.total()), (vec![(7, 3), (8, 1), (9, 1)], 8));
        assert_eq!(counts.dominant(|key| key), None);
        assert_eq!(counts.dominant(|_| ()), Some(()), "5 of 8");
        counts.add(1);
        counts.add(1);
        assert_eq!(counts.dominant(|_| ()), None, "5 of 10");
    }
}
