//! Writes answers: documents for what was taken, problems for what was not.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use hutong_ledger::{acceptance::Acceptance, id::TxId};
use hutong_peer::ingest::{self, Code, Finality, Rejected};
use hutong_runtime::http::Problem;
use serde::Serialize;
use utoipa::ToSchema;

/// When to try again what can't be taken now.
const RETRY_AFTER_S: u64 = 1;

/// Why a transaction is not taken, as a problem without its HTTP dress.
#[derive(Debug)]
pub(super) struct Refusal {
    code: &'static str,
    status: StatusCode,
    detail: String,
    is_passing: bool,
}

impl From<Rejected> for Refusal {
    fn from(rejected: Rejected) -> Self {
        let Rejected { code, detail } = rejected;
        Self { code: code.name(), status: status(code), detail, is_passing: code.is_passing() }
    }
}

pub(super) fn not_a_party() -> Refusal {
    Refusal {
        code: "not_a_party",
        status: StatusCode::FORBIDDEN,
        detail: "the caller neither submits nor signs this transaction".into(),
        is_passing: false,
    }
}

fn status(code: Code) -> StatusCode {
    match code {
        Code::Malformed => StatusCode::BAD_REQUEST,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::Overloaded => StatusCode::TOO_MANY_REQUESTS,
        Code::Unavailable | Code::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl Refusal {
    fn problem(self, id: Option<TxId>) -> Problem {
        let problem = Problem::new(self.code, self.status, self.detail);
        let problem = if self.is_passing { problem.retry_after_s(RETRY_AFTER_S) } else { problem };
        match id {
            Some(id) => problem.with("id", id),
            None => problem,
        }
    }
}

/// A transaction with its answer, once there is one.
#[derive(Debug)]
pub(super) struct Shown {
    /// None if it did not decode.
    pub(super) id: Option<TxId>,
    pub(super) answer: Option<std::result::Result<ingest::Accepted, Refusal>>,
}

/// A transaction that was accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Accepted {
    #[schema(value_type = String)]
    id: TxId,
    /// `accepted`
    status: &'static str,
    /// Ingest's signed promise, which can be checked offline.
    #[schema(value_type = Object)]
    acceptance: Acceptance,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

/// What became of one transaction of a batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Result {
    Accepted(Box<Accepted>),
    Final(Final),
    Refused(Refused),
}

/// A final transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Final {
    #[schema(value_type = String)]
    id: TxId,
    /// `final`
    status: &'static str,
    /// `applied` or `refused`
    outcome: &'static str,
    /// The contract's code, if it refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    height: u64,
    index: u32,
    log_index: u64,
    time_ms: u64,
}

/// A transaction that was not taken.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refused {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    id: Option<TxId>,
    /// `refused`
    status: &'static str,
    #[schema(value_type = Object)]
    problem: serde_json::Value,
}

/// The results of a batch, in its order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Results {
    results: Vec<Result>,
}

fn accepted(id: TxId, acceptance: Acceptance, waited: bool) -> Accepted {
    let note = waited.then_some("It is not final yet; ask for its state, or submit it again to wait on.");
    Accepted { id, status: "accepted", acceptance, note }
}

fn finality(id: TxId, finality: &Finality) -> Final {
    let code = finality.outcome.code();
    Final {
        id,
        status: "final",
        outcome: if code.is_none() { "applied" } else { "refused" },
        code: code.map(str::to_owned),
        height: finality.height,
        index: finality.index,
        log_index: finality.log_index,
        time_ms: finality.time_ms,
    }
}

fn unanswered() -> Refusal {
    Rejected::new(Code::Unconfirmed, "it got no answer; submit the same bytes again").into()
}

/// The answer for one transaction. `waited`: the caller asked to wait until it is final.
pub(super) fn single(shown: Shown, waited: bool) -> std::result::Result<Response, Problem> {
    let answer = shown.answer.unwrap_or_else(|| Err(unanswered()));
    let (id, answer) = match (shown.id, answer) {
        (id, Err(refusal)) => return Err(refusal.problem(id)),
        (Some(id), Ok(answer)) => (id, answer),
        (None, Ok(_)) => return Err(Problem::internal("something without an id was accepted")),
    };
    let mut response = match answer {
        ingest::Accepted::Pending(acceptance) => {
            (StatusCode::ACCEPTED, Json(accepted(id, *acceptance, waited))).into_response()
        }
        ingest::Accepted::Final(final_) => match final_.receipt {
            Some(receipt) => ([(header::CONTENT_TYPE, "application/json")], receipt).into_response(),
            None => Json(finality(id, &final_)).into_response(),
        },
    };
    if let Ok(location) = HeaderValue::try_from(format!("/v1/transactions/{id}")) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// The answer for a batch: 202 if all of it was accepted and nothing of it is final yet.
pub(super) fn batch(shown: Vec<Shown>) -> Response {
    let results = shown.into_iter().map(|shown| {
        let answer = shown.answer.unwrap_or_else(|| Err(unanswered()));
        match (shown.id, answer) {
            (Some(id), Ok(ingest::Accepted::Pending(acceptance))) => {
                Result::Accepted(Box::new(accepted(id, *acceptance, false)))
            }
            (Some(id), Ok(ingest::Accepted::Final(final_))) => Result::Final(finality(id, &final_)),
            (id, Err(refusal)) => {
                Result::Refused(Refused { id, status: "refused", problem: refusal.problem(None).to_json() })
            }
            (None, Ok(_)) => {
                let problem = unanswered().problem(None).to_json();
                Result::Refused(Refused { id: None, status: "refused", problem })
            }
        }
    });
    let results: Vec<Result> = results.collect();
    let all_accepted = results.iter().all(|result| matches!(result, Result::Accepted(_)));
    let status = if all_accepted { StatusCode::ACCEPTED } else { StatusCode::OK };
    (status, Json(Results { results })).into_response()
}
