//! `hutong submit`: signs what a file asks for with the agencies' keys at hand, and submits it.

use std::io::Read;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong_client::{Client, Submitted};
use hutong_ledger::id::{AgencyId, Domain};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{CommandError, Context};
use crate::cli::Submit;

/// What is to be signed and submitted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    agency: AgencyId,
    domain: Domain,
    /// The domain's Action message, encoded, in base64.
    action: String,
    /// Who must sign beside the agency.
    #[serde(default)]
    signers: Vec<AgencyId>,
    #[serde(default)]
    actor: String,
}

pub(super) async fn run(context: Context, args: Submit) -> Result<(), CommandError> {
    let mut text = Vec::new();
    let failed = |source| CommandError::Io { path: args.file.clone(), source };
    if args.file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut text).map_err(failed)?;
    } else {
        text = std::fs::read(&args.file).map_err(failed)?;
    }
    let usage = |reason: String| CommandError::Usage(format!("{}: {reason}", args.file.display()));
    let request: Request = serde_json::from_slice(&text).map_err(|error| usage(error.to_string()))?;
    let action = STANDARD.decode(&request.action).map_err(|error| usage(format!("action: {error}")))?;
    let city = context.city()?;
    let client = Client::of(&city, &request.agency)?;
    let mut builder = client.build(request.domain)?.actor(request.actor).action(action);
    let mut signers = vec![city.signer(&request.agency)?];
    for agency in &request.signers {
        builder = builder.signer(*agency);
        signers.push(city.signer(agency)?);
    }
    let transaction = builder.sign(&signers.iter().collect::<Vec<_>>())?;
    let submitted = if args.no_wait {
        client.submit(&transaction).await?
    } else {
        client.submit_final(&transaction).await?
    };
    let (state, code): (&str, Value) = match &submitted {
        Submitted::Accepted(_) => ("accepted", Value::Null),
        Submitted::Final { outcome, .. } => match outcome.code() {
            None => ("applied", Value::Null),
            Some(code) => ("refused", code.into()),
        },
    };
    let result = json!({ "id": transaction.id, "state": state, "code": code });
    context.output.result(&result, |_| match code.as_str() {
        Some(code) => format!("{} {state}: {code}", transaction.id),
        None => format!("{} {state}", transaction.id),
    });
    if state == "refused" {
        Err(CommandError::Negative("the transaction was refused".into()))
    } else {
        Ok(())
    }
}
