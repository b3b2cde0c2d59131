//! What disclosure stores and hashes: commitments, the chain of accesses, and its records.

use bytes::Bytes;
use hutong_disclosure::{access_head, commitment};
use hutong_ledger::hash::{Hash, sha256};
use hutong_peer::vault::{RELEASE_INFO, release_aad};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{
            Access, AccessEntry, AccessIndex, Action, AgreementUse, Basis, ConfirmUnrecoverable, Consent,
            Envelope, Erase, Erasure, ErasureStatus, GiveConsent, Hold, LiftHold, Person, PlaceHold, ReadBy,
            RegisterPerson, RequestAccess, SealedField, UpdatePerson, WithdrawConsent, action, basis,
        },
        vault::{OpenedField, Opening},
    },
};

use crate::{
    Form,
    city::{genesis, parse, property},
    transactions::transaction,
};

const HANDLE: [u8; 16] = [0x11; 16];
const TIME_MS: u64 = 1_700_000_000_250;

fn sealed() -> Vec<SealedField> {
    let field = |name: &str, value: &str| {
        let commitment = commitment(property(), &parse("parcel-7"), name, &[9; 16], value.as_bytes());
        SealedField { name: name.into(), commitment: commitment.0.to_vec().into() }
    };
    vec![field("name", "Li Lei"), field("phone", "010")]
}

fn basis() -> Basis {
    Basis { kind: Some(basis::Kind::Agreement("care".into())), court_order: "order 5".into() }
}

fn access() -> Access {
    Access {
        record: "parcel-7".into(),
        record_type: "parcel".into(),
        fields: sealed(),
        requester: "data-bureau".into(),
        official: "official-7".into(),
        purpose: "audit".into(),
        basis: Some(basis()),
        subjects: vec![HANDLE.to_vec().into()],
        time_ms: TIME_MS,
        release_until_ms: TIME_MS + 1,
        sealed_until_ms: TIME_MS + 2,
    }
}

fn consent() -> Consent {
    Consent {
        id: "0123456789abcdef".into(),
        handle: HANDLE.to_vec().into(),
        consumer: "data-bureau".into(),
        record_type: "parcel".into(),
        fields: vec!["name".into(), "phone".into()],
        purposes: vec!["audit".into()],
        from_ms: 1,
        until_ms: 2,
        given_ms: 3,
        withdrawn_ms: 4,
    }
}

fn erasure(head: &Hash) -> Erasure {
    Erasure {
        record: "parcel-7".into(),
        fields: sealed(),
        requested_by: "person".into(),
        basis: "article 47".into(),
        status: ErasureStatus::Unrecoverable.into(),
        erased_ms: TIME_MS,
        unrecoverable_ms: TIME_MS + 1,
        handle_destroyed: true,
        read_by: vec![ReadBy { handle: HANDLE.to_vec().into(), count: 2, head: head.0.to_vec().into() }],
    }
}

pub(crate) fn forms() -> Vec<Form> {
    let details = sha256(&[b"details"]);
    let first = access_head(&Hash::ZERO, 1, 0, &details);
    let second = access_head(&first, 2, TIME_MS, &details);
    let entry = AccessEntry {
        number: 2,
        access: transaction(1).id.0.to_vec().into(),
        time_ms: TIME_MS,
        sealed_until_ms: TIME_MS + 2,
        details: details.0.to_vec().into(),
        head: second.0.to_vec().into(),
    };
    let hold = Hold {
        record: "parcel-7".into(),
        reason: "lawsuit 9".into(),
        agency: "land-registry".into(),
        since_ms: 1,
        until_ms: 2,
    };
    let request = RequestAccess {
        record: "parcel-7".into(),
        fields: vec!["name".into()],
        purpose: "audit".into(),
        basis: Some(basis()),
        sealed_until_ms: TIME_MS + 2,
    };
    let action = Action { kind: Some(action::Kind::RequestAccess(request)) };
    let value = commitment(property(), &parse("parcel-7"), "name", &[9; 16], b"Li Lei");
    vec![
        Form::new("sealed_field")
            .text("commitment", value)
            .text("of_nothing", commitment(property(), &parse("parcel-7"), "name", &[0; 16], b"")),
        Form::new("access_head").text("first", first).text("second", second),
        Form::new("disclosure_records")
            .bytes("person", Person { sealed: sealed(), since_ms: TIME_MS }.encode_to_vec())
            .bytes("access", access().encode_to_vec())
            .bytes("index", AccessIndex { count: 2, head: second.0.to_vec().into() }.encode_to_vec())
            .bytes("entry", entry.encode_to_vec())
            .bytes("consent", consent().encode_to_vec())
            .bytes("hold", hold.encode_to_vec())
            .bytes("erasure", erasure(&second).encode_to_vec())
            .bytes("agreement_use", AgreementUse { count: 3 }.encode_to_vec()),
        Form::new("disclosure_action")
            .bytes("request", Envelope { disclosure: Some(action) }.encode_to_vec()),
        actions(),
        release(),
    ]
}

/// The other actions, as they stand in the Action of any domain.
fn actions() -> Form {
    let form = Form::new("disclosure_actions");
    let handle = || Bytes::copy_from_slice(&HANDLE);
    let (record, id) = (|| "parcel-7".to_owned(), || "0123456789abcdef".to_owned());
    let give = GiveConsent {
        handle: handle(),
        id: id(),
        consumer: "data-bureau".into(),
        record_type: "parcel".into(),
        fields: vec!["name".into(), "phone".into()],
        purposes: vec!["audit".into()],
        from_ms: 1,
        until_ms: TIME_MS,
    };
    let erase = Erase {
        record: record(),
        requested_by: "person".into(),
        basis: "article 47".into(),
        destroy_handle: true,
    };
    let hold = PlaceHold { record: record(), reason: "lawsuit 9".into(), until_ms: TIME_MS };
    let all = [
        (
            "register_person",
            action::Kind::RegisterPerson(RegisterPerson { handle: handle(), sealed: sealed() }),
        ),
        ("update_person", action::Kind::UpdatePerson(UpdatePerson { handle: handle(), sealed: sealed() })),
        ("give_consent", action::Kind::GiveConsent(give)),
        ("withdraw_consent", action::Kind::WithdrawConsent(WithdrawConsent { handle: handle(), id: id() })),
        ("place_hold", action::Kind::PlaceHold(hold)),
        ("lift_hold", action::Kind::LiftHold(LiftHold { record: record() })),
        ("erase", action::Kind::Erase(erase)),
        (
            "confirm_unrecoverable",
            action::Kind::ConfirmUnrecoverable(ConfirmUnrecoverable { record: record() }),
        ),
    ];
    all.into_iter().fold(form, |form, (label, kind)| {
        form.bytes(label, Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec())
    })
}

/// What a requester opens, and what its sealing is bound to.
fn release() -> Form {
    let opened = |name: &str, value: &'static str| OpenedField {
        name: name.into(),
        salt: vec![9; 16].into(),
        value: Bytes::from_static(value.as_bytes()),
    };
    let opening = Opening { fields: vec![opened("name", "Li Lei"), opened("phone", "010")] };
    let id = transaction(1).id;
    Form::new("release")
        .bytes("opening", opening.encode_to_vec())
        .bytes("info", RELEASE_INFO)
        .bytes("additional_data", release_aad(genesis().chain(), &id))
}
