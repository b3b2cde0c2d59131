//! `hutong disclose`: asks for sealed fields in an agency's name, opens what the vault releases, and checks each value
//! against its commitment on the ledger. The access is on record, whatever comes of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_client::Client;
use hutong_desk::{check_opening, open_release};
use hutong_keys::KeyFile;
use hutong_ledger::{
    epoch::Purpose,
    id::{RecordKey, TxId},
};
use hutong_peer::vault::Released;
use hutong_wire::{
    prost::Message,
    v1::{
        self,
        disclosure::{Access, Action, Basis, Envelope, RequestAccess, action, basis},
    },
};
use serde_json::{Value, json};

use super::{CommandError, Context, consent::unix_ms};
use crate::{
    city::{CityError, layout::Layout},
    cli::Disclose,
};

pub(super) async fn run(context: Context, args: Disclose) -> Result<(), CommandError> {
    let city = context.city()?;
    let client = Client::of(&city, &args.agency)?;
    let key_file = Layout::new(&context.global.data).key(&args.agency, Purpose::Sealing);
    let key = KeyFile::load(&key_file).and_then(|file| file.sealing_key()).map_err(CityError::from)?;
    let domain = args.record.domain;
    let action = Action { kind: Some(action::Kind::RequestAccess(request(&args))) };
    let action = Envelope { disclosure: Some(action) }.encode_to_vec();
    let transaction =
        client.build(domain)?.actor(args.official.clone()).action(action).sign(&[client.signer()?])?;
    let message = v1::Transaction::from(&transaction).encode_to_vec();
    let id = transaction.id;
    let mut answer =
        client.post_json("/v1/disclosures", &json!({ "transaction": STANDARD.encode(message) })).await?;
    while answer.get("sealed").is_none() {
        // Taken and not final yet.
        answer = client
            .post_json("/v1/disclosures", &json!({ "access": id.to_string(), "domain": domain }))
            .await?;
    }
    let opening = open_release(&key, city.chain, &released(id, &answer)?).map_err(negative)?;
    let record = RecordKey { domain, record: hutong_disclosure::records::access(&id) };
    let stored = client.record(&record, None).await?;
    let access = Access::decode(&field(&stored, "bytes")?[..]).map_err(negative)?;
    let fields = check_opening(domain, &access, opening).map_err(negative)?;
    let shown = fields.iter().map(|(name, value)| match std::str::from_utf8(value) {
        Ok(text) => (name.clone(), Value::from(text)),
        Err(_) => (name.clone(), json!({ "base64": STANDARD.encode(value) })),
    });
    let result = json!({
        "record": args.record.to_string(),
        "fields": shown.collect::<serde_json::Map<_, _>>(),
        "access": id.to_string(),
        "receipt": answer["receipt"],
        "release_until_ms": access.release_until_ms,
    });
    context.output.result(&result, |_| {
        let mut text = format!("access  {id}, on record");
        for (name, value) in &fields {
            text.push_str(&format!("\n{name:<8}{}", String::from_utf8_lossy(value)));
        }
        text
    });
    Ok(())
}

fn request(args: &Disclose) -> RequestAccess {
    let kinds = [
        args.agreement.clone().map(basis::Kind::Agreement),
        args.consent.clone().map(basis::Kind::Consent),
        args.emergency.clone().map(basis::Kind::Emergency),
        args.duty.clone().map(basis::Kind::Duty),
    ];
    let mut fields = args.fields.clone();
    fields.sort_unstable();
    fields.dedup();
    RequestAccess {
        record: args.record.record.to_string(),
        fields,
        purpose: args.purpose.clone(),
        basis: Some(Basis {
            kind: kinds.into_iter().flatten().next(),
            court_order: args.court_order.clone().unwrap_or_default(),
        }),
        sealed_until_ms: args.sealed_until.map_or(0, unix_ms),
    }
}

fn released(access: TxId, answer: &Value) -> Result<Released, CommandError> {
    let sealed = &answer["sealed"];
    let key = sealed["key"].as_str().unwrap_or_default().parse().map_err(CityError::from)?;
    let (encapsulated, ciphertext) = (field(sealed, "encapsulated")?, field(sealed, "ciphertext")?);
    Ok(Released { access, key, encapsulated, ciphertext })
}

/// Bytes in base64 of a member.
fn field(document: &Value, name: &str) -> Result<Bytes, CommandError> {
    let text = document[name].as_str().unwrap_or_default();
    STANDARD.decode(text).map(Bytes::from).map_err(|error| negative(format!("{name} of the answer: {error}")))
}

fn negative(reason: impl std::fmt::Display) -> CommandError {
    CommandError::Negative(reason.to_string())
}
