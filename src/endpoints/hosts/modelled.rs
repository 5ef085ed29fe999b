//! The smallest races about hosts, played in every order that the locks permit.
#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use loom::{sync, thread};

use crate::endpoints::table::Table;
use crate::host::Host;
use crate::now::Now;
use crate::origin::Origin;

/// The same source, over the locks and for the few hosts that it finds here.
#[expect(clippy::duplicate_mod, dead_code, reason = "what threads share is to be run over loom's locks, too")]
#[path = "store.rs"]
mod store;

use store::Hosts;

#[test]
fn two_that_find_a_new_host_at_once_share_it_and_only_the_stalest_leaves() {
    race(2, [|hosts| Some(find(hosts, 2)), |hosts| Some(find(hosts, 2))], |hosts, found| {
        assert!(Arc::ptr_eq(found[0], found[1]));
        assert_eq!(kept(hosts), [1, 2]);
    });
}

#[test]
fn of_two_that_find_different_hosts_each_makes_room_for_its_own() {
    race(2, [|hosts| Some(find(hosts, 2)), |hosts| Some(find(hosts, 3))], |hosts, _| {
        assert_eq!(kept(hosts), [2, 3]);
    });
}

/// There is room for both: which of two hosts would leave depends on an order that no model repeats.
#[test]
fn who_finds_a_host_while_the_endpoints_are_replaced_counts_where_all_others_do() {
    let known_or_new: [Plays; 2] = [|hosts| Some(find(hosts, 0)), |hosts| Some(find(hosts, 1))];
    for finds in known_or_new {
        race(1, [finds, replaces], |hosts, found| {
            let all = hosts.all();
            assert!(all.iter().all(|host| host.generation == 1), "one keeps the old endpoints in memory");
            let now = all.iter().find(|host| host.origin == found[0].origin).unwrap();
            assert!(Arc::ptr_eq(&now.fallback.incidents, &found[0].fallback.incidents));
            assert!(Arc::ptr_eq(&now.fallback.counters, &found[0].fallback.counters));
        });
    }
}

#[test]
fn of_two_that_replace_the_endpoints_both_are_heard_one_after_the_other() {
    race(2, [replaces, replaces], |hosts, _| {
        assert_eq!(hosts.table().generation, 2);
        assert!(hosts.all().iter().all(|host| host.generation == 2));
        assert_eq!(kept(hosts), [0, 1]);
    });
}

/// What is done, and the host that is found by it.
type Plays = fn(&Hosts) -> Option<Arc<Host>>;

fn find(hosts: &Hosts, number: u64) -> Arc<Host> {
    hosts.find(origin(number), at(8))
}

fn replaces(hosts: &Hosts) -> Option<Arc<Host>> {
    let next = |table: &Table| Ok::<_, ()>(Table { generation: table.generation + 1, ..Table::default() });
    hosts.replace(next).unwrap();
    None
}

/// Lets both run in threads of their own, where there are so many hosts, of which that with the lower number is staler.
fn race(known: u64, both: [Plays; 2], check: fn(&Hosts, &[&Arc<Host>])) {
    loom::model(move || {
        let hosts = sync::Arc::new(Hosts::default());
        for number in 0..known {
            hosts.find(origin(number), at(number));
        }
        let threads = both.map(|plays| {
            let hosts = sync::Arc::clone(&hosts);
            thread::spawn(move || plays(&hosts))
        });
        let found = threads.map(|thread| thread.join().unwrap());
        check(&hosts, &found.iter().flatten().collect::<Vec<_>>());
    });
}

/// Returns the numbers of the hosts that are kept.
fn kept(hosts: &Hosts) -> Vec<u64> {
    let all = hosts.all();
    (0..9).filter(|number| all.iter().any(|host| host.origin == origin(*number))).collect()
}

fn origin(number: u64) -> Origin<'static> {
    Origin::new("http", &format!("host-{number}.internal"), None).into_owned()
}

fn at(seconds: u64) -> Now {
    Now::from_origin(Duration::from_secs(seconds))
}

/// Instead of the real bound, which would take long to reach.
const MAX_HOSTS: usize = 2;
