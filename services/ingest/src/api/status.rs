//! `/v1/status/ingest`: how full ingest is.

use axum::extract::State;
use hutong_runtime::{
    auth::RequireAgency,
    disk::Disk,
    http::{Json, Problem},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Ingest, intake::Load};

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct IngestStatus {
    /// Whether it takes transactions: it knows the epoch, and its journal is read back.
    ready: bool,
    /// Accepted transactions that are not final.
    pending: u64,
    /// Bytes of transactions between arrival and acceptance, and how many there may be: above, `overloaded`.
    queue_bytes: u64,
    queue_bytes_max: u64,
    /// Of the journal's folder. None when it can't be read; the log says why.
    disk: Option<Disk>,
}

/// How full ingest is
#[utoipa::path(
    get,
    path = "/v1/status/ingest",
    tag = "status",
    responses((status = 200, body = IngestStatus), (status = 401, description = "`authentication_required`, `invalid_token`"))
)]
pub(super) async fn status(
    State(ingest): State<Ingest>,
    _: RequireAgency,
) -> Result<Json<IngestStatus>, Problem> {
    let disk = Disk::look(ingest.folder().to_owned()).await;
    let Load { ready, pending, queue_bytes, queue_bytes_max } = ingest.load();
    Ok(Json(IngestStatus { ready, pending, queue_bytes, queue_bytes_max, disk }))
}
