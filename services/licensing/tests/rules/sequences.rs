//! Any order of applications and decisions: the register stays whole, and one block or many give the same.

use std::collections::BTreeSet;

use bytes::Bytes;
use hutong_ledger::execute::Records;
use hutong_licensing::build;
use hutong_wire::{
    prost::Message,
    v1::licensing::{self as wire, Status},
};
use proptest::{collection::vec, prelude::*};

use crate::support::*;

fn action() -> impl Strategy<Value = Bytes> {
    let id = prop::sample::select(vec!["a", "b", "c"]);
    (0_u8..8, id, 0_u8..4, 900_u64..1100).prop_map(|(which, id, byte, until)| match which {
        0 => apply(id),
        1 => build::enter(terms(id)),
        2 => issue(id, byte),
        3 => build::renew(id, time_ms(until), credential(byte), Vec::new()),
        4 => build::suspend(id, "why"),
        5 => build::reinstate(id, "why"),
        6 => build::revoke(id, "why"),
        _ => build::register_business(if byte < 2 { USCC } else { SECOND }, "Noodles"),
    })
}

proptest! {
    #[test]
    fn the_register_stays_whole(actions in vec(action(), 1..60)) {
        let mut office = Office::default();
        let mut revoked = BTreeSet::new();
        for action in actions {
            let _ = office.submit(&[MARKET], action);
            let licences: Vec<_> = office
                .records
                .iter()
                .filter(|(key, _)| key.record.as_str().starts_with("licence/"))
                .filter_map(|(_, record)| wire::Licence::decode(record.clone()?.value?).ok())
                .collect();
            // Places are given in turn, without gaps.
            let places: BTreeSet<u64> = licences.iter().map(|licence| licence.status_index).collect();
            prop_assert_eq!(places, (0..licences.len() as u64).collect::<BTreeSet<_>>());
            for licence in &licences {
                prop_assert!(!revoked.contains(&licence.id) || licence.status() == Status::Revoked);
                let hashes: BTreeSet<_> = licence.credentials.iter().map(|issued| &issued.hash).collect();
                prop_assert_eq!(hashes.len(), licence.credentials.len());
                let business = key(&format!("business/{}", licence.uscc));
                prop_assert!(office.records[&business].is_some());
            }
            revoked.extend(licences.into_iter().filter(|l| l.status() == Status::Revoked).map(|l| l.id));
        }
    }

    /// Storage may load records in any order and blocks may hold many transactions: what is decided is the same.
    #[test]
    fn what_was_loaded_before_changes_nothing(actions in vec(action(), 1..20)) {
        let transactions: Vec<_> = actions
            .into_iter()
            .enumerate()
            .map(|(n, action)| transaction(&[MARKET], [n as u8; 16], action))
            .collect();
        let epoch = epoch();
        let mut cold = Records::new();
        let one = execute(5, &epoch, &transactions, &mut cold);
        let mut warm: Records = cold.keys().map(|key| (key.clone(), None)).collect();
        let other = execute(5, &epoch, &transactions, &mut warm);
        let outcome = |done: &hutong_ledger::execute::ExecutedSegment| -> Vec<_> {
            done.executed.iter().map(|each| (each.opening.outcome.clone(), each.changes.clone())).collect()
        };
        prop_assert_eq!(outcome(&one), outcome(&other));
    }
}
