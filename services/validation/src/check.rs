//! Which transactions of a segment are void. Every host must answer the same, so nothing here depends on what a
//! host happens to know: form, block time, the epoch's keys, ZIP 215 signatures.

use hutong_keys::{Claim, PublicKey, VerifierCache, verify_batch};
use hutong_ledger::{
    block::{Header, Segment},
    epoch::Epoch,
    hash::Tag,
    transaction::{Transaction, Void},
};

/// The fault of each transaction that can be seen without state, by place.
pub(crate) fn faults(
    header: &Header,
    epoch: &Epoch,
    segment: &Segment,
    cache: &VerifierCache,
) -> Vec<Option<Void>> {
    let mut claims = Vec::with_capacity(segment.transactions.len());
    let mut owners = Vec::with_capacity(segment.transactions.len());
    let mut faults: Vec<Option<Void>> = Vec::with_capacity(segment.transactions.len());
    for (place, tx) in segment.transactions.iter().enumerate() {
        match signatures(header, epoch, segment, tx) {
            Err(void) => faults.push(Some(void)),
            Ok(wanted) => {
                faults.push(None);
                for (public, signature) in wanted {
                    owners.push(place);
                    claims.push(Claim {
                        key: PublicKey(public),
                        prefix: Tag::Transaction.prefix(),
                        message: &tx.body_bytes,
                        signature,
                    });
                }
            }
        }
    }
    for (valid, place) in verify_batch(&claims, cache).into_iter().zip(owners) {
        if !valid {
            faults[place] = Some(Void::Unsigned);
        }
    }
    faults
}

type Wanted = Vec<([u8; 32], [u8; 64])>;

fn signatures(header: &Header, epoch: &Epoch, segment: &Segment, tx: &Transaction) -> Result<Wanted, Void> {
    tx.check_form(header.chain, segment.domain)?;
    tx.check_time(header.time_ms)?;
    tx.to_verify(epoch)
}
