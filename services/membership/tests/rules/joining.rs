//! Joining: a new host stores and executes uncounted until it says itself that it has caught up.

use hutong_ledger::{epoch::Host, id::Domain};

use crate::support::*;

#[test]
fn a_new_host_counts_after_it_says_that_it_is_ready() {
    let mut council = Council::of(&epoch(4));
    let mut next = council.next();
    next.agencies.push(validator(4));
    property(&mut next).hosts.push(Host { agency: agency(4), ready: false });
    assert_eq!(
        council.refused(&[0, 1, 2, 3], replace(&next)),
        "host_not_ready",
        "it would count in the city"
    );
    joins(&mut next, 4);
    property(&mut next).hosts[4].ready = true;
    assert_eq!(
        council.refused(&[0, 1, 2, 3], replace(&next)),
        "epoch_invalid",
        "it would count for a domain"
    );
    property(&mut next).hosts[4].ready = false;
    let joined = council.submit(&[0, 1, 2], replace(&next)).unwrap();
    for domain in [Domain::MEMBERSHIP, domain(PROPERTY)] {
        assert!(joined.stores(&agency(4), domain), "it stores");
        assert_eq!(joined.hosts(domain), [0, 1, 2, 3].map(agency), "and does not count");
    }
    assert_eq!((joined.validating().count(), joined.quorum()), (4, 3));

    // Nobody says it for it, and its voice counts for nothing until then.
    assert_eq!(council.refused(&[0, 4], ready(PROPERTY)), "already_ready", "that is about the submitter");
    let mut counted = council.next();
    membership(&mut counted).hosts.clear();
    assert_eq!(council.refused(&[0, 1, 2, 3, 4], replace(&counted)), "host_not_ready");
    let mut renamed = council.next();
    renamed.agencies[4].name = "Five".into();
    assert_eq!(council.refused(&[0, 1, 4], replace(&renamed)), "quorum_missing");
    assert_eq!(council.refused(&[4], ready(PROPERTY)), "host_not_ready", "the city comes first");

    let counted = council.submit(&[4], ready("membership")).unwrap();
    assert_eq!(counted.hosts(Domain::MEMBERSHIP), [0, 1, 2, 3, 4].map(agency));
    assert_eq!((counted.validating().count(), counted.quorum()), (5, 4));
    assert_eq!(council.refused(&[4], ready("membership")), "already_ready");
    let mut hosting = council.next();
    property(&mut hosting).hosts[4].ready = true;
    assert_eq!(council.refused(&[0, 1, 2, 3, 4], replace(&hosting)), "host_not_ready");
    let counted = council.submit(&[4], ready(PROPERTY)).unwrap();
    assert_eq!(counted.hosts(domain(PROPERTY)), [0, 1, 2, 3, 4].map(agency));
    assert_eq!(council.refused(&[4], ready(PROPERTY)), "already_ready");
}

#[test]
fn a_host_may_be_set_back_to_catching_up() {
    let mut council = Council::of(&epoch(5));
    let mut five = council.next();
    property(&mut five).hosts.push(Host { agency: agency(4), ready: false });
    council.submit(&[0, 1, 2, 3], replace(&five)).unwrap();
    council.submit(&[4], ready(PROPERTY)).unwrap();
    let mut back = council.next();
    property(&mut back).hosts[4].ready = false;
    let after = council.submit(&[0, 1, 2, 3], replace(&back)).unwrap();
    assert_eq!(after.hosts(domain(PROPERTY)).len(), 4);
    council.submit(&[4], ready(PROPERTY)).unwrap();
}

#[test]
fn only_hosts_are_ready() {
    let mut council = Council::of(&epoch(5));
    assert_eq!(council.refused(&[4], ready(PROPERTY)), "not_a_host");
    assert_eq!(council.refused(&[0], ready("parking")), "not_a_host", "no such domain");
    assert_eq!(council.refused(&[0], ready("membership")), "already_ready", "it counts since genesis");
    assert_eq!(council.refused(&[0], ready("catalogue")), "not_a_host", "membership stands for the platform");
    for name in ["", "Property", "property/epoch", &"x".repeat(24)] {
        assert_eq!(council.refused(&[0], ready(name)), "malformed_action", "{name}");
    }
}
