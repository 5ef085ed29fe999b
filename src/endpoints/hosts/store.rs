//! The store that threads share: known hosts are found under a lock that all share, and changed under one that excludes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use super::MAX_HOSTS; // as the locks: std's and the real one, or those of a model
use super::sync::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::endpoints::table::Table;
use crate::host::Host;
use crate::now::Now;
use crate::origin::Origin;

/// The hosts, the stalest of which makes room for a new one, and the endpoints that they belong to.
#[derive(Default)]
pub(crate) struct Hosts {
    pub(super) known: RwLock<Known>,
    /// Held by who replaces the endpoints.
    replacing: Mutex<()>,
}

#[derive(Default)]
pub(super) struct Known {
    table: Arc<Table>,
    pub(super) hosts: HashMap<Origin<'static>, Arc<Host>>,
}

impl Hosts {
    pub(crate) fn new(table: Table) -> Self {
        Self { known: RwLock::new(Known { table: Arc::new(table), ..Known::default() }), replacing: Mutex::new(()) }
    }

    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.read().table)
    }

    /// Finds a host that is known without an exclusive lock and without allocating.
    pub(crate) fn find(&self, origin: Origin<'_>, now: Now) -> Arc<Host> {
        let known = self.read().current(&origin).cloned();
        let host = known.unwrap_or_else(|| self.insert(&origin.into_owned(), now));
        host.touch(now);
        host
    }

    /// Returns all of them, in no order. A new host waits until they are listed, so nothing else is done with the lock.
    pub(crate) fn all(&self) -> Vec<Arc<Host>> {
        self.read().hosts.values().cloned().collect()
    }

    /// Replaces the endpoints, and tells who makes the new ones of the old.
    ///
    /// Their hosts follow one by one, whoever is first: a call, or this, so that none keeps the old ones in memory.
    pub(crate) fn replace<E>(&self, by: impl FnOnce(&Table) -> Result<Table, E>) -> Result<(), E> {
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
    pub(super) fn insert(&self, origin: &Origin<'static>, now: Now) -> Arc<Host> {
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

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    pub(super) fn current<'a>(&'a self, origin: &Origin<'a>) -> Option<&'a Arc<Host>> {
        self.hosts.get(origin).filter(|host| host.generation == self.table.generation)
    }

    /// Returns the one that is there, if another was faster, and `None` if the endpoints were: the host may not go on where
    /// the last one of its name ended.
    pub(super) fn insert(&mut self, host: Host) -> Option<Arc<Host>> {
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
