//! An executed block as a message. The segments travel once, as the bytes that stood on the stream; what can be
//! derived from them (ids, nonces, heights, blinded hashes) is derived on the other side.

use std::sync::Arc;

use bytes::Bytes;
use hutong_ledger::{
    block::{Proposal, Segment},
    contract::{Refusal, Versioned},
    entry::{Changed, Entry, Opening, Outcome},
    epoch::Epoch,
    execute::{Executed, ExecutedSegment},
    transaction::{Transaction, Void},
};
use hutong_wire::v1::storage as v1;

use super::{
    Bad,
    convert::{change, outcome, to_change},
};
use crate::{ExecutedBlock, SegmentResult, Session};

const VOIDS: [Void; 7] = [
    Void::Malformed,
    Void::WrongChain,
    Void::WrongDomain,
    Void::Expired,
    Void::TooFarAhead,
    Void::Repeat,
    Void::Unsigned,
];

pub(super) fn encode(session: Session, block: &ExecutedBlock) -> v1::SubmitCall {
    v1::SubmitCall {
        session: session.0,
        proposal: block.proposal.encode().into(),
        segments: block.segments.iter().map(segment_result).collect(),
        next_epoch: block.next_epoch.as_ref().map(|epoch| epoch.encode().into()),
    }
}

fn segment_result(part: &SegmentResult) -> v1::SegmentResult {
    let voids = part.result.voids.iter();
    v1::SegmentResult {
        raw: part.raw.clone(),
        executed: part.result.executed.iter().map(executed).collect(),
        voids: voids.map(|(index, _, void)| v1::Void { index: *index, code: void.code().into() }).collect(),
    }
}

fn executed(executed: &Executed) -> v1::Executed {
    v1::Executed {
        index: executed.entry.index,
        refused: executed.opening.outcome.code().map(str::to_owned),
        changes: executed.changes.iter().map(change).collect(),
        refusal: executed.refusal.as_ref().map(|refusal| v1::Refusal {
            code: refusal.code.to_string(),
            message: refusal.message.clone(),
            field: refusal.field.clone(),
        }),
    }
}

pub(super) fn decode(call: v1::SubmitCall) -> Result<(Session, ExecutedBlock), Bad> {
    let proposal = Proposal::decode(&call.proposal).map_err(|e| Bad::new("submit.proposal", e))?;
    let height = proposal.header.height;
    let segments = call.segments.into_iter().map(|part| decode_segment(part, height));
    let segments: Vec<_> = segments.collect::<Result<_, _>>()?;
    if !hutong_ledger::canon::ascending(&segments, |part| part.domain) {
        return Err(Bad::new("submit.segments", "not sorted by domain"));
    }
    let epoch = call.next_epoch.map(|bytes| Epoch::decode(&bytes)).transpose();
    let next_epoch = epoch.map_err(|e| Bad::new("submit.next_epoch", e))?.map(Arc::new);
    let hash = proposal.header.hash();
    Ok((Session(call.session), ExecutedBlock { proposal: Arc::new(proposal), hash, segments, next_epoch }))
}

fn decode_segment(part: v1::SegmentResult, height: u64) -> Result<SegmentResult, Bad> {
    let raw: Bytes = part.raw;
    let (_, segment) =
        hutong_wire::transaction::decode_segment(raw.clone()).map_err(|e| Bad::new("segment.raw", e))?;
    let executed = part.executed.into_iter().map(|executed| decode_executed(executed, &segment, height));
    let executed = executed.collect::<Result<_, _>>()?;
    let voids = part.voids.into_iter().map(|void| {
        let known = VOIDS.into_iter().find(|known| known.code() == void.code);
        let known = known.ok_or_else(|| Bad::new("void.code", format!("{:?} is not known", void.code)))?;
        Ok((void.index, transaction(&segment, void.index)?.id, known))
    });
    let voids = voids.collect::<Result<_, Bad>>()?;
    Ok(SegmentResult { domain: segment.domain, segment, raw, result: ExecutedSegment { executed, voids } })
}

fn decode_executed(executed: v1::Executed, segment: &Segment, height: u64) -> Result<Executed, Bad> {
    let tx = transaction(segment, executed.index)?;
    let changes = executed.changes.into_iter().map(to_change).collect::<Result<Vec<Versioned>, Bad>>()?;
    let named = changes.iter().map(|change| Changed {
        record: change.record.clone(),
        version: change.version,
        hash: change.hash,
    });
    let outcome: Outcome = outcome(executed.refused);
    let opening = Opening { nonce: tx.body.nonce, outcome, changes: named.collect() };
    let entry = Entry { id: tx.id, height, index: executed.index, blind: opening.hash() };
    let refusal = executed.refusal.map(|told| Refusal {
        code: told.code.into(),
        message: told.message,
        field: told.field,
    });
    Ok(Executed { entry, opening, changes, refusal })
}

fn transaction(segment: &Segment, index: u32) -> Result<&Transaction, Bad> {
    let at = usize::try_from(index).ok().and_then(|index| segment.transactions.get(index));
    at.ok_or_else(|| {
        Bad::new("executed.index", format!("{index} is not in the segment of {}", segment.domain))
    })
}
