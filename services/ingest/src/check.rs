//! What is wrong with a transaction, as far as it can be seen without its signatures and without state. Pure.

use hutong_ledger::{
    block::Header,
    epoch::{Epoch, Purpose},
    id::AgencyId,
    transaction::{Transaction, Void},
};
use hutong_peer::{
    ingest::{Code, Rejected},
    storage::Standing,
};
use std::sync::Arc;

/// What of the ledger a check needs: as of the last final block.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) header: Header,
    /// The epoch in force above that block.
    pub(crate) epoch: Arc<Epoch>,
}

impl From<Standing> for View {
    fn from(standing: Standing) -> Self {
        Self { header: standing.final_header, epoch: standing.epoch }
    }
}

/// A public key and the signature that must be its.
pub(crate) type Wanted = Vec<([u8; 32], [u8; 64])>;

/// Whether the transaction could stand in a block now if its signatures are right, and which those are.
pub(crate) fn check(view: &View, now_ms: u64, tx: &Transaction) -> Result<Wanted, Rejected> {
    let (body, epoch) = (&tx.body, &*view.epoch);
    tx.check_form(view.header.chain, body.domain).map_err(|void| form(view, tx, void))?;
    if epoch.rules(body.domain).is_none() {
        return Err(rejected(Code::UnknownDomain, format!("this city has no domain {}", body.domain)));
    }
    tx.check_time(now_ms.max(view.header.time_ms)).map_err(|void| time(tx, void))?;
    body.signers.iter().map(|signer| signature(epoch, tx, signer)).collect()
}

fn rejected(code: Code, detail: impl Into<String>) -> Rejected {
    Rejected::new(code, detail)
}

fn form(view: &View, tx: &Transaction, void: Void) -> Rejected {
    match void {
        Void::WrongChain => {
            let (found, own) = (tx.body.chain, view.header.chain);
            rejected(Code::WrongChain, format!("it is for chain {found}; this is {own}"))
        }
        _ => rejected(
            Code::Malformed,
            "signers must be sorted, without repeats and with the submitting agency among them; the actor at most \
             128 bytes without control characters",
        ),
    }
}

fn time(tx: &Transaction, void: Void) -> Rejected {
    let not_after_ms = tx.body.not_after_ms;
    match void {
        Void::TooFarAhead => {
            rejected(Code::TooFarAhead, format!("not_after_ms {not_after_ms} is more than 30 days ahead"))
        }
        _ => rejected(Code::Expired, format!("not_after_ms {not_after_ms} has passed")),
    }
}

/// The one signature of a signer, under a key that it holds now.
fn signature(epoch: &Epoch, tx: &Transaction, signer: &AgencyId) -> Result<([u8; 32], [u8; 64]), Rejected> {
    if epoch.agency(signer).is_none() {
        return Err(rejected(Code::UnknownAgency, format!("{signer} is no agency of this city")));
    }
    let mut own = tx.signatures.iter().filter(|signature| signature.agency == *signer);
    match (own.next(), own.next()) {
        (None, _) => Err(rejected(Code::Unsigned, format!("the signature of {signer} is missing"))),
        (Some(_), Some(_)) => Err(rejected(Code::Unsigned, format!("{signer} must sign once"))),
        (Some(signature), None) => {
            let key = epoch.key(signer, Purpose::Signing, &signature.key);
            let key = key.ok_or_else(|| {
                rejected(Code::UnknownKey, format!("{signer} has no signing key {} now", signature.key))
            })?;
            Ok((key, signature.bytes))
        }
    }
}
