//! A journal against a vector, through any sequence of appends, syncs, truncations and reopenings.

use hutong_journal::{Journal, Options, SyncPolicy};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Append(u8, usize),
    AppendMany(Vec<usize>),
    Sync,
    TruncateBefore(u64),
    Reopen,
    Read(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![4 => 0..300usize, 1 => 30_000..80_000usize];
    prop_oneof![
        6 => (any::<u8>(), length.clone()).prop_map(|(kind, length)| Step::Append(kind, length)),
        2 => prop::collection::vec(length, 0..5).prop_map(Step::AppendMany),
        2 => Just(Step::Sync),
        1 => (0..200u64).prop_map(Step::TruncateBefore),
        1 => Just(Step::Reopen),
        3 => (0..200u64).prop_map(Step::Read),
    ]
}

fn payload(position: u64, length: usize) -> Vec<u8> {
    (0..length).map(|at| (position as usize * 31 + at * 7) as u8).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_vector(steps in prop::collection::vec(step(), 1..60), segment_bytes_max in 100..100_000u64) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { segment_bytes_max, sync: SyncPolicy::WriteOnly, ..Options::default() };
        let mut journal = Journal::open(dir.path(), options.clone()).unwrap().0;
        let mut model: Vec<(u8, Vec<u8>)> = Vec::new();
        for step in steps {
            match step {
                Step::Append(kind, length) => {
                    model.push((kind, payload(model.len() as u64 + 1, length)));
                    let position = journal.append(kind, &model[model.len() - 1].1).unwrap();
                    prop_assert_eq!(position, model.len() as u64);
                }
                Step::AppendMany(lengths) => {
                    let from = model.len();
                    for length in lengths {
                        model.push((9, payload(model.len() as u64 + 1, length)));
                    }
                    let records = model[from..].iter().map(|(kind, payload)| (*kind, payload.as_slice()));
                    prop_assert_eq!(journal.append_many(records).unwrap(), model.len() as u64);
                }
                Step::Sync => {
                    journal.sync(u64::MAX).unwrap();
                    prop_assert_eq!(journal.durable_position(), model.len() as u64);
                }
                Step::TruncateBefore(position) => {
                    let first = journal.first_position();
                    journal.truncate_before(position).unwrap();
                    let now = journal.first_position();
                    prop_assert!(now == first || (now > first && now <= position));
                }
                Step::Reopen => {
                    let first = journal.first_position();
                    drop(journal);
                    let (reopened, recovery) = Journal::open(dir.path(), options.clone()).unwrap();
                    prop_assert_eq!(recovery.first_position, first);
                    prop_assert_eq!(recovery.last_position, model.len() as u64);
                    prop_assert_eq!(recovery.torn, None);
                    journal = reopened;
                }
                Step::Read(position) => {
                    let kept = journal.first_position()..=model.len() as u64;
                    let found = journal.read(position).unwrap().map(|record| (record.kind, record.payload.to_vec()));
                    let expected = kept.contains(&position).then(|| model[position as usize - 1].clone());
                    prop_assert_eq!(found, expected);
                }
            }
            prop_assert_eq!(journal.last_position(), model.len() as u64);
        }
        let first = journal.first_position();
        let found: Vec<_> = journal.iter(first).map(|record| record.unwrap()).collect();
        prop_assert_eq!(found.len(), model.len() + 1 - first as usize);
        for record in found {
            let expected = &model[record.position as usize - 1];
            prop_assert_eq!((record.kind, record.payload.as_ref()), (expected.0, expected.1.as_slice()));
        }
    }
}
