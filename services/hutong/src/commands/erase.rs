//! `hutong erase`: has the sealed fields of a record destroyed, by its domain's owner or on the person's request.

use hutong_client::{Client, Submitted};
use hutong_ledger::id::RecordKey;
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Action, Envelope, Erase, action::Kind},
};
use serde_json::{Value, json};

use super::{CommandError, Context};
use crate::cli::{self, Person};

pub(super) async fn run(context: Context, args: cli::Erase) -> Result<(), CommandError> {
    let Some(agency) = args.agency else {
        let person = Person { persona: args.persona, token: args.token };
        let client = context.person(&person)?;
        let body = json!({
            "domain": args.record.domain,
            "record": args.record.record,
            "basis": args.basis,
            "forget_person": args.forget_person,
        });
        let answer = client.post_json("/v1/subjects/me/erasures", &body).await?;
        context.output.result(&answer, certificate);
        return Ok(());
    };
    let city = context.city()?;
    let client = Client::of(&city, &agency)?;
    let erase = Erase {
        record: args.record.record.to_string(),
        requested_by: "owner".into(),
        basis: args.basis,
        destroy_handle: args.forget_person,
    };
    let action = Envelope { disclosure: Some(Action { kind: Some(Kind::Erase(erase)) }) };
    let builder = client.build(args.record.domain)?.action(action.encode_to_vec());
    let transaction = builder.sign(&[client.signer()?])?;
    let result = match client.submit_final(&transaction).await? {
        Submitted::Accepted(_) => json!({ "transaction": transaction.id, "state": "accepted" }),
        Submitted::Final { outcome, .. } => match outcome.code() {
            None => json!({ "transaction": transaction.id, "state": "erased" }),
            Some(code) => {
                let why = why(&client, &args.record, code).await?;
                return Err(CommandError::Negative(format!("{} was not erased: {why}", args.record)));
            }
        },
    };
    context.output.result(&result, |result| {
        format!(
            "{} {}, transaction {}",
            args.record,
            result["state"].as_str().unwrap_or_default(),
            transaction.id
        )
    });
    Ok(())
}

/// What a person wants to know of the certificate of an erasure; all of it is in its JSON.
fn certificate(answer: &Value) -> String {
    let list = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told = format!(
        "{}/{} is {}: {}\nreceipt  {}",
        text(&answer["domain"]),
        text(&answer["record"]),
        text(&answer["status"]),
        list(&answer["fields"]).join(", "),
        text(&answer["receipt"]),
    );
    // Who had read it may have kept it.
    for access in answer["read_by"].as_array().into_iter().flatten() {
        let who = (text(&access["agency"]), text(&access["official"]));
        let what = list(&access["fields"]).join(", ");
        told.push_str(&format!("\nread by  {}, official {}: {what}", who.0, who.1));
    }
    told
}

/// The contract's code, with the reason where a hold stands.
async fn why(client: &Client, record: &RecordKey, code: &str) -> Result<String, CommandError> {
    let hold = hutong_disclosure::records::hold(&record.record).filter(|_| code == "legal_hold");
    let Some(hold) = hold else { return Ok(code.to_owned()) };
    let hold = client.record(&RecordKey { domain: record.domain, record: hold }, None).await?;
    let told = |name: &str| hold["value"][name].as_str().unwrap_or_default().to_owned();
    Ok(format!("{code}: {} holds it: {}", told("agency"), told("reason")))
}
