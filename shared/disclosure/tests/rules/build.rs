//! Actions of disclosure, whole and simple; tests break one thing in them.

use bytes::Bytes;
use hutong_disclosure::Handle;
use hutong_ledger::hash::sha256;
use hutong_wire::{
    prost::Message,
    v1::{
        catalogue::Agreement,
        disclosure::{
            Action, Basis, ConfirmUnrecoverable, Envelope, Erase, GiveConsent, LiftHold, PlaceHold,
            RegisterPerson, RequestAccess, SealedField, UpdatePerson, WithdrawConsent, action, basis,
        },
    },
};

use crate::support::{CLINIC, OWNER, time_ms};

pub(crate) const PURPOSE: &str = "treatment";
pub(crate) const NOTE: &str = "note/1";
pub(crate) const CONSENT: &str = "0123456789abcdef";

pub(crate) fn encoded(kind: action::Kind) -> Bytes {
    Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec().into()
}

pub(crate) fn handle(n: u8) -> Handle {
    [n; 16]
}

pub(crate) fn person(n: u8) -> String {
    format!("person/{}", hex::encode(handle(n)))
}

/// Sealed fields, each with the commitment to a content.
pub(crate) fn sealed(fields: &[(&str, &str)]) -> Vec<SealedField> {
    let field = |(name, content): &(&str, &str)| SealedField {
        name: (*name).into(),
        commitment: sha256(&[content.as_bytes()]).0.to_vec().into(),
    };
    fields.iter().map(field).collect()
}

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

pub(crate) fn register(n: u8, fields: &[(&str, &str)]) -> Bytes {
    let register = RegisterPerson { handle: handle(n).to_vec().into(), sealed: sealed(fields) };
    encoded(action::Kind::RegisterPerson(register))
}

pub(crate) fn update(n: u8, fields: &[(&str, &str)]) -> Bytes {
    let update = UpdatePerson { handle: handle(n).to_vec().into(), sealed: sealed(fields) };
    encoded(action::Kind::UpdatePerson(update))
}

/// A request that only needs its basis to hold.
pub(crate) fn request(record: &str, fields: &[&str], kind: basis::Kind) -> RequestAccess {
    RequestAccess {
        record: record.into(),
        fields: texts(fields),
        purpose: PURPOSE.into(),
        basis: Some(Basis { kind: Some(kind), court_order: String::new() }),
        sealed_until_ms: 0,
    }
}

pub(crate) fn ask(request: RequestAccess) -> Bytes {
    encoded(action::Kind::RequestAccess(request))
}

pub(crate) fn emergency() -> basis::Kind {
    basis::Kind::Emergency("unconscious at the door".into())
}

pub(crate) fn duty() -> basis::Kind {
    basis::Kind::Duty("case 7".into())
}

/// The agreement `care`: the clinic may read name and text of notes for its purpose, from block 1 to block 1000.
pub(crate) fn agreement() -> Agreement {
    Agreement {
        id: "care".into(),
        owner: OWNER.into(),
        consumer: CLINIC.into(),
        domain: "notes".into(),
        record_type: "note".into(),
        fields: texts(&["name", "text"]),
        purposes: texts(&["billing", PURPOSE]),
        legal_basis: "the law".into(),
        from_ms: time_ms(1),
        until_ms: time_ms(1000),
        ..Agreement::default()
    }
}

pub(crate) fn by_agreement() -> basis::Kind {
    basis::Kind::Agreement("care".into())
}

/// Person n's consent that the clinic reads name and text of notes.
pub(crate) fn consent(n: u8) -> GiveConsent {
    GiveConsent {
        handle: handle(n).to_vec().into(),
        id: CONSENT.into(),
        consumer: CLINIC.into(),
        record_type: "note".into(),
        fields: texts(&["name", "text"]),
        purposes: texts(&["billing", PURPOSE]),
        from_ms: time_ms(1),
        until_ms: time_ms(1000),
    }
}

pub(crate) fn give(consent: GiveConsent) -> Bytes {
    encoded(action::Kind::GiveConsent(consent))
}

pub(crate) fn withdraw(n: u8, id: &str) -> Bytes {
    let withdraw = WithdrawConsent { handle: handle(n).to_vec().into(), id: id.into() };
    encoded(action::Kind::WithdrawConsent(withdraw))
}

pub(crate) fn by_consent(n: u8) -> basis::Kind {
    basis::Kind::Consent(format!("{}/{CONSENT}", hex::encode(handle(n))))
}

pub(crate) fn place(record: &str, reason: &str, until_ms: u64) -> Bytes {
    let place = PlaceHold { record: record.into(), reason: reason.into(), until_ms };
    encoded(action::Kind::PlaceHold(place))
}

pub(crate) fn lift(record: &str) -> Bytes {
    encoded(action::Kind::LiftHold(LiftHold { record: record.into() }))
}

pub(crate) fn erasure(record: &str) -> Erase {
    Erase {
        record: record.into(),
        requested_by: "person".into(),
        basis: "article 47".into(),
        destroy_handle: false,
    }
}

pub(crate) fn erase(erase: Erase) -> Bytes {
    encoded(action::Kind::Erase(erase))
}

pub(crate) fn confirm(record: &str) -> Bytes {
    encoded(action::Kind::ConfirmUnrecoverable(ConfirmUnrecoverable { record: record.into() }))
}
