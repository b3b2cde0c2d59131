//! `/v1/blocks`: headers with what makes them final. Public: it says nothing of any record.

use std::collections::BTreeMap;

use axum::extract::State;
use hutong_ledger::{block::Header, hash::Hash};
use hutong_runtime::http::{Json, Path, Problem, Query};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{failed, not_found, parse, records::limit};
use crate::{Error, handle::Storage, read::Reads};

/// A final block's header.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BlockView {
    height: u64,
    hash: String,
    prev: String,
    time_ms: u64,
    epoch: u64,
    segments: Vec<SegmentView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orderer: Option<String>,
    /// None for genesis, which is final by definition.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<CertificateView>,
    /// By domain hosted here: the agencies whose cosignatures this agency holds.
    cosigners: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SegmentView {
    domain: String,
    root: String,
}

/// A quorum of votes.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CertificateView {
    view: u32,
    votes: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BlockPage {
    final_height: u64,
    blocks: Vec<BlockView>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    from: Option<u64>,
    limit: Option<usize>,
}

/// Final blocks, in order of height
#[utoipa::path(
    get,
    path = "/v1/blocks",
    tag = "blocks",
    params(
        ("from" = Option<u64>, Query, description = "The first height; the last ones unless told."),
        ("limit" = Option<usize>, Query, description = "1 to 500; 50 unless told.")
    ),
    responses((status = 200, body = BlockPage))
)]
pub(super) async fn page(
    State(storage): State<Storage>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<BlockPage>, Problem> {
    let limit = limit(wanted.limit)?;
    let genesis = storage.genesis.header();
    let read = move |reads: &Reads| {
        let final_height = reads.recent.final_height();
        let from = wanted.from.unwrap_or_else(|| (final_height + 1).saturating_sub(limit as u64));
        let mut blocks = Vec::new();
        for height in (from..=final_height).take(limit) {
            blocks.extend(view(reads, &genesis, height)?);
        }
        let more = from.saturating_add(limit as u64);
        let next = (more <= final_height).then(|| format!("/v1/blocks?from={more}&limit={limit}"));
        Ok(BlockPage { final_height, blocks, next })
    };
    storage.read(read).await.map(Json).map_err(failed)
}

/// One final block
#[utoipa::path(
    get,
    path = "/v1/blocks/{height}",
    tag = "blocks",
    params(("height" = u64, Path)),
    responses((status = 200, body = BlockView), (status = 404, description = "`unknown_block`: not final here."))
)]
pub(super) async fn one(
    State(storage): State<Storage>,
    Path(height): Path<String>,
) -> Result<Json<BlockView>, Problem> {
    let height: u64 = parse("height", &height)?;
    let genesis = storage.genesis.header();
    let block = storage.read(move |reads| view(reads, &genesis, height)).await.map_err(failed)?;
    block.map(Json).ok_or_else(|| not_found("unknown_block", format!("Height {height} is not final here.")))
}

fn view(reads: &Reads, genesis: &Header, height: u64) -> Result<Option<BlockView>, Error> {
    if height == 0 {
        return Ok(Some(show(genesis, genesis.hash())));
    }
    let Some(block) = reads.block(height)? else { return Ok(None) };
    let mut view = show(&block.proposal.header, block.hash);
    view.orderer = Some(block.proposal.orderer.to_string());
    let votes = block.certificate.votes.iter().map(|vote| vote.agency.to_string()).collect();
    view.certificate = Some(CertificateView { view: block.certificate.view, votes });
    let touched = block.proposal.header.segments.iter().map(|segment| segment.domain);
    for domain in touched.chain([hutong_ledger::id::Domain::MEMBERSHIP]) {
        if let Some(note) = reads.note(domain, height)? {
            let agencies = note.cosignatures.iter().map(|one| one.agency.to_string());
            view.cosigners.insert(domain.to_string(), agencies.collect());
        }
    }
    Ok(Some(view))
}

fn show(header: &Header, hash: Hash) -> BlockView {
    let segments = header.segments.iter();
    let segments = segments.map(|s| SegmentView { domain: s.domain.to_string(), root: s.root.to_string() });
    BlockView {
        height: header.height,
        hash: hash.to_string(),
        prev: header.prev.to_string(),
        time_ms: header.time_ms,
        epoch: header.epoch,
        segments: segments.collect(),
        orderer: None,
        certificate: None,
        cosigners: BTreeMap::new(),
    }
}
