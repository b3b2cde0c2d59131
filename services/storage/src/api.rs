//! HTTP: transactions, records, blocks, status, and the public logs. Only what is final is shown.
//!
//! Blocks, checkpoints and tiles are public: they say nothing of any record. The rest needs an agency that keeps the
//! domain (hosts or owns it), or that submitted the transaction.

mod blocks;
mod log;
mod records;
mod status;
mod transactions;

use axum::{Router, routing::get};
use http::StatusCode;
use hutong_ledger::id::{AgencyId, Domain};
use hutong_runtime::http::Problem;
use utoipa::OpenApi;

use crate::{Error, handle::Storage};

#[derive(Debug, OpenApi)]
#[openapi(
    paths(
        transactions::transaction,
        transactions::receipt,
        records::record,
        records::history,
        records::proof,
        blocks::page,
        blocks::one,
        status::status,
        log::checkpoint,
        log::tile,
    ),
    components(schemas(
        transactions::TransactionView,
        transactions::ChangeView,
        records::RecordView,
        records::HistoryPage,
        blocks::BlockView,
        blocks::BlockPage,
        blocks::SegmentView,
        blocks::CertificateView,
        status::StatusView,
        status::AgencyView,
        status::HeardView,
        hutong_runtime::disk::Disk,
        status::EpochView,
        status::DomainView,
    ))
)]
struct Description;

/// The description of the routes.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Description::openapi()
}

/// The routes of one agency's storage. They need `hutong_runtime::auth::identify` around them.
pub fn routes(storage: Storage) -> Router {
    Router::new()
        .route("/v1/transactions/{id}", get(transactions::transaction))
        .route("/v1/transactions/{id}/receipt", get(transactions::receipt))
        .route("/v1/records/{domain}/{*record}", get(records::dispatch))
        .route("/v1/blocks", get(blocks::page))
        .route("/v1/blocks/{height}", get(blocks::one))
        .route("/v1/status", get(status::status))
        .route("/log/{domain}/checkpoint", get(log::checkpoint))
        .route("/log/{domain}/tile/{*path}", get(log::tile))
        .with_state(storage)
}

/// Nothing of the kind is final.
fn not_found(code: &'static str, detail: impl Into<String>) -> Problem {
    Problem::new(code, StatusCode::NOT_FOUND, detail)
}

fn malformed(field: &str, reason: impl std::fmt::Display) -> Problem {
    Problem::new("malformed_path", StatusCode::BAD_REQUEST, reason.to_string()).field(field)
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| malformed(field, error))
}

fn failed(error: Error) -> Problem {
    match error {
        Error::Gone { .. } => Problem::new(
            "unavailable",
            StatusCode::SERVICE_UNAVAILABLE,
            "This agency's storage does not answer now; try again.",
        )
        .retry_after_s(1),
        error => Problem::internal(error),
    }
}

impl Storage {
    /// Whether an agency keeps a domain under the epoch in force.
    fn keeps(&self, agency: &str, domain: Domain) -> bool {
        let Ok(agency) = agency.parse::<AgencyId>() else { return false };
        self.reads.recent.tip().1.may_read(&agency, domain)
    }

    fn only_keepers(&self, agency: &str, domain: Domain) -> Result<(), Problem> {
        let (_, epoch) = self.reads.recent.tip();
        if epoch.rules(domain).is_none() {
            return Err(not_found("unknown_domain", format!("The city has no domain {domain}.")));
        }
        if self.keeps(agency, domain) {
            return Ok(());
        }
        let detail = format!("{agency} neither hosts nor owns {domain}, and so may not read it.");
        Err(Problem::new("not_a_host", StatusCode::FORBIDDEN, detail))
    }

    /// A value for people, as the domain's contract shows it.
    fn render(
        &self,
        domain: Domain,
        record: &hutong_ledger::id::RecordId,
        value: &[u8],
    ) -> Option<serde_json::Value> {
        // The newest version knows the forms of those before it.
        let of = self.contracts.iter().filter(|contract| contract.domain() == domain);
        of.max_by_key(|contract| contract.version())?.render(record, value)
    }
}
