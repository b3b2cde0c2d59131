//! `hutong verify`: checks a receipt or a record's proof, offline, from the document and the trust file alone.

use hutong_ledger::receipt::{self, TrustFile};
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
    if is_state {
        let state = receipt::verify_state(&document, &trust).map_err(failed)?;
        let result = json!({ "verified": true, "state": format!("{state:?}") });
        context.output.result(&result, |_| format!("verified\n{state:#?}"));
    } else {
        let verified = receipt::verify(&document, &trust).map_err(failed)?;
        let result = json!({ "verified": true, "transaction": format!("{verified:?}") });
        context.output.result(&result, |_| format!("verified\n{verified:#?}"));
    }
    Ok(())
}
