//! The hosts that were called, in bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::host::Host;
use crate::now::Now;
use crate::origin::Origin;

/// The hosts, the stalest of which makes room for a new one.
#[derive(Default)]
pub(super) struct Hosts(RwLock<HashMap<Origin<'static>, Arc<Host>>>);

impl Hosts {
    /// Finds a host that is known without an exclusive lock and without allocating.
    pub(super) fn find(&self, origin: Origin<'_>, now: Now, new: impl FnOnce(Origin<'static>) -> Host) -> Arc<Host> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&origin).cloned();
        let host = known.unwrap_or_else(|| self.insert(new(origin.into_owned())));
        host.touch(now);
        host
    }

    /// Returns all of them, in no order. A new host waits until they are listed, so nothing else is done with the lock.
    pub(super) fn all(&self) -> Vec<Arc<Host>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    #[cold]
    fn insert(&self, host: Host) -> Arc<Host> {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&host.origin) {
            let stalest = hosts.values().min_by_key(|host| host.last_used()).map(|host| host.origin.clone());
            stalest.and_then(|stalest| hosts.remove(&stalest));
        }
        Arc::clone(hosts.entry(host.origin.clone()).or_insert_with(|| Arc::new(host)))
    }
}

/// More hosts than a service calls; a crawler's budgets would not fill up between two visits anyway.
const MAX_HOSTS: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::budget::Budget;
    use crate::endpoint::EndpointState;
    use crate::policy::Policy;
    use crate::router::Router;

    fn at(seconds: u64) -> Now {
        Now::from_origin(Duration::from_secs(seconds))
    }

    fn origin(number: usize) -> Origin<'static> {
        Origin::new("http", &format!("host-{number}.internal"), None).into_owned()
    }

    fn new(origin: Origin<'static>) -> Host {
        let routes = Router::default().of_host(&origin);
        let fallback = EndpointState::fallback(Policy::default(), Budget::new(), &Arc::default());
        Host::new(origin, fallback, routes, at(0))
    }

    #[test]
    fn the_stalest_host_leaves_first_and_memory_stays_bounded() {
        let hosts = Hosts::default();
        let find = |number: usize, now| hosts.find(origin(number), at(now), new);
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
        let hosts = Hosts::default();
        let insert = |number: usize| hosts.insert(new(origin(number)));
        for number in 0..MAX_HOSTS {
            insert(number);
        }
        let [one, other] = [MAX_HOSTS; 2].map(insert);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(hosts.0.read().unwrap().len(), MAX_HOSTS);
    }

    #[test]
    fn a_known_host_is_found_and_all_are_listed_while_another_reads() {
        let hosts = Hosts::default();
        let first = hosts.find(origin(0), at(0), new);
        let _reader = hosts.0.read().unwrap();
        assert!(hosts.0.try_write().is_err(), "an exclusive lock would wait for ever");
        assert!(Arc::ptr_eq(&first, &hosts.find(origin(0), at(1), new)));
        assert!(Arc::ptr_eq(&first, &hosts.all()[0]));
    }
}
