//! The hosts that were called, in bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::table::Table;
use crate::host::Host;
use crate::now::Now;
use crate::origin::Origin;

/// The hosts, the stalest of which makes room for a new one, and the endpoints that they belong to.
#[derive(Default)]
pub(super) struct Hosts {
    known: RwLock<Known>,
    /// Held by who replaces the endpoints.
    replacing: Mutex<()>,
}

#[derive(Default)]
struct Known {
    table: Arc<Table>,
    hosts: HashMap<Origin<'static>, Arc<Host>>,
}

impl Hosts {
    pub(super) fn new(table: Table) -> Self {
        Self { known: RwLock::new(Known { table: Arc::new(table), ..Known::default() }), replacing: Mutex::new(()) }
    }

    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.read().table)
    }

    /// Finds a host that is known without an exclusive lock and without allocating.
    pub(super) fn find(&self, origin: Origin<'_>, now: Now) -> Arc<Host> {
        let known = self.read().current(&origin).cloned();
        let host = known.unwrap_or_else(|| self.insert(&origin.into_owned(), now));
        host.touch(now);
        host
    }

    /// Returns all of them, in no order. A new host waits until they are listed, so nothing else is done with the lock.
    pub(super) fn all(&self) -> Vec<Arc<Host>> {
        self.read().hosts.values().cloned().collect()
    }

    /// Replaces the endpoints, and tells who makes the new ones of the old.
    ///
    /// Their hosts follow one by one, whoever is first: a call, or this, so that none keeps the old ones in memory.
    pub(super) fn replace<E>(&self, by: impl FnOnce(&Table) -> Result<Table, E>) -> Result<(), E> {
        let _one_at_a_time = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let table = by(&self.table())?;
        self.write().table = Arc::new(table);
        for host in self.all() {
            self.insert(&host.origin, host.last_used());
        }
        Ok(())
    }

    /// What takes long is done without a lock, and done again if the endpoints were replaced meanwhile.
    #[cold]
    fn insert(&self, origin: &Origin<'static>, now: Now) -> Arc<Host> {
        loop {
            let (table, before) = {
                let known = self.read();
                (Arc::clone(&known.table), known.hosts.get(origin).cloned())
            };
            let host = table.host(origin.clone(), before.as_deref(), now);
            if let Some(host) = self.write().insert(host) {
                return host;
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn current<'a>(&'a self, origin: &Origin<'a>) -> Option<&'a Arc<Host>> {
        self.hosts.get(origin).filter(|host| host.generation == self.table.generation)
    }

    /// Returns the one that is there, if another was faster, and `None` if the endpoints were: the host may not go on where
    /// the last one of its name ended.
    fn insert(&mut self, host: Host) -> Option<Arc<Host>> {
        if host.generation != self.table.generation {
            return None;
        }
        if let Some(faster) = self.current(&host.origin) {
            return Some(Arc::clone(faster));
        }
        if self.hosts.len() >= MAX_HOSTS && !self.hosts.contains_key(&host.origin) {
            let stalest = self.hosts.values().min_by_key(|host| host.last_used()).map(|host| host.origin.clone());
            stalest.and_then(|stalest| self.hosts.remove(&stalest));
        }
        let host = Arc::new(host);
        self.hosts.insert(host.origin.clone(), Arc::clone(&host));
        Some(host)
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

    fn origin(number: usize) -> Origin<'static> {
        Origin::new("http", &format!("host-{number}.internal"), None).into_owned()
    }

    #[test]
    fn the_stalest_host_leaves_first_and_memory_stays_bounded() {
        let hosts = Hosts::default();
        let find = |number: usize, now| hosts.find(origin(number), at(now));
        let first = find(0, 1);
        for number in 1..MAX_HOSTS {
            find(number, 2);
        }
        find(0, 3);
        for number in MAX_HOSTS..MAX_HOSTS + 500 {
            find(number, 4);
        }
        assert_eq!(hosts.read().hosts.len(), MAX_HOSTS);
        assert!(Arc::ptr_eq(&first, &find(0, 5)), "a host in use stays");
    }

    #[test]
    fn two_that_find_a_new_host_at_once_share_it_and_only_one_other_leaves() {
        let hosts = Hosts::default();
        let insert = |number: usize| hosts.insert(&origin(number), at(0));
        for number in 0..MAX_HOSTS {
            insert(number);
        }
        let [one, other] = [MAX_HOSTS; 2].map(insert);
        assert!(Arc::ptr_eq(&one, &other));
        assert_eq!(hosts.read().hosts.len(), MAX_HOSTS);
    }

    fn replace(hosts: &Hosts) {
        let next = |table: &Table| Ok::<_, ()>(Table { generation: table.generation + 1, ..Table::default() });
        hosts.replace(next).unwrap();
    }

    #[test]
    fn a_host_that_was_made_for_endpoints_that_are_gone_is_made_again() {
        let hosts = Hosts::default();
        let late = hosts.table().host(origin(0), None, at(0));
        let first = hosts.find(origin(0), at(0));
        replace(&hosts);
        assert!(hosts.write().insert(late).is_none());
        let next = hosts.find(origin(0), at(0));
        assert!(!Arc::ptr_eq(&first, &next));
        assert!(Arc::ptr_eq(&first.fallback.incidents, &next.fallback.incidents));
    }

    #[test]
    fn no_host_keeps_endpoints_that_are_gone_and_each_stays_as_stale_as_it_was() {
        let hosts = Hosts::default();
        for number in 0..MAX_HOSTS {
            hosts.find(origin(number), at(u64::try_from(number).unwrap()));
        }
        replace(&hosts);
        let known = hosts.read();
        assert_eq!(known.hosts.len(), MAX_HOSTS);
        for number in 0..MAX_HOSTS {
            let host = known.current(&origin(number)).unwrap();
            assert_eq!(host.last_used(), at(u64::try_from(number).unwrap()), "host {number}");
        }
    }

    #[test]
    fn a_known_host_is_found_and_all_are_listed_while_another_reads() {
        let hosts = Hosts::default();
        let first = hosts.find(origin(0), at(0));
        let _reader = hosts.read();
        assert!(hosts.known.try_write().is_err(), "an exclusive lock would wait for ever");
        assert!(Arc::ptr_eq(&first, &hosts.find(origin(0), at(1))));
        assert!(Arc::ptr_eq(&first, &hosts.all()[0]));
    }
}
