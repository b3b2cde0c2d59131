//! Power cuts at any call of both stores: what was told as sealed opens, what was told as erased never does again.

use hutong_journal::faulty::{FaultyDisk, Kept};

use super::*;

#[test]
fn after_a_power_cut_at_any_call_what_was_sealed_opens_and_what_was_erased_does_not() {
    let (dir, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let place = |file: &str| Path::new("/vault").join(file);
    let watched = |file| FaultyBackend::new_store(place(file), Arc::new(disk.clone())).unwrap();
    let disks = Disks { keys: watched("keys"), values: watched("values") };
    let safe = disks.open(dir.path()).unwrap();
    let ready = disk.calls();
    let hash = settle(&safe, 1);
    let sealed = disk.calls();
    settle(&safe, 2);
    let both = disk.calls();
    safe.erase(&record(1), &erasure(hash), at(9)).unwrap();
    let erased = disk.calls();
    // Something is written after it, which must not bring the key back.
    settle(&safe, 3);
    drop(safe);
    for calls in ready..=disk.calls() {
        for kept in
            [Kept::Nothing, Kept::Everything, Kept::Some(calls as u64), Kept::Some(7919 * calls as u64)]
        {
            let context = format!("after {calls} calls, {kept:?}");
            let image = disk.image(calls, kept);
            let left = |file: &str| FaultyBackend::from_image(image.file(&place(file)).unwrap().to_vec());
            let safe = Disks { keys: left("keys"), values: left("values") }.open(dir.path()).expect(&context);
            if (sealed..=both).contains(&calls) {
                assert_eq!(opened(&safe, 1), [value_of(1)], "{context}");
            }
            if calls >= both {
                assert_eq!(opened(&safe, 2), [value_of(2)], "{context}");
            }
            if calls >= erased {
                assert_eq!(opened(&safe, 1), Vec::<Bytes>::new(), "{context}: an erased value opens");
            }
        }
    }
}
