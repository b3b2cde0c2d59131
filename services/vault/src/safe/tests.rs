//! The safe on a disk that fails: a rotation that is cut off anywhere goes on, and nothing is lost by it.

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use hutong_disclosure::{ResidentId, records};
use hutong_ledger::{hash::Hash, id::RecordKey};
use hutong_peer::{
    Position,
    vault::{Handle, ToSeal},
};
use hutong_store::{Options, Store, faulty::FaultyBackend};
use hutong_wire::v1::disclosure::{Erasure, ErasureStatus, SealedField};

mod power_cuts;

use super::{
    Safe,
    following::Changed,
    tables::{CIPHERTEXT, Generation, STANDINGS, end, name, value_aad, value_parts},
};
use crate::{Error, kek::FileKeys};

const DAY_MS: u64 = 24 * 3600 * 1000;
const WEEK_MS: u64 = 7 * DAY_MS;

/// The disks of both stores.
#[derive(Clone, Debug, Default)]
struct Disks {
    keys: FaultyBackend,
    values: FaultyBackend,
}

impl Disks {
    fn open(&self, kek: &Path) -> Result<Safe, Error> {
        let open = |backend: &FaultyBackend| Store::with_backend(backend.clone(), Options::default());
        let keys = open(&self.keys).map_err(super::of_keys)?;
        let values = open(&self.values).map_err(super::of_values)?;
        Safe::over(keys, values, Arc::new(FileKeys::open(kek)?))
    }

    /// What a power cut leaves, of whose unsynced writes every second one reached the disk.
    fn after_a_crash(&self) -> Self {
        let left =
            |disk: &FaultyBackend| FaultyBackend::from_image(disk.crash_image(|number| number % 2 == 0));
        Self { keys: left(&self.keys), values: left(&self.values) }
    }
}

fn record(number: u8) -> RecordKey {
    format!("health/chart/{number}").parse().unwrap()
}

fn at(height: u64) -> Position {
    Position { height, ordinal: 1 }
}

fn value_of(number: u8) -> Bytes {
    format!("value {number}").into_bytes().into()
}

/// Seals a value and makes its commitment final.
fn settle(safe: &Safe, number: u8) -> Hash {
    let values = vec![("name".to_owned(), value_of(number))];
    let sealing = ToSeal { record: record(number), subjects: vec![], values };
    let sealed = safe.seal(&sealing, 1, DAY_MS).unwrap();
    let hash = sealed[0].1;
    let value = Some(&hash.0[..]);
    safe.follow([Changed { record: record(number), value, at: at(u64::from(number)), time_ms: 1 }]).unwrap();
    hash
}

fn erasure(hash: Hash) -> Erasure {
    let gone = SealedField { name: "name".into(), commitment: hash.0.to_vec().into() };
    Erasure { fields: vec![gone], status: ErasureStatus::Erased.into(), ..Erasure::default() }
}

/// The values of a record that open.
fn opened(safe: &Safe, number: u8) -> Vec<Bytes> {
    let (keys, values) = (safe.keys_now().unwrap(), safe.values_now().unwrap());
    let name = name(&record(number));
    let standings = values.table(&STANDINGS).unwrap();
    let mut found = Vec::new();
    for row in standings.between(&name, Some(&end(&name))).unwrap() {
        let (row, standing) = row.unwrap();
        let (generation, _): (Generation, Hash) = value_parts(&row).unwrap();
        let Some(key) = safe.key_of(&keys, &record(number), &generation).unwrap() else { continue };
        let ciphertext = values.get(&CIPHERTEXT, &row).unwrap().unwrap();
        let salted = key.open(&value_aad(&row, &standing.field), &ciphertext).unwrap();
        found.push(Bytes::copy_from_slice(&salted[16..]));
    }
    found
}

fn person() -> ResidentId {
    "11010519491231002X".parse().unwrap()
}

/// Three records, one of them erased, and a person.
fn furnish(safe: &Safe) -> Handle {
    assert!(!safe.rotate(0, WEEK_MS, 2).unwrap(), "the first key is timed from now");
    settle(safe, 1);
    settle(safe, 2);
    let gone = settle(safe, 3);
    safe.erase(&record(3), &erasure(gone), at(9)).unwrap();
    safe.find_or_make_person("health".parse().unwrap(), &person()).unwrap().0
}

fn whole(safe: &Safe, handle: Handle) {
    for number in [1, 2] {
        assert_eq!(opened(safe, number), [value_of(number)]);
    }
    assert_eq!(opened(safe, 3), Vec::<Bytes>::new());
    let domain = "health".parse().unwrap();
    assert_eq!(safe.find_person(domain, &person()).unwrap(), Some(handle));
}

#[test]
fn a_rotation_that_is_cut_off_anywhere_goes_on() {
    let mut ended = false;
    for cut in 0..200 {
        let dir = tempfile::tempdir().unwrap();
        let disks = Disks::default();
        let safe = disks.open(dir.path()).unwrap();
        let handle = furnish(&safe);
        disks.keys.fail_after(cut);
        let rotated = safe.rotate(WEEK_MS, WEEK_MS, 2);
        // Whatever happened, and whether or not it noticed: the power goes.
        let left = disks.after_a_crash();
        drop(safe);
        let safe = left.open(dir.path()).unwrap();
        whole(&safe, handle);
        let told = safe.unrecoverable().unwrap();
        if safe.kek.ids().len() > 1 || safe.kek.current() == 1 {
            assert!(told.is_empty(), "cut {cut}: told while the key is still there");
        }
        safe.rotate(WEEK_MS, WEEK_MS, 2).unwrap();
        assert_eq!(safe.kek.ids(), [2], "cut {cut}");
        whole(&safe, handle);
        assert_eq!(safe.unrecoverable().unwrap().len(), 1, "cut {cut}");
        if rotated.is_ok() {
            ended = true;
            break;
        }
    }
    assert!(ended, "one rotation came through without a cut");
}

#[test]
fn an_old_copy_of_the_keys_opens_nothing_after_the_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let disks = Disks::default();
    let safe = disks.open(dir.path()).unwrap();
    settle(&safe, 1);
    let copy = disks.after_a_crash();
    safe.rotate(0, WEEK_MS, 9).unwrap();
    assert!(safe.rotate(WEEK_MS, WEEK_MS, 9).unwrap());
    assert_eq!(opened(&safe, 1), [value_of(1)]);
    let opened = copy.open(dir.path());
    assert!(matches!(opened, Err(Error::Kek(crate::kek::KekError::Unknown { id: 1 }))), "{opened:?}");
}

#[test]
fn the_time_of_a_rotation_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let disks = Disks::default();
    let safe = disks.open(dir.path()).unwrap();
    assert!(!safe.rotate(5, WEEK_MS, 9).unwrap());
    drop(safe);
    let safe = disks.open(dir.path()).unwrap();
    assert!(!safe.rotate(4 + WEEK_MS, WEEK_MS, 9).unwrap());
    assert!(safe.rotate(5 + WEEK_MS, WEEK_MS, 9).unwrap());
    assert!(!safe.rotate(4 + 2 * WEEK_MS, WEEK_MS, 9).unwrap());
    assert!(safe.rotate(5 + 2 * WEEK_MS, WEEK_MS, 9).unwrap());
    assert_eq!(safe.kek.ids(), [3]);
}

#[test]
fn an_erasure_waits_for_the_last_key_that_may_have_wrapped_what_it_destroyed() {
    let dir = tempfile::tempdir().unwrap();
    let safe = Disks::default().open(dir.path()).unwrap();
    safe.rotate(0, WEEK_MS, 9).unwrap();
    let first = settle(&safe, 1);
    safe.rotate(WEEK_MS, WEEK_MS, 9).unwrap();
    // Wrapped under both keys by now; the second is still there.
    safe.erase(&record(1), &erasure(first), at(9)).unwrap();
    assert!(safe.unrecoverable().unwrap().is_empty());
    // A confirmation that nobody may give yet changes nothing.
    safe.confirmed(&record(1)).unwrap();
    safe.rotate(2 * WEEK_MS, WEEK_MS, 9).unwrap();
    let told = safe.unrecoverable().unwrap();
    assert_eq!(told.iter().map(|one| one.0.clone()).collect::<Vec<_>>(), [record(1)]);
    safe.confirmed(&record(1)).unwrap();
    assert!(safe.unrecoverable().unwrap().is_empty());
}

#[test]
fn a_seal_or_an_erasure_that_is_cut_off_leaves_nothing_half_done() {
    for cut in 0..60 {
        let dir = tempfile::tempdir().unwrap();
        let disks = Disks::default();
        let safe = disks.open(dir.path()).unwrap();
        let hash = settle(&safe, 1);
        disks.keys.fail_after(cut);
        disks.values.fail_after(cut);
        let values = vec![("name".to_owned(), value_of(2))];
        let sealed = safe.seal(&ToSeal { record: record(2), subjects: vec![], values }, 1, DAY_MS);
        let erased = safe.erase(&record(1), &erasure(hash), at(9));
        let left = disks.after_a_crash();
        drop(safe);
        let safe = left.open(dir.path()).unwrap();
        if sealed.is_ok() {
            assert_eq!(opened(&safe, 2), [value_of(2)], "cut {cut}");
        }
        if erased.is_ok() {
            assert_eq!(opened(&safe, 1), Vec::<Bytes>::new(), "cut {cut}");
        }
        safe.erase(&record(1), &erasure(hash), at(9)).unwrap();
        assert_eq!(opened(&safe, 1), Vec::<Bytes>::new(), "cut {cut}");
        if sealed.is_ok() && erased.is_ok() {
            return;
        }
    }
    panic!("neither came through without a cut");
}

#[test]
fn stores_that_do_not_belong_together_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let disks = Disks::default();
    drop(disks.open(&dir.path().join("one")).unwrap());
    assert!(matches!(disks.open(&dir.path().join("two")), Err(Error::Kek(_))));
    let safe = disks.open(&dir.path().join("one")).unwrap();
    let mut batch = hutong_store::Batch::default();
    batch.delete(&super::WRAPPED, &super::item::finder());
    safe.write_keys(batch).unwrap();
    safe.find_or_make_person("health".parse().unwrap(), &person()).unwrap();
    drop(safe);
    // A second key to find persons by would make everybody somebody new.
    assert!(matches!(disks.open(&dir.path().join("one")), Err(Error::Damaged { .. })));
}

#[test]
fn a_persons_record_is_forgotten_whole() {
    let dir = tempfile::tempdir().unwrap();
    let safe = Disks::default().open(dir.path()).unwrap();
    let domain = "health".parse().unwrap();
    let (handle, _) = safe.find_or_make_person(domain, &person()).unwrap();
    let key = RecordKey { domain, record: records::person(&handle) };
    let values = vec![("phone".to_owned(), Bytes::from_static(b"1"))];
    // Pending, and never to become final: a person who was erased is updated no more.
    safe.seal(&ToSeal { record: key.clone(), subjects: vec![handle], values }, 1, DAY_MS).unwrap();
    let gone = Erasure { handle_destroyed: true, ..erasure(Hash([0; 32])) };
    safe.erase(&key, &gone, at(9)).unwrap();
    let keys = safe.keys_now().unwrap();
    let rows = keys.table(&super::WRAPPED).unwrap().between(&[], None).unwrap();
    let left: Vec<_> = rows.map(|row| row.unwrap().0).collect();
    assert_eq!(left, [super::item::finder()]);
    assert_eq!(safe.find_person(domain, &person()).unwrap(), None);
}
