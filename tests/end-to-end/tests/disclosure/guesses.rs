//! Whoever reads what is public, checkpoints, tiles and headers, and guesses what a transaction was: a guess cannot be checked.

use std::collections::{BTreeMap, BTreeSet};

use hutong::city::up::Running;
use hutong_ledger::{
    contract::{Versioned, record_hash, record_salt},
    entry::{Changed, Opening, Outcome},
    transaction::{Body, Transaction},
};
use hutong_peer::FinalTransaction;
use hutong_test_end_to_end::program::{self, Program};
use hutong_wire::transaction::encode_body;
use serde_json::Value;

use crate::joins;

/// The sizes of the entries in a domain's public tiles: one for all, whatever became of the transaction.
pub(crate) fn nothing_is_told(program: &Program, url: &str) {
    let get = |path: &str| program.http(|client| client.get(format!("{url}{path}")));
    let (status, checkpoint) = get("/log/property/checkpoint");
    assert_eq!(status, 200, "it is public");
    let checkpoint = String::from_utf8(checkpoint).unwrap();
    let size: usize = checkpoint.lines().nth(1).unwrap().parse().unwrap();
    let (status, mut tile) = get(&format!("/log/property/tile/entries/000.p/{size}"));
    assert_eq!(status, 200, "it is public");
    let mut sizes = BTreeSet::new();
    while let [high, low, ..] = tile[..] {
        let length = usize::from(u16::from_be_bytes([high, low]));
        sizes.insert(length);
        tile = tile.split_off(2 + length);
    }
    assert_eq!(sizes.len(), 1, "applied and refused entries have one size: {sizes:?}");

    // Headers have the same members, of the same form, whatever is in the block.
    let mut shapes = BTreeMap::new();
    for height in 2.. {
        let (status, header) = get(&format!("/v1/blocks/{height}"));
        if status != 200 {
            break;
        }
        let header: Value = serde_json::from_slice(&header).unwrap();
        if header["segments"].as_array().unwrap().len() == 1 {
            let members: Vec<String> = header.as_object().unwrap().keys().cloned().collect();
            let segment: Vec<String> = header["segments"][0].as_object().unwrap().keys().cloned().collect();
            *shapes.entry((members, segment)).or_insert(0) += 1;
        }
    }
    assert_eq!(shapes.len(), 1, "{shapes:?}");
    assert!(shapes.values().all(|blocks| *blocks > 10), "blocks of one domain: {shapes:?}");
}

/// Every way to what is public from all that may be known of a transaction but its nonce misses; with the nonce it is hit.
pub(crate) async fn no_guess_fits(running: &Running) {
    let domain = "property".parse().unwrap();
    let blinds = blinds(&running.city.url).await;
    let (mut applied, mut refused) = (0, 0);
    for transaction in joins::finals(running, domain).await {
        guess(&transaction, &blinds[transaction.log_index as usize]);
        match transaction.outcome {
            Outcome::Applied => applied += 1,
            Outcome::Refused(_) => refused += 1,
        }
    }
    assert!(applied > 3 && refused > 0, "{applied} applied, {refused} refused");
    // An id, and so a segment's root in a header, is of the whole body with its nonce.
    for transaction in joins::submitted(running, domain).await {
        let again = Body { nonce: [0; 16], ..transaction.body.clone() };
        let (with, without) = (encode_body(&transaction.body), encode_body(&again));
        assert_eq!(Transaction::new(with, transaction.body, Vec::new()).id, transaction.id);
        assert_ne!(Transaction::new(without, again, Vec::new()).id, transaction.id);
    }
}

/// What the public tiles show of each transaction beside its id and its place.
async fn blinds(url: &str) -> Vec<[u8; 32]> {
    let get = async |path: String| {
        let answer = program::plain_client().get(format!("{url}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path} is public");
        answer.bytes().await.unwrap()
    };
    let checkpoint = String::from_utf8(get("/log/property/checkpoint".into()).await.to_vec()).unwrap();
    let size = checkpoint.lines().nth(1).unwrap();
    let mut tile = get(format!("/log/property/tile/entries/000.p/{size}")).await;
    let mut blinds = Vec::new();
    while let [high, low, ..] = tile[..] {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let entry = tile.split_to(2 + length);
        blinds.push(entry[entry.len() - 32..].try_into().unwrap());
    }
    blinds
}

fn guess(transaction: &FinalTransaction, public: &[u8; 32]) {
    let changed = |change: &Versioned| Changed {
        record: change.record.clone(),
        version: change.version,
        hash: change.hash,
    };
    let changes: Vec<Changed> = transaction.changes.iter().map(changed).collect();
    let open = |nonce, outcome: &Outcome, changes: &[Changed]| {
        Opening { nonce, outcome: outcome.clone(), changes: changes.to_vec() }.hash().0
    };
    let right = open(transaction.nonce, &transaction.outcome, &changes);
    assert_eq!(right, *public, "with its nonce it is opened");
    let id = transaction.id.0;
    let nonces = [[0; 16], [0xff; 16], id[..16].try_into().unwrap(), id[6..22].try_into().unwrap()];
    let unknown = Outcome::Refused("agreement_unknown".into());
    for nonce in nonces {
        for (outcome, changes) in [
            (&transaction.outcome, &changes[..]),
            (&Outcome::Applied, &changes),
            (&Outcome::Applied, &[]),
            (&unknown, &[]),
        ] {
            assert_ne!(open(nonce, outcome, changes), *public, "{}", transaction.id);
        }
        // A version's hash, as the state tree has it, is salted from the nonce too.
        for change in &transaction.changes {
            let hash = |nonce: &[u8; 16]| {
                let salt = record_salt(nonce, &change.record);
                record_hash(
                    transaction.domain,
                    &change.record,
                    change.version,
                    &salt,
                    change.value.as_deref(),
                )
            };
            assert_ne!(hash(&nonce), change.hash, "{}", change.record);
            assert_eq!(hash(&transaction.nonce), change.hash, "{}", change.record);
        }
    }
}
