//! Epochs and genesis: every broken rule is refused, and any two quorums share an honest member.

use hutong_ledger::{
    epoch::{
        AGENCIES_MAX, Agency, DOMAINS_MAX, DomainRules, Epoch, Host, KEYS_MAX, Key, Purpose, faults, quorum,
    },
    genesis::Genesis,
    id::{AgencyId, Domain, KeyId},
};

use crate::support::{FOUR, agency, domain, key_id, public, sign};

#[test]
fn two_quorums_share_an_honest_member_and_the_honest_suffice() {
    for n in 1..=AGENCIES_MAX {
        let (quorum, faults) = (quorum(n), faults(n));
        assert!(2 * quorum > n + faults, "two quorums of {n} may share only the faulty");
        assert!(n - faults >= quorum, "the honest of {n} are no quorum");
        assert!(faults * 3 < n);
    }
    assert_eq!([1, 2, 3, 4, 5, 6, 7, 10].map(quorum), [1, 2, 3, 3, 4, 5, 5, 7]);
    assert_eq!(faults(0), 0);
}

fn broken(change: impl FnOnce(&mut Epoch)) -> String {
    let mut epoch = FOUR.epoch.clone();
    change(&mut epoch);
    let error = epoch.check().expect_err("the rule is not held");
    assert!(Epoch::decode(&epoch.encode()).is_err(), "decoding accepts what check refuses: {error}");
    error
}

#[test]
fn the_city_of_the_tests_is_well_formed() {
    FOUR.check().unwrap();
    assert_eq!(Epoch::decode(&FOUR.epoch.encode()), Ok(FOUR.epoch.clone()));
}

#[test]
fn agencies_are_held_to_their_form() {
    assert!(broken(|e| e.agencies.swap(0, 1)).contains("sorted"));
    assert!(
        broken(|e| {
            let again = e.agencies[3].clone();
            e.agencies.push(again)
        })
        .contains("repeats")
    );
    assert!(broken(|e| e.agencies.iter_mut().for_each(|a| a.validating = false)).contains("validate"));
    for name in ["", "line\nbreak", "nul\0", &"x".repeat(201)] {
        assert!(broken(|e| e.agencies[1].name = name.into()).contains("agency-1"));
    }
    let member = |n: usize| Agency { id: agency(n), name: "x".into(), validating: false, keys: Vec::new() };
    let many = broken(|e| {
        e.agencies.extend((4..=AGENCIES_MAX).map(member));
        e.agencies.sort_by_key(|a| a.id);
    });
    assert!(many.contains("256"), "{many}");
}

#[test]
fn keys_are_sorted_few_and_each_for_one_purpose() {
    assert!(broken(|e| e.agencies[0].keys.reverse()).contains("sorted"));
    assert!(
        broken(|e| {
            let again = e.agencies[0].keys[2];
            e.agencies[0].keys.push(again)
        })
        .contains("repeats")
    );
    assert!(broken(|e| e.agencies[2].keys.retain(|k| k.purpose != Purpose::Host)).contains("host key"));
    let many = broken(|e| {
        let keys = (0..=KEYS_MAX as u8).map(|n| Key { purpose: Purpose::Sealing, public: [n; 32] });
        e.agencies[0].keys.extend(keys);
    });
    assert!(many.contains("16 keys"), "{many}");
    let other = public(&agency(1), Purpose::Host);
    let shared = broken(|e| e.agencies[0].keys.push(Key { purpose: Purpose::Log, public: other }));
    assert!(shared.contains("two agencies"), "{shared}");
    let own = public(&agency(0), Purpose::Host);
    let twice = broken(|e| e.agencies[0].keys.push(Key { purpose: Purpose::Log, public: own }));
    assert!(twice.contains("two purposes"), "{twice}");
}

#[test]
fn domains_have_owners_and_hosts_that_can_serve() {
    assert!(broken(|e| e.domains.swap(0, 1)).contains("sorted"));
    assert!(broken(|e| e.domains[1].owner = "stranger".parse().unwrap()).contains("not a member"));
    assert!(broken(|e| e.domains[1].hosts.swap(0, 1)).contains("sorted"));
    assert!(
        broken(|e| e.domains[1].hosts[3].agency = "stranger".parse().unwrap()).contains("does not validate")
    );
    assert!(broken(|e| e.agencies[3].validating = false).contains("does not validate"));
    assert!(broken(|e| e.domains[1].hosts.clear()).contains("at least one"));
    let host = Host { agency: agency(0), ready: true };
    assert!(broken(|e| e.domains[0].hosts.push(host)).contains("only who does not count yet"));
    assert!(broken(|e| e.domains[1].hosts.iter_mut().for_each(|h| h.ready = false)).contains("ready"));
    assert!(
        broken(|e| {
            e.domains.remove(0);
        })
        .contains("membership is missing")
    );
    let many = broken(|e| {
        let rules = |n: usize| DomainRules { domain: domain(&format!("d{n}")), ..e.domains[1].clone() };
        let more: Vec<_> = (0..DOMAINS_MAX).map(rules).collect();
        e.domains.extend(more);
        e.domains.sort_by_key(|d| d.domain);
    });
    assert!(many.contains("64 domains"), "{many}");
}

#[test]
fn orderers_are_members_with_a_key_each_once() {
    assert!(broken(|e| e.orderers.clear()).contains("orderers"));
    assert!(broken(|e| e.orderers.push(agency(0))).contains("orderers"));
    assert!(broken(|e| e.orderers.push("stranger".parse().unwrap())).contains("orderers"));
    assert!(broken(|e| e.agencies[1].keys.retain(|k| k.purpose != Purpose::Orderer)).contains("orderers"));
}

#[test]
fn a_host_that_is_not_ready_stores_and_does_not_count() {
    let mut epoch = FOUR.epoch.clone();
    epoch.domains[1].hosts[2].ready = false;
    epoch.check().unwrap();
    assert_eq!(epoch.hosts(domain("property")), [agency(0), agency(1), agency(3)]);
    assert!(epoch.stores(&agency(2), domain("property")));
    assert_eq!(epoch.hosts(Domain::MEMBERSHIP).len(), 4);
    assert!(!epoch.stores(&"stranger".parse().unwrap(), Domain::MEMBERSHIP));
    assert!(epoch.hosts(domain("health")).is_empty() && !epoch.stores(&agency(0), domain("health")));
}

#[test]
fn who_stores_a_domain_or_owns_it_may_read_it() {
    let mut epoch = FOUR.epoch.clone();
    let property = domain("property");
    epoch.domains[1].owner = agency(3);
    epoch.domains[1].hosts.retain(|host| host.agency != agency(3) && host.agency != agency(1));
    epoch.domains[1].hosts[1].ready = false;
    assert!(epoch.may_read(&agency(0), property), "a host");
    assert!(epoch.may_read(&agency(2), property), "a host that is not counted yet");
    assert!(epoch.may_read(&agency(3), property), "the owner");
    assert!(!epoch.may_read(&agency(1), property), "another agency of the city");
    let stranger = "stranger".parse().unwrap();
    assert!(!epoch.may_read(&stranger, property) && !epoch.may_read(&stranger, Domain::MEMBERSHIP));
    assert!(!epoch.may_read(&agency(0), domain("health")), "a domain that is not there");
}

#[test]
fn a_key_signs_for_its_agency_and_purpose_alone() {
    let (id, message) = (agency(0), b"message");
    let (key, signature) = (key_id(&id, Purpose::Host), sign(&id, Purpose::Host, message));
    let signed = |agency: AgencyId, purpose, key: KeyId, message: &[u8]| {
        FOUR.epoch.signed(&agency, purpose, &key, message, &signature)
    };
    assert!(signed(id, Purpose::Host, key, message));
    assert!(!signed(id, Purpose::Signing, key, message));
    assert!(!signed(agency(1), Purpose::Host, key, message));
    assert!(!signed(id, Purpose::Host, key_id(&id, Purpose::Signing), message));
    assert!(!signed(id, Purpose::Host, key, b"another"));
    assert!(!signed("stranger".parse().unwrap(), Purpose::Host, key, message));
}

#[test]
fn an_epoch_reads_back_from_json() {
    let text = serde_json::to_string(&*FOUR).unwrap();
    assert_eq!(serde_json::from_str::<Genesis>(&text).unwrap(), *FOUR);
    let upper = text.replace(&hex::encode(public(&agency(0), Purpose::Host)), &"AB".repeat(32));
    assert!(serde_json::from_str::<Genesis>(&upper).is_err());
}

#[test]
fn a_chain_starts_with_epoch_0_from_height_1() {
    let header = FOUR.header();
    assert_eq!((header.height, header.epoch, header.prev), (0, 0, FOUR.hash()));
    assert!(header.chain.as_str().starts_with("city-"));
    for (number, from_height) in [(1, 1), (0, 0), (0, 2)] {
        let mut genesis = FOUR.clone();
        (genesis.epoch.number, genesis.epoch.from_height) = (number, from_height);
        assert!(genesis.check().is_err());
    }
    let other = Genesis { time_ms: FOUR.time_ms + 1, ..FOUR.clone() };
    assert_ne!(other.chain(), FOUR.chain());
}
