//! `hutong verify`: checks a receipt or a record's proof, offline, from the document and the trust file alone.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong_ledger::receipt::{self, Standing, TrustFile};
use serde_json::{Value, json};

use super::{CommandError, Context};
use crate::{city::found::read_json, cli::Verify};

pub(super) fn run(context: &Context, args: &Verify) -> Result<(), CommandError> {
    let trust: TrustFile = read_json(&args.trust)?;
    let path = &args.receipt;
    let document = std::fs::read(path).map_err(|source| CommandError::Io { path: path.clone(), source })?;
    let failed = |error: receipt::VerifyError| CommandError::Negative(format!("does not verify: {error}"));
    // The two documents have different required parts; which one it is shows in them.
    let is_state = serde_json::from_slice::<Value>(&document).is_ok_and(|d| d.get("record").is_some());
    let (mut result, standing) = if is_state {
        let state = receipt::verify_state(&document, &trust).map_err(failed)?;
        let current = state.current.map(|(version, value)| {
            json!({ "version": version, "value": value.map(|value| STANDARD.encode(value)) })
        });
        let result = json!({
            "record": format!("{}/{}", state.domain, state.record),
            "current": current,
            "height": state.height,
            "block": state.block,
        });
        (result, state.standing)
    } else {
        let verified = receipt::verify(&document, &trust).map_err(failed)?;
        let code = verified.outcome.code();
        let result = json!({
            "transaction": verified.id,
            "domain": verified.domain,
            "outcome": if code.is_none() { "applied" } else { "refused" },
            "code": code,
            "height": verified.height,
            "block": verified.block,
        });
        (result, verified.standing)
    };
    result["verified"] = true.into();
    result["chain"] = trust.chain.as_str().into();
    result["standing"] = stands(&standing);
    context.output.result(&result, |result| text(result, &standing));
    Ok(())
}

fn stands(standing: &Standing) -> Value {
    json!({
        "epoch": standing.epoch,
        "hosts": standing.hosts,
        "quorum": standing.quorum,
        "cosigners": standing.cosigners,
        "tolerated_faults": standing.tolerated_faults,
        "validating": standing.validating,
        "validating_quorum": standing.validating_quorum,
        "validating_cosigners": standing.validating_cosigners,
        "validating_tolerated_faults": standing.validating_tolerated_faults,
        "time_s": standing.time_s,
    })
}

fn text(result: &Value, standing: &Standing) -> String {
    let what = match result.get("transaction") {
        Some(id) => {
            let outcome =
                result["code"].as_str().map_or("applied".to_owned(), |code| format!("refused: {code}"));
            format!("transaction  {} is final, {outcome}", id.as_str().unwrap_or_default())
        }
        None => {
            let version = &result["current"]["version"];
            let current =
                if version.is_null() { "does not exist".into() } else { format!("is at version {version}") };
            format!("record       {} {current}", result["record"].as_str().unwrap_or_default())
        }
    };
    let names = |agencies: &[hutong_ledger::id::AgencyId]| {
        agencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    format!(
        "verified     from the document and the trust file alone\n{what}\n\
         height       {} of chain {}, epoch {}\n\
         hosts        {} ({} of {} signed, {} needed)\n\
         tolerates    {} faulty hosts, {} of {} validating agencies",
        result["height"],
        result["chain"].as_str().unwrap_or_default(),
        standing.epoch,
        names(&standing.hosts),
        standing.cosigners.len(),
        standing.hosts.len(),
        standing.quorum,
        standing.tolerated_faults,
        standing.validating_tolerated_faults,
        standing.validating,
    )
}
