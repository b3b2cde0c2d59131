//! `POST /v1/transactions`: the HTTP face of ingest. It reads forms and writes answers; what may be taken is for
//! [`IngestPeer`] to say.

mod answer;
mod body;
mod status;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use hutong_ledger::{id::AgencyId, transaction::Transaction};
use hutong_peer::ingest::{Rejected, SharedIngest, Wait};
use hutong_runtime::{
    auth::RequireAgency,
    http::{Problem, Query},
};
use serde::Deserialize;
use utoipa::OpenApi;

use crate::Ingest;
use answer::Shown;
use body::{Form, Submission};

/// The routes of ingest. They need `hutong_runtime::auth::identify` around them.
pub fn routes(ingest: Ingest) -> Router {
    let shared: SharedIngest = Arc::new(ingest.clone());
    let status = Router::new().route("/v1/status/ingest", get(status::status)).with_state(ingest);
    Router::new().route("/v1/transactions", post(submit)).with_state(shared).merge(status)
}

/// The description of the routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

#[derive(OpenApi)]
#[openapi(
    paths(submit, status::status),
    components(schemas(
        status::IngestStatus,
        hutong_runtime::disk::Disk,
        body::TransactionForm,
        body::SignatureForm,
        answer::Accepted,
        answer::Result,
        answer::Results
    ))
)]
struct Description;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    wait: Option<String>,
}

/// Submits transactions.
///
/// Takes one transaction or a batch of at most 1000; each of a batch is taken or refused on its own. A transaction that
/// was submitted before is answered with what became of it, and is never applied twice.
#[utoipa::path(
    post,
    path = "/v1/transactions",
    tag = "transactions",
    params((
        "wait" = Option<String>, Query,
        description = "`final`: answer when the transaction is final (200 with its receipt), or after 30 s with its \
                       acceptance (202). Without it: answer when it is accepted."
    )),
    request_body(
        description = "One transaction; or a batch: a list of them, or an object with `transactions`. As JSON with \
                       base64 bytes, or as the protobuf message hutong.v1.Transaction or (with messageType=\
                       \"hutong.v1.TransactionGroup\") hutong.v1.TransactionGroup.",
        content(
            (body::TransactionForm = "application/json"),
            (Vec<u8> = "application/x-protobuf")
        )
    ),
    responses(
        (status = 200, description = "Final: its receipt. For a batch: the result of each, in order.", body = answer::Results),
        (status = 202, description = "Accepted: durable and on its way to a block.", body = answer::Accepted),
        (status = 400, description = "`malformed`, `malformed_json`, `not_utf8`"),
        (status = 401, description = "`authentication_required`, `invalid_token`"),
        (status = 403, description = "`not_a_party`: the caller neither submits nor signs the transaction."),
        (status = 413, description = "`too_large`, `body_too_large`"),
        (status = 415, description = "`unsupported_media_type`"),
        (status = 422, description = "`wrong_chain`, `unknown_domain`, `unknown_agency`, `unknown_key`, `unsigned`, \
                                      `bad_signature`, `expired`, `too_far_ahead`, `void`, `unexpected_json`"),
        (status = 429, description = "`overloaded`: submit again after the time in Retry-After."),
        (status = 503, description = "`unavailable`, `unconfirmed`: submit the same bytes again.")
    )
)]
async fn submit(
    State(ingest): State<SharedIngest>,
    RequireAgency(caller): RequireAgency,
    Query(options): Query<Options>,
    request: Request,
) -> Result<Response, Problem> {
    let waits = wait(&options)?;
    let Submission { form, transactions } = body::read(request).await?;
    let single = form == Form::Single;
    // The receipts of a batch are had one by one: together they would be a large answer.
    let wait = if waits && single {
        Wait::Receipt
    } else if waits {
        Wait::Final
    } else {
        Wait::Accepted
    };
    let shown = take(&ingest, &caller, transactions, wait).await;
    match form {
        Form::Batch => Ok(answer::batch(shown)),
        Form::Single => {
            let one = shown.into_iter().next();
            answer::single(one.ok_or_else(|| Problem::internal("a transaction got no answer"))?, waits)
        }
    }
}

fn wait(options: &Options) -> Result<bool, Problem> {
    match options.wait.as_deref() {
        None | Some("accepted") => Ok(false),
        Some("final") => Ok(true),
        Some(_) => Err(Problem::new(
            "malformed_query",
            axum::http::StatusCode::BAD_REQUEST,
            "One can wait for `accepted` or `final`.",
        )
        .field("wait")),
    }
}

/// Submits those that the caller may submit; all are answered, in order.
async fn take(
    ingest: &SharedIngest,
    caller: &str,
    transactions: Vec<Result<Transaction, Rejected>>,
    wait: Wait,
) -> Vec<Shown> {
    let caller: Option<AgencyId> = caller.parse().ok();
    let mut shown = Vec::with_capacity(transactions.len());
    let mut taken = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        match transaction {
            Err(rejected) => shown.push(Shown { id: None, answer: Some(Err(rejected.into())) }),
            Ok(tx) => {
                let is_party = caller.is_some_and(|c| tx.body.agency == c || tx.body.signers.contains(&c));
                let answer = if is_party { None } else { Some(Err(answer::not_a_party())) };
                shown.push(Shown { id: Some(tx.id), answer });
                if is_party {
                    taken.push(tx);
                }
            }
        }
    }
    let answers = if taken.is_empty() { Vec::new() } else { ingest.submit(taken, wait).await };
    let open = shown.iter_mut().filter(|shown| shown.answer.is_none());
    for (shown, answer) in open.zip(answers) {
        shown.answer = Some(answer.map_err(Into::into));
    }
    shown
}
