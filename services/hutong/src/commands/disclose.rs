//! `hutong disclose`: asks for sealed fields in an agency's name, opens what the vault releases, and checks each value
//! against its commitment on the ledger. The access is on record, whatever comes of it.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_client::{City, Client};
use hutong_desk::{check_opening, open_release};
use hutong_keys::{KeyFile, SealingKey};
use hutong_ledger::{
    epoch::Purpose,
    id::{AgencyId, ChainId, Domain, RecordKey, TxId},
    transaction::Transaction,
};
use hutong_peer::vault::Released;
use hutong_runtime::{Clock, SystemClock};
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

const PATH: &str = "/v1/disclosures";
/// What the vault says of an access that is not final where it looks.
const NOT_FINAL: &str = "not_final";
/// How long an access that was taken may take to become final.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two questions for it; the vault itself waits a moment.
const AGAIN: Duration = Duration::from_millis(100);

pub(super) async fn run(context: Context, args: Disclose) -> Result<(), CommandError> {
    let requester = Requester::new(&context.city()?, &Layout::new(&context.global.data), &args.agency)?;
    let domain = args.record.domain;
    let transaction = requester.transaction(domain, &args.official, request(&args))?;
    let id = transaction.id;
    let message = v1::Transaction::from(&transaction).encode_to_vec();
    let asked = json!({ "transaction": STANDARD.encode(message) });
    let mut answer = requester.client.post_json(PATH, &asked).await?;
    if answer.get("sealed").is_none() {
        // Taken and not final yet.
        answer = requester.collect(domain, id).await?;
    }
    let (access, fields) = requester.open(domain, id, &answer).await?;
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
        let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or_default().max("access".len());
        let mut text = format!("{:<width$}  {id}, on record", "access");
        for (name, value) in &fields {
            text.push_str(&format!("\n{name:<width$}  {}", String::from_utf8_lossy(value)));
        }
        text
    });
    Ok(())
}

/// An agency that asks for sealed fields, with the key that opens the answers.
pub(crate) struct Requester {
    pub(crate) client: Client,
    key: SealingKey,
    chain: ChainId,
}

impl Requester {
    pub(crate) fn new(city: &City, layout: &Layout, agency: &AgencyId) -> Result<Self, CommandError> {
        let file = KeyFile::load(&layout.key(agency, Purpose::Sealing)).map_err(CityError::from)?;
        let key = file.sealing_key().map_err(CityError::from)?;
        Ok(Self { client: Client::of(city, agency)?, key, chain: city.chain })
    }

    /// An access, signed.
    pub(crate) fn transaction(
        &self,
        domain: Domain,
        official: &str,
        request: RequestAccess,
    ) -> Result<Transaction, CommandError> {
        let action = Action { kind: Some(action::Kind::RequestAccess(request)) };
        let action = Envelope { disclosure: Some(action) }.encode_to_vec();
        Ok(self.client.build(domain)?.actor(official).action(action).sign(&[self.client.signer()?])?)
    }

    /// What the vault releases against an access, when it is final: a city under load may take a while.
    pub(crate) async fn collect(&self, domain: Domain, id: TxId) -> Result<Value, CommandError> {
        let (clock, asked) = (SystemClock::new(), json!({ "access": id.to_string(), "domain": domain }));
        let began = clock.monotonic();
        loop {
            match self.client.post_json(PATH, &asked).await {
                Err(hutong_client::Error::Refused(refusal))
                    if refusal.code == NOT_FINAL && clock.monotonic() - began < PATIENCE => {}
                answer => return Ok(answer?),
            }
            clock.sleep(AGAIN).await;
        }
    }

    /// The access as the ledger has it, and the released values, each checked against its commitment there.
    pub(crate) async fn open(
        &self,
        domain: Domain,
        id: TxId,
        answer: &Value,
    ) -> Result<(Access, Vec<(String, Bytes)>), CommandError> {
        let opening = open_release(&self.key, self.chain, &released(id, answer)?).map_err(negative)?;
        let record = RecordKey { domain, record: hutong_disclosure::records::access(&id) };
        let stored = self.client.record(&record, None).await?;
        let access = Access::decode(&field(&stored, "bytes")?[..]).map_err(negative)?;
        let fields = check_opening(domain, &access, opening).map_err(negative)?;
        Ok((access, fields))
    }
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
