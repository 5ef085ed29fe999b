//! The hosts that were called, in bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::host::Host;
use crate::now::Now;
use crate::origin::Origin;
use crate::policy::Policy;

/// The hosts under the fallback, the stalest of which makes room for a new one.
#[derive(Default)]
pub(super) struct Hosts(RwLock<HashMap<Origin<'static>, Arc<Host>>>);

impl Hosts {
    /// Finds a host that is known without an exclusive lock and without allocating.
    pub(super) fn find(&self, origin: Origin<'_>, policy: &Policy, now: Now) -> Arc<Host> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&origin).cloned();
        let host = known.unwrap_or_else(|| self.insert(origin.into_owned(), policy, now));
        host.touch(now);
        host
    }

    #[cold]
    fn insert(&self, origin: Origin<'static>, policy: &Policy, now: Now) -> Arc<Host> {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&origin) {
            let stalest = hosts.values().min_by_key(|host| host.last_used()).map(|host| host.origin.clone());
            stalest.and_then(|stalest| hosts.remove(&stalest));
        }
        let new = || Arc::new(Host::new(origin.clone(), policy.clone(), now));
        Arc::clone(hosts.entry(origin.clone()).or_insert_with(new))
    }
}

/// More hosts than a service calls; a crawler's budgets would not fill up between two visits anyway.
const MAX_HOSTS: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> Now {
        Now::from_origin(Duration::from_secs(seconds))
    }

    fn host(number: usize) -> String {
        format!("host-{number}.internal")
    }

    #[test]
    fn the_stalest_host_leaves_first_and_memory_stays_bounded() {
        let hosts = Hosts::default();
        let policy = Policy::default();
        let find = |number: usize, now| hosts.find(Origin::new("http", &host(number), None), &policy, at(now));
        let first = find(0, 1);
        for number in 1..MAX_HOSTS {
            find(number, 2);
        }
        find(0, 3);
        for number in MAX_HOSTS..MAX_HOSTS + 500 {
            find(number, 4);
        }
        assert_eq!(hosts.0.read().unwrap().len(), MAX_HOSTS);
        assert!(Arc::ptr_eq(&first, &find(0, 5)), "a host in use stays");
    }

    #[test]
    fn two_that_find_a_new_host_at_once_share_it_and_only_one_other_leaves() {
        let (hosts, policy) = (Hosts::default(), Policy::default());
        let insert =
            |number: usize| hosts.insert(Origin::new("http", &host(number), None).into_owned(), &policy, at(0));
        for number in 0..MAX_HOSTS {
            insert(number);
        }
        let [one, other] = [MAX_HOSTS; 2].map(insert);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(hosts.0.read().unwrap().len(), MAX_HOSTS);
    }

    #[test]
    fn a_known_host_is_found_while_another_reads() {
        let hosts = Hosts::default();
        let policy = Policy::default();
        let origin = || Origin::new("http", "orders.internal", None);
        let first = hosts.find(origin(), &policy, at(0));
        let _reader = hosts.0.read().unwrap();
        assert!(hosts.0.try_write().is_err(), "an exclusive lock would wait for ever");
        assert!(Arc::ptr_eq(&first, &hosts.find(origin(), &policy, at(1))));
    }
}
