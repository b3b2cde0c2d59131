//! `hutong verify`: checks a receipt or a record's proof, offline, from the document and the trust file alone.

use std::path::Path;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong_disclosure::render;
use hutong_ledger::{
    evidence::Misdeed,
    receipt::{self, Standing, TrustFile},
};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{CommandError, Context};
use crate::{
    city::{
        domains::{RECORD_TYPES, contracts},
        found::read_json,
    },
    cli::Verify,
};

pub(super) fn run(context: &Context, args: &Verify) -> Result<(), CommandError> {
    let trust: TrustFile = read_json(&args.trust)?;
    if let Some(path) = &args.accesses {
        return accesses(context, &read(path)?, &trust);
    }
    if let Some(path) = &args.evidence {
        return evidence(context, &read(path)?, &trust);
    }
    let Some(path) = &args.receipt else {
        return Err(CommandError::Usage("name a receipt, a list with --accesses, or --evidence".into()));
    };
    let file = read(path)?;
    let extract: Option<Extract<'_>> = serde_json::from_slice(&file).ok();
    let document = extract.as_ref().map_or(&file[..], |extract| extract.receipt.get().as_bytes());
    let failed = |error: receipt::VerifyError| CommandError::Negative(format!("does not verify: {error}"));
    // The two documents have different required parts; which one it is shows in them.
    let is_state = serde_json::from_slice::<Value>(document).is_ok_and(|d| d.get("record").is_some());
    let (mut result, standing) = if is_state {
        let state = receipt::verify_state(document, &trust).map_err(failed)?;
        if let Some(extract) = &extract {
            extract.check(&state)?;
        }
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
        let verified = receipt::verify(document, &trust).map_err(failed)?;
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

/// What an agency signed against the rules, proven to whoever holds the trust file.
fn evidence(context: &Context, document: &[u8], trust: &TrustFile) -> Result<(), CommandError> {
    let proven = hutong_ledger::evidence::verify(document, trust)
        .map_err(|error| CommandError::Negative(format!("proves nothing: {error}")))?;
    let agency = proven.agency;
    let (mut result, told) = match &proven.misdeed {
        Misdeed::TwoVotes { height, view, blocks } => (
            json!({ "misdeed": "two_votes", "height": height, "view": view, "blocks": blocks }),
            format!(
                "{agency} voted for two blocks at height {height} in view {view}:\n  {}\n  {}",
                blocks[0], blocks[1]
            ),
        ),
        Misdeed::OtherRoots { domain, height, block, quorum } => (
            json!({
                "misdeed": "other_roots", "domain": domain, "height": height, "block": block,
                "standing": stands(quorum),
            }),
            format!(
                "{agency} cosigned another result of {domain} at height {height} than {} of its {} hosts, for block\n  {block}",
                quorum.cosigners.len(),
                quorum.hosts.len()
            ),
        ),
    };
    result["verified"] = true.into();
    result["chain"] = trust.chain.as_str().into();
    result["agency"] = agency.as_str().into();
    context.output.result(&result, |_| told);
    Ok(())
}

/// A record for people, with the proof of its state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Extract<'a> {
    content: Value,
    #[serde(borrow)]
    receipt: &'a RawValue,
}

impl Extract<'_> {
    /// The content is what the record's contract makes of what was proved.
    fn check(&self, state: &receipt::VerifiedState) -> Result<(), CommandError> {
        let contract = contracts(RECORD_TYPES).into_iter().find(|contract| contract.domain() == state.domain);
        let value = state.current.as_ref().and_then(|(_, value)| value.as_deref());
        let shown = contract.zip(value).and_then(|(contract, value)| contract.render(&state.record, value));
        if shown.as_ref() == Some(&self.content) {
            return Ok(());
        }
        Err(CommandError::Negative("does not verify: the content is not what the ledger has".into()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, CommandError> {
    std::fs::read(path).map_err(|source| CommandError::Io { path: path.to_owned(), source })
}

/// A person's list of accesses: whole as of the heights of its indexes, and each entry as the ledger has it.
fn accesses(context: &Context, document: &[u8], trust: &TrustFile) -> Result<(), CommandError> {
    let failed = |fault| CommandError::Negative(format!("does not verify: {fault}"));
    let verified = hutong_disclosure::accesses::verify(document, trust).map_err(failed)?;
    let persons = verified.persons.iter().map(|person| {
        let entries = person.entries.iter().map(|entry| match &entry.opened {
            None => json!({ "number": entry.number, "sealed_until_ms": entry.sealed_until_ms }),
            Some(opened) => {
                let mut shown = render::access(&opened.id.to_string(), &opened.access);
                shown["number"] = entry.number.into();
                shown
            }
        });
        json!({
            "domain": person.domain,
            "handle": hex::encode(person.handle),
            "complete_as_of_height": person.height,
            "accesses": entries.collect::<Vec<_>>(),
            "standing": stands(&person.standing),
        })
    });
    let result = json!({ "verified": true, "chain": verified.chain, "persons": persons.collect::<Vec<_>>() });
    context.output.result(&result, |_| {
        let mut text = "verified     from the document and the trust file alone".to_owned();
        for person in &verified.persons {
            let (count, sealed) =
                (person.entries.len(), person.entries.iter().filter(|entry| entry.opened.is_none()).count());
            text.push_str(&format!(
                "\n{:<12} {count} accesses ({sealed} sealed by a court), complete as of height {}",
                person.domain, person.height
            ));
        }
        text
    });
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
         tolerates    {} faulty of {} hosts, {} of {} validating agencies",
        result["height"],
        result["chain"].as_str().unwrap_or_default(),
        standing.epoch,
        names(&standing.hosts),
        standing.cosigners.len(),
        standing.hosts.len(),
        standing.quorum,
        standing.tolerated_faults,
        standing.hosts.len(),
        standing.validating_tolerated_faults,
        standing.validating,
    )
}
