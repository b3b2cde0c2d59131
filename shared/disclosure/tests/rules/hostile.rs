//! Actions that are none: whatever the bytes, the answer is a refusal with a code, never a fault or a panic.

use bytes::Bytes;
use hutong_disclosure::{accesses, find_resident_id, records, render};
use hutong_ledger::receipt::TrustFile;
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Action, Envelope},
};
use proptest::{collection::vec, prelude::*, sample::Index};

use crate::{build::*, support::*};

#[test]
fn an_action_is_nothing_but_itself() {
    let mut city = City::with_a_note();
    let whole = ask(request(NOTE, &["text"], emergency()));
    let with = |more: &[u8]| Bytes::from([&whole, more].concat());
    let none = Envelope { disclosure: Some(Action { kind: None }) }.encode_to_vec();
    let bad = [
        with(b"\x0a\x06secret"),
        with(b"\x82\x01\x06secret"),
        with(&whole),
        with(b"put note/1 x"),
        whole.slice(..whole.len() - 1),
        none.into(),
        Bytes::new(),
    ];
    for action in bad {
        assert_eq!(city.refused(CLINIC, action.clone()), "malformed_action", "{action:?}");
    }
    // An unknown field within, its lengths made to fit.
    let inner = whole.slice(2..);
    let hiding = [b"\x7a".as_slice(), &[inner.len() as u8 + 9], &inner, b"\xfa\x01\x06secret"].concat();
    assert!(Envelope::decode(&hiding[..]).unwrap().disclosure.is_some());
    assert_eq!(city.refused(CLINIC, hiding.into()), "malformed_action");
    city.submit(CLINIC, whole).unwrap();
}

fn actions() -> Vec<Bytes> {
    vec![
        ask(request(NOTE, &["name", "text"], by_agreement())),
        ask(request(NOTE, &["text"], by_consent(1))),
        register(2, &[("name", "1"), ("text", "2")]),
        give(consent(1)),
        place(NOTE, "reason", 0),
        erase(erasure(NOTE)),
        confirm(NOTE),
    ]
}

proptest! {
    #[test]
    fn random_bytes_are_refused_quietly(bytes in vec(any::<u8>(), 0..200), name in "[ -~]{1,60}") {
        let mut city = City::with_a_note();
        let _ = city.submit(OWNER, bytes.clone().into());
        let tagged = [&[0x7a, bytes.len() as u8 | 0x80, (bytes.len() >> 7) as u8], &bytes[..]].concat();
        let _ = city.submit(OWNER, tagged.into());
        city.executed.iter().for_each(check);
        let trust = TrustFile::of(&genesis());
        prop_assert!(accesses::verify(&bytes, &trust).is_err());
        let _ = find_resident_id(&bytes);
        for prefix in records::RESERVED {
            if let Ok(record) = format!("{prefix}{name}").parse() {
                let _ = render::record(&record, &bytes);
            }
        }
    }

    #[test]
    fn damaged_actions_are_refused_quietly(
        which in 0_usize..7,
        owner: bool,
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut city = City::with_a_note();
        city.submit(OWNER, give(consent(1))).unwrap();
        let mut bytes = actions()[which].to_vec();
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let _ = city.submit(if owner { OWNER } else { CLINIC }, bytes.into());
        city.executed.iter().for_each(check);
    }
}
