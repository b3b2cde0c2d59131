//! Transfer: by joint application, by holders of two thirds, and by law.

use bytes::Bytes;
use hutong_ledger::contract::{Refusal, Verified, View};
use hutong_wire::v1::property::{self as wire, Grounds};

use super::{
    parcel::currency,
    party::{apart, by_owner, party, primary, signed_by, signs},
    rights::{effective, moved},
    shares::{Fraction, sum},
    standing::{disposable, unseized},
};

pub(super) fn transfer(
    mut parcel: wire::Parcel,
    action: &wire::Transfer,
    source: &[u8],
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    let to: Vec<_> = action.acquisitions.iter().map(|holding| holding.party.as_ref()).collect();
    disposable(&parcel, state.time_ms, &to)?;
    // Without a price there may be no currency either; what is stored must be bounded all the same.
    if action.price_minor > 0 || !action.currency.is_empty() {
        currency(&action.currency)?;
    }
    let before = parcel.clone();
    let valid_from_ms = effective(action.valid_from_ms, state)?;
    let moved = moved(&mut parcel, &action.disposals, &action.acquisitions, valid_from_ms, state)?;
    let [from, to] = &moved.sides;
    apart([from, to])?;
    signed_by(tx, to.iter().copied())?;
    if action.notified.is_empty() || !moved.whole {
        signed_by(tx, from.iter().copied())?;
    }
    if !action.notified.is_empty() {
        two_thirds(&before, &action.notified, source, tx)?;
    }
    covenants(&parcel, tx)?;
    if moved.whole {
        // The buyer whom a notice protected has bought.
        parcel.notices.clear();
    }
    parcel.effective_ms = valid_from_ms;
    parcel.last_price_minor = action.price_minor;
    parcel.last_price_currency = action.currency.clone();
    Ok(parcel)
}

/// Holders of two thirds may dispose of the whole when a document shows that each of the others was told.
fn two_thirds(
    before: &wire::Parcel,
    notified: &[Bytes],
    source: &[u8],
    tx: &Verified<'_>,
) -> Result<(), Refusal> {
    let (mut signing, mut others) = (Vec::new(), Vec::new());
    for right in primary(before) {
        let (party, agent) = party(right.party.as_ref(), "rights")?;
        if signs(tx, &agent) {
            signing.push(Fraction::parse(right.share.as_ref(), "rights")?);
        } else {
            others.push(party.handle);
        }
    }
    if !sum(signing)?.is_two_thirds() {
        let message = "the holders who sign hold less than two thirds";
        return Err(Refusal::new("two_thirds_required", message).at("signers"));
    }
    let mut told = notified.to_vec();
    told.sort_unstable();
    others.sort_unstable();
    if told != others || source.len() != 32 {
        let message = "the co-owners who do not sign are named, each once, with the document that shows that they were told";
        return Err(Refusal::new("co_owners_not_told", message).at("notified"));
    }
    Ok(())
}

/// Lenders with a covenant agree, or nothing moves.
fn covenants(parcel: &wire::Parcel, tx: &Verified<'_>) -> Result<(), Refusal> {
    for mortgage in parcel.mortgages.iter().filter(|mortgage| mortgage.no_transfer) {
        let (_, agent) = party(mortgage.lender.as_ref(), "mortgages")?;
        if !signs(tx, &agent) {
            let message = format!("mortgage {} forbids a transfer without {agent}", mortgage.id);
            return Err(Refusal::new("transfer_covenant", message).at("signers"));
        }
    }
    Ok(())
}

/// Inheritance or judgment: the register follows what the law has done. A seizure alone stands in the way.
pub(super) fn by_law(
    mut parcel: wire::Parcel,
    action: &wire::TransferByLaw,
    source: &[u8],
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    by_owner(tx, state)?;
    source_required(source)?;
    if action.grounds() == Grounds::Unspecified {
        let message = "what passes by law passes by inheritance or judgment";
        return Err(Refusal::new("grounds_missing", message).at("grounds"));
    }
    unseized(&parcel)?;
    parcel.effective_ms = effective(action.valid_from_ms, state)?;
    let valid_from_ms = parcel.effective_ms;
    moved(&mut parcel, &action.disposals, &action.acquisitions, valid_from_ms, state)?;
    (parcel.last_price_minor, parcel.last_price_currency) = (0, String::new());
    Ok(parcel)
}

/// Refuses what does not rest on a document.
pub(super) fn source_required(source: &[u8]) -> Result<(), Refusal> {
    if source.len() == 32 {
        return Ok(());
    }
    Err(Refusal::new("source_required", "this rests on a document, named by its SHA-256 hash").at("source"))
}
