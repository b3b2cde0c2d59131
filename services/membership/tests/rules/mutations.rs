//! Any change to a good epoch, signed by anyone: never a panic, never a fault, never an epoch that does not hold.

use hutong_ledger::{
    epoch::{DomainRules, Epoch, Host, Key, Purpose},
    id::Domain,
};
use hutong_wire::v1::membership::{self as wire, action::Kind};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

/// One change, by numbers that fit whatever is there.
#[derive(Clone, Copy, Debug)]
struct Mutation {
    what: usize,
    a: usize,
    b: usize,
}

const MUTATIONS: usize = 20;

fn mutate(epoch: &mut Epoch, Mutation { what, a, b }: Mutation) {
    let (agencies, domains) = (epoch.agencies.len(), epoch.domains.len());
    if agencies == 0 || domains == 0 {
        return;
    }
    let purpose = Purpose::ALL[b % Purpose::ALL.len()];
    let agency_at = &mut epoch.agencies[a % agencies];
    let rules = &mut epoch.domains[a % domains];
    match what {
        0 => agency_at.validating = !agency_at.validating,
        1 => agency_at.name = "x".repeat(b),
        2 if !agency_at.keys.is_empty() => {
            agency_at.keys.remove(b % agency_at.keys.len());
        }
        3 => {
            agency_at.keys.push(key(a % 9, purpose, 2));
            agency_at.keys.sort_by_key(|key| (key.purpose, key.public));
        }
        4 => agency_at.keys.push(Key { purpose, public: [a as u8; 32] }),
        5 => agency_at.keys.reverse(),
        6 => {
            epoch.agencies.remove(a % agencies);
        }
        7 => epoch.agencies.push(validator(agencies)),
        8 => epoch.agencies.swap(a % agencies, b % agencies),
        9 => rules.owner = agency(b % 9),
        10 => rules.contract = b as u32,
        11 if !rules.hosts.is_empty() => {
            rules.hosts.remove(b % rules.hosts.len());
        }
        12 => {
            rules.hosts.push(Host { agency: agency(b % 9), ready: a % 2 == 0 });
            rules.hosts.sort_by_key(|host| host.agency);
        }
        13 if !rules.hosts.is_empty() => {
            let at = b % rules.hosts.len();
            rules.hosts[at].ready = !rules.hosts[at].ready;
        }
        14 => {
            epoch.domains.remove(a % domains);
        }
        15 => {
            let hosts = hosts(&(0..b % 6).collect::<Vec<_>>());
            epoch.domains.push(DomainRules {
                domain: domain("zoo"),
                owner: agency(a % 9),
                contract: 1,
                hosts,
            });
        }
        16 => epoch.orderers.push(agency(b % 9)),
        17 => {
            epoch.orderers.pop();
        }
        18 => epoch.number = epoch.number.wrapping_add(b as u64 % 3).wrapping_sub(1),
        _ => epoch.from_height = b as u64,
    }
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    vec((0..MUTATIONS, 0_usize..300, 0_usize..300).prop_map(|(what, a, b)| Mutation { what, a, b }), 0..4)
}

/// What every epoch that passed keeps, beyond its form.
fn assert_runs_on(before: &Epoch, after: &Epoch) {
    assert!(after.validating().all(|agency| agency.key(Purpose::Signing).is_some()));
    assert!(after.rules(Domain::MEMBERSHIP).is_some());
    for rules in after.domains.iter().filter(|rules| !rules.domain.is_platform()) {
        let (was, is) = (before.hosts(rules.domain).len(), after.hosts(rules.domain).len());
        let needed = if before.rules(rules.domain).is_some() { was.min(4) } else { 4 };
        assert!(is >= needed.min(after.validating().count()), "{} of {}", is, rules.domain);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn no_proposal_breaks_the_city(
        rounds in vec((mutations(), vec(0_usize..7, 1..8)), 1..6),
    ) {
        let mut council = Council::of(&epoch(5));
        for (mutations, mut signers) in rounds {
            let before = council.epoch();
            let mut next = council.next();
            for mutation in mutations {
                mutate(&mut next, mutation);
            }
            // Half of the time all sign: the rest is then decided by the epoch itself.
            if signers.len() > 3 {
                signers = (0..7).collect();
            }
            let well_formed = next.check().is_ok();
            if let Ok(after) = council.submit(&signers, replace(&next)) {
                prop_assert!(well_formed);
                assert_runs_on(&before, &after);
            }
        }
    }

    #[test]
    fn damaged_bytes_break_nothing(
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        cut in any::<prop::sample::Index>(),
        whole in any::<bool>(),
    ) {
        let mut council = Council::of(&epoch(5));
        let before = council.epoch();
        let mut bytes = council.next().encode();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        let kind = Kind::Replace(wire::Replace { epoch: bytes.into() });
        if let Ok(after) = council.submit(&[0, 1, 2, 3, 4], kind) {
            assert_runs_on(&before, &after);
        }
    }

    #[test]
    fn random_rotations_break_nothing(
        adds in vec((-1_i32..9, vec(any::<u8>(), 30..34)), 0..4),
        honest in vec((0_usize..6, any::<u8>()), 0..4),
        revoke in vec(0_usize..3, 0..3),
        by in 0_usize..6,
    ) {
        let mut council = Council::of(&epoch(5));
        let before = council.epoch();
        let mut add: Vec<_> =
            adds.into_iter().map(|(purpose, public)| wire::NewKey { purpose, public: public.into() }).collect();
        add.extend(honest.into_iter().map(|(purpose, generation)| {
            let key = key(by, Purpose::ALL[purpose], generation);
            wire::NewKey { purpose: key.purpose as i32, public: key.public.to_vec().into() }
        }));
        let keys = before.agency(&agency(by)).map(|agency| agency.keys.clone()).unwrap_or_default();
        let revoke = revoke.into_iter().filter_map(|at| Some(keys.get(at)?.id().0.to_vec().into())).collect();
        let kind = Kind::RotateKeys(wire::RotateKeys { add, revoke });
        if let Ok(after) = council.submit(&[by], kind) {
            assert_runs_on(&before, &after);
        }
    }

    #[test]
    fn random_actions_break_nothing(bytes in vec(any::<u8>(), 0..300)) {
        let mut council = Council::of(&epoch(4));
        council.block(&[(&[0, 1, 2, 3], bytes.into())]);
    }
}
