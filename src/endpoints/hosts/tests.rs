//! Which hosts are kept, and what becomes of them when the endpoints are replaced.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::endpoints::table::Table;
use crate::now::Now;
use crate::origin::Origin;

fn at(seconds: u64) -> Now {
    Now::from_origin(Duration::from_secs(seconds))
}

fn origin(number: usize) -> Origin<'static> {
    Origin::new("http", &format!("host-{number}.internal"), None).into_owned()
}

#[test]
#[cfg_attr(miri, ignore = "a thousand hosts")]
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
#[cfg_attr(miri, ignore = "a thousand hosts")]
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
#[cfg_attr(miri, ignore = "a thousand hosts")]
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
