//! What the catalogue stores, and the actions that both sides of an agreement sign.

use hutong_wire::{
    prost::Message,
    v1::catalogue::{
        Action, Agree, Agreement, Dataset, Field, PublishDataset, Revoke, SharingClass, WithdrawDataset,
        action::Kind,
    },
};

use crate::Form;

const TIME_MS: u64 = 1_700_000_000_250;

fn dataset() -> Dataset {
    let field = |name: &str, sealed| Field { name: name.into(), sealed, description: "of a parcel".into() };
    Dataset {
        id: "property-parcels".into(),
        domain: "property".into(),
        record_type: "parcel".into(),
        title: "Parcels".into(),
        description: "Parcels and their rights".into(),
        fields: vec![field("unit", false), field("conditions", true)],
        sharing: SharingClass::Conditional.into(),
        keywords: vec!["property".into(), "土地".into()],
        theme: "http://publications.europa.eu/resource/authority/data-theme/REGI".into(),
        endpoint: "/property/v1/parcels".into(),
        media_type: "application/json".into(),
        ..Dataset::default()
    }
}

fn agreement() -> Agreement {
    Agreement {
        id: "care".into(),
        owner: "land-registry".into(),
        consumer: "data-bureau".into(),
        domain: "property".into(),
        record_type: "parcel".into(),
        fields: vec!["name".into(), "phone".into()],
        purposes: vec!["audit".into(), "taxation".into()],
        legal_basis: "Regulation 7, article 3".into(),
        from_ms: 1,
        until_ms: TIME_MS,
        count_limit: 100,
        ..Agreement::default()
    }
}

fn action(kind: Kind) -> Vec<u8> {
    Action { kind: Some(kind) }.encode_to_vec()
}

pub(crate) fn forms() -> Vec<Form> {
    let published = Dataset { issued_ms: TIME_MS, modified_ms: TIME_MS + 1, ..dataset() };
    let withdrawn = Dataset { withdrawn_ms: TIME_MS + 2, ..published.clone() };
    let agreed = Agreement { agreed_ms: TIME_MS, ..agreement() };
    let revoked = Agreement {
        revoked_ms: TIME_MS + 1,
        revoked_by: "data-bureau".into(),
        revocation_reason: "it is over".into(),
        ..agreed.clone()
    };
    let publish = PublishDataset { dataset: Some(dataset()) };
    let agree = Agree { agreement: Some(agreement()) };
    vec![
        Form::new("catalogue_records")
            .bytes("dataset", published.encode_to_vec())
            .bytes("dataset_withdrawn", withdrawn.encode_to_vec())
            .bytes("agreement", agreed.encode_to_vec())
            .bytes("agreement_revoked", revoked.encode_to_vec()),
        Form::new("catalogue_actions")
            .bytes("publish", action(Kind::PublishDataset(publish)))
            .bytes(
                "withdraw",
                action(Kind::WithdrawDataset(WithdrawDataset { id: "property-parcels".into() })),
            )
            .bytes("agree", action(Kind::Agree(agree)))
            .bytes("revoke", action(Kind::Revoke(Revoke { id: "care".into(), reason: "it is over".into() }))),
    ]
}
