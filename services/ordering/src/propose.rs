//! A block as it goes onto the stream: the signed proposal and its segments, in one atomic batch.

use hutong_bus::{Batch, Headers, Outgoing};
use hutong_keys::SigningKey;
use hutong_ledger::{
    block::{Header, Proposal, Segment},
    hash::{Hash, sha256},
    id::{AgencyId, KeyId},
    vote::Status,
};
use hutong_peer::subjects;
use hutong_runtime::trace;

pub(crate) fn sign(
    header: Header,
    view: u32,
    statuses: Vec<Status>,
    orderer: AgencyId,
    key: &SigningKey,
) -> Proposal {
    let signature = key.sign(&Proposal::message(&header, view, orderer, &statuses));
    Proposal { header, view, orderer, key: KeyId::of(&key.public().0), statuses, signature }
}

/// Segments first, the header last: who sees the header finds the segments before it. The append holds only if no
/// other header came after the one last seen.
pub(crate) fn batch(proposal: &Proposal, hash: Hash, segments: &[Segment], last_header: u64) -> Batch {
    let mut messages: Vec<Outgoing> = segments
        .iter()
        .map(|segment| Outgoing {
            subject: subjects::segment(segment.domain),
            headers: Headers::default(),
            payload: hutong_wire::transaction::encode_segment(&hash, segment),
            message_id: None,
        })
        .collect();
    let mut headers = Headers::default();
    for (name, value) in trace::inject() {
        headers.set(name, value);
    }
    let encoded = proposal.encode();
    messages.push(Outgoing {
        subject: subjects::HEADER.to_owned(),
        headers,
        message_id: Some(sha256(&[&encoded]).to_string()),
        payload: encoded.into(),
    });
    Batch { messages, expected_last: Some((subjects::HEADER.to_owned(), last_header)) }
}
