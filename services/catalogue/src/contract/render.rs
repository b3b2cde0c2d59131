//! Datasets and agreements as plain JSON, for people and programs that know no linked data.

use hutong_wire::v1::catalogue::{self as wire, SharingClass};
use serde_json::{Value, json};

/// A sharing class in lower case.
pub fn class_name(class: SharingClass) -> &'static str {
    match class {
        SharingClass::Unspecified => "unspecified",
        SharingClass::Unconditional => "unconditional",
        SharingClass::Conditional => "conditional",
        SharingClass::NotShared => "not_shared",
    }
}

pub fn render_dataset(dataset: &wire::Dataset) -> Value {
    let fields = dataset
        .fields
        .iter()
        .map(|field| json!({ "name": field.name, "sealed": field.sealed, "description": field.description }));
    json!({
        "id": dataset.id,
        "domain": dataset.domain,
        "record_type": dataset.record_type,
        "title": dataset.title,
        "description": dataset.description,
        "fields": fields.collect::<Vec<_>>(),
        "sharing": class_name(dataset.sharing()),
        "keywords": dataset.keywords,
        "theme": some(&dataset.theme),
        "endpoint": dataset.endpoint,
        "media_type": media_type(dataset),
        "issued_ms": dataset.issued_ms,
        "modified_ms": dataset.modified_ms,
        "withdrawn_ms": at(dataset.withdrawn_ms),
    })
}

pub fn render_agreement(agreement: &wire::Agreement) -> Value {
    json!({
        "id": agreement.id,
        "owner": agreement.owner,
        "consumer": agreement.consumer,
        "domain": agreement.domain,
        "record_type": agreement.record_type,
        "fields": agreement.fields,
        "purposes": agreement.purposes,
        "legal_basis": agreement.legal_basis,
        "from_ms": agreement.from_ms,
        "until_ms": agreement.until_ms,
        "count_limit": at(agreement.count_limit),
        "agreed_ms": agreement.agreed_ms,
        "revoked_ms": at(agreement.revoked_ms),
        "revoked_by": some(&agreement.revoked_by),
        "revocation_reason": some(&agreement.revocation_reason),
    })
}

/// What a dataset's endpoint answers.
pub(crate) fn media_type(dataset: &wire::Dataset) -> &str {
    some(&dataset.media_type).unwrap_or("application/json")
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// 0 stands for none.
fn at(number: u64) -> Option<u64> {
    (number > 0).then_some(number)
}
