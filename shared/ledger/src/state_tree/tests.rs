//! The tree against a map, against the jmt crate, and against hostile bytes.

use std::collections::BTreeMap;

use jmt::{KeyHash, Sha256Jmt, mock::MockTreeStore, storage::TreeWriter};
use proptest::prelude::*;

use super::*;
use crate::hash::sha256;

type Changes = Vec<(StateKey, Option<Hash>)>;

fn record(i: u16) -> StateKey {
    StateKey::of(&format!("record-{i}").parse().unwrap())
}

/// A key that shares a long prefix with its like, so that small trees grow deep.
fn close(i: u16) -> StateKey {
    let mut key = Hash::ZERO;
    key.0[9] = (i >> 8) as u8;
    key.0[31] = i as u8;
    StateKey(key)
}

fn value(i: u8) -> Hash {
    sha256(&[b"value", &[i]])
}

/// What the jmt crate makes of the content. It hashes values, so it is given what hashes to ours.
fn jmt_root(content: &BTreeMap<StateKey, u8>) -> Hash {
    let store = MockTreeStore::default();
    let values =
        content.iter().map(|(key, i)| (KeyHash(key.0.0), Some([b"value".as_slice(), &[*i]].concat())));
    let (root, update) = Sha256Jmt::new(&store).put_value_set(values, 0).unwrap();
    store.write_node_batch(&update.node_batch).unwrap();
    Hash(root.0)
}

fn changes() -> impl Strategy<Value = Vec<Vec<(StateKey, Option<u8>)>>> {
    let key = prop_oneof![3 => (0..400_u16).prop_map(record), 1 => (0..2000_u16).prop_map(close)];
    let change = (key, prop_oneof![3 => any::<u8>().prop_map(Some), 2 => Just(None)]);
    prop::collection::vec(prop::collection::vec(change, 0..120), 1..8)
}

fn hashed(batch: &[(StateKey, Option<u8>)]) -> Changes {
    batch.iter().map(|(key, i)| (*key, i.map(value))).collect()
}

#[test]
fn the_empty_tree_has_the_placeholder_root() {
    let mut tree = MemoryTree::new();
    assert_eq!(tree.root(), EMPTY_ROOT);
    assert_eq!(jmt_root(&BTreeMap::new()), EMPTY_ROOT);
    tree.prove(&record(1)).unwrap().verify(&EMPTY_ROOT, &record(1), None).unwrap();
    tree.apply(1, [(record(1), Some(value(1)))]).unwrap();
    assert_eq!(tree.head().version(), Some(1));
    tree.apply(2, [(record(1), None)]).unwrap();
    assert_eq!((tree.head(), tree.pages()), (Head::EMPTY, 0));
}

#[test]
fn what_changes_nothing_makes_no_page() {
    let mut tree = MemoryTree::new();
    tree.apply(1, (0..50).map(|i| (record(i), Some(value(1))))).unwrap();
    let none = [(record(3), Some(value(1))), (record(99), None)];
    let update = apply(&tree, &tree.head(), 2, none).unwrap();
    assert_eq!((update.head, update.new.len(), update.stale.len()), (tree.head(), 0, 0));
}

#[test]
fn a_height_that_is_not_later_is_refused() {
    let mut tree = MemoryTree::new();
    tree.apply(5, [(record(1), Some(value(1)))]).unwrap();
    assert!(matches!(
        tree.apply(5, [(record(2), Some(value(1)))]),
        Err(Error::NotLater { head: 5, version: 5 })
    ));
}

#[test]
fn a_missing_page_is_named() {
    struct Nothing;
    impl PageReader for Nothing {
        type Error = std::convert::Infallible;

        fn page(&self, _: &PageKey) -> Result<Option<Arc<Page>>, Self::Error> {
            Ok(None)
        }
    }
    let mut tree = MemoryTree::new();
    tree.apply(7, [(record(1), Some(value(1)))]).unwrap();
    let error = prove(&Nothing, &tree.head(), &record(1)).unwrap_err();
    assert_eq!(error.to_string(), "the state tree lacks page 7/");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn it_is_the_map_and_its_root_the_maps(batches in changes(), probe in 0..400_u16) {
        let (mut tree, mut all, mut model) = (MemoryTree::new(), Vec::new(), BTreeMap::new());
        for (height, batch) in (1..).zip(&batches) {
            // Speculative heads before the one that is kept must not matter.
            let _ = apply(&tree, &tree.head(), height + 5, hashed(batch)).unwrap();
            let root = tree.apply(height, hashed(batch)).unwrap();
            for (key, i) in batch {
                match i {
                    Some(i) => model.insert(*key, *i),
                    None => model.remove(key),
                };
            }
            prop_assert_eq!(root, jmt_root(&model));
            all.extend(hashed(batch));
        }
        // One batch, another order, one change at a time: the same root, and no page left behind.
        let mut whole = MemoryTree::new();
        prop_assert_eq!(whole.apply(9, all.clone()).unwrap(), tree.root());
        prop_assert_eq!(whole.pages(), tree.pages());
        let mut single = MemoryTree::new();
        for (height, change) in (1..).zip(all) {
            single.apply(height, [change]).unwrap();
        }
        prop_assert_eq!((single.root(), single.pages()), (tree.root(), tree.pages()));

        for key in model.keys().copied().chain([record(probe), close(probe)]) {
            let proof = tree.prove(&key).unwrap();
            let held = model.get(&key).map(|i| value(*i));
            prop_assert_eq!(tree.get(&key).unwrap(), held);
            prop_assert_eq!(StateProof::decode(&proof.encode()), Ok(proof.clone()));
            proof.verify(&tree.root(), &key, held.as_ref()).unwrap();
            prop_assert!(proof.verify(&tree.root(), &key, Some(&Hash::ZERO)).is_err());
            prop_assert!(held.is_none() || proof.verify(&tree.root(), &key, None).is_err());
            prop_assert!(proof.verify(&Hash::ZERO, &key, held.as_ref()).is_err());
        }
    }

    #[test]
    fn an_altered_proof_proves_nothing(batch in prop::collection::vec((0..300_u16, any::<u8>()), 1..200), probe in 0..300_u16, at: prop::sample::Index, bit in 0..8_u32) {
        let mut tree = MemoryTree::new();
        tree.apply(1, batch.iter().map(|(key, i)| (record(*key), Some(value(*i))))).unwrap();
        let (key, held) = (record(probe), tree.get(&record(probe)).unwrap());
        let mut bytes = tree.prove(&key).unwrap().encode();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(altered) = StateProof::decode(&bytes) {
            prop_assert!(altered.verify(&tree.root(), &key, held.as_ref()).is_err());
            // Nor does it prove the contrary.
            let contrary = if held.is_some() { None } else { Some(value(1)) };
            prop_assert!(altered.verify(&tree.root(), &key, contrary.as_ref()).is_err());
        }
    }

    #[test]
    fn a_proof_serves_no_other_key(batch in prop::collection::vec(0..300_u16, 2..200), own: prop::sample::Index, other: prop::sample::Index) {
        let mut tree = MemoryTree::new();
        tree.apply(1, batch.iter().map(|key| (record(*key), Some(value(*key as u8))))).unwrap();
        let (own, other) = (batch[own.index(batch.len())], batch[other.index(batch.len())]);
        let proof = tree.prove(&record(own)).unwrap();
        if own != other {
            prop_assert!(proof.verify(&tree.root(), &record(other), None).is_err());
            prop_assert!(proof.verify(&tree.root(), &record(other), Some(&value(other as u8))).is_err());
        }
    }

    #[test]
    fn pages_and_names_round_trip(batches in changes()) {
        let mut tree = MemoryTree::new();
        for (height, batch) in (1..).zip(&batches) {
            let update = apply(&tree, &tree.head(), height, hashed(batch)).unwrap();
            for (key, page) in &update.new {
                let (name, bytes) = (key.encode(), page.encode());
                prop_assert_eq!(PageKey::decode(&name).unwrap(), *key);
                let again = Page::decode(key, &bytes).unwrap();
                prop_assert_eq!((again.root(), again.encode()), (page.root(), bytes));
            }
            tree.apply(height, hashed(batch)).unwrap();
            prop_assert_eq!(Head::decode(&tree.head().encode()), Ok(tree.head()));
        }
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), leaves: u16, occupied: u16, name in prop::collection::vec(any::<u8>(), 0..45)) {
        let root = PageKey::new(9, key::Place::ROOT);
        let headed = [occupied.to_be_bytes().as_slice(), &(leaves & occupied).to_be_bytes(), &bytes].concat();
        for bytes in [&bytes, &headed] {
            let key = PageKey::decode(&name).unwrap_or(root);
            if let Ok(page) = Page::decode(&key, bytes) {
                prop_assert_eq!(&page.encode(), bytes);
            }
            if let Ok(proof) = StateProof::decode(bytes) {
                prop_assert_eq!(&proof.encode(), bytes);
                prop_assert!(proof.verify(&Hash::ZERO, &record(1), None).is_err());
            }
            if let Ok(head) = Head::decode(bytes) {
                prop_assert_eq!(&head.encode(), bytes);
            }
        }
        if let Ok(key) = PageKey::decode(&name) {
            prop_assert_eq!(key.encode(), name);
        }
    }
}
