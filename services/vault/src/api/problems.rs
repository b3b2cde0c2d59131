//! Refusals of vaults and desks as problems.

use http::StatusCode;
use hutong_peer::vault::VaultError;
use hutong_runtime::http::Problem;

/// When to try again after too many look-ups.
const RETRY_AFTER_S: u64 = 60;

pub(super) fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}

pub(super) fn vault(error: VaultError) -> Problem {
    match error {
        VaultError::Refused { code, message } => {
            let status = status(&code);
            let problem = Problem::new(code, status, message);
            if status == StatusCode::TOO_MANY_REQUESTS {
                problem.retry_after_s(RETRY_AFTER_S)
            } else {
                problem
            }
        }
        VaultError::Unavailable(told) => {
            Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, format!("The vault: {told}."))
                .retry_after_s(1)
        }
    }
}

fn status(code: &str) -> StatusCode {
    match code {
        "rate_limited" => StatusCode::TOO_MANY_REQUESTS,
        "invalid_token" => StatusCode::UNAUTHORIZED,
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "seal_invalid" | "resident_id_invalid" | "malformed" => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::FORBIDDEN,
    }
}
