//! The parcel record as the rules see it: reading it, its invariants, and writing it back.

use std::collections::BTreeMap;

use bytes::Bytes;
use hutong_disclosure::FIELDS_MAX;
use hutong_ledger::{canon::ascending, contract::Refusal, sealed::is_field_name};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        property::{self as wire, RightType, Status},
    },
};

use super::{
    party::is_primary,
    shares::{Fraction, sum},
};

/// The most rights, mortgages or restrictions of one parcel.
pub const ITEMS_MAX: usize = 64;
/// The most objections or notices of one parcel, lapsed ones included.
pub const CLAIMS_MAX: usize = 16;

pub(super) fn decode(value: &[u8]) -> Result<wire::Parcel, Refusal> {
    wire::Parcel::decode(value).map_err(|e| Refusal::fault(format!("a parcel record does not decode: {e}")))
}

/// Encodes a parcel that keeps its invariants.
pub(super) fn encode(parcel: &wire::Parcel) -> Result<Bytes, Refusal> {
    check_counts(parcel)?;
    if parcel.status() == Status::Current {
        check_shares(parcel)?;
        check_parties(parcel)?;
        check_ranks(parcel)?;
    }
    Ok(parcel.encode_to_vec().into())
}

/// Refuses what is not in force.
pub(super) fn current(parcel: wire::Parcel) -> Result<wire::Parcel, Refusal> {
    match parcel.status() {
        Status::Current => Ok(parcel),
        Status::Retired => {
            let message = format!("{} became {}", parcel.id, parcel.children.join(", "));
            Err(Refusal::new("parcel_retired", message).at("parcel"))
        }
        _ => {
            let message = format!("the title of {} is cancelled", parcel.id);
            Err(Refusal::new("parcel_cancelled", message).at("parcel"))
        }
    }
}

fn check_counts(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let items = parcel.rights.len().max(parcel.mortgages.len()).max(parcel.restrictions.len());
    if items > ITEMS_MAX || parcel.objections.len().max(parcel.notices.len()) > CLAIMS_MAX {
        let message = format!(
            "at most {ITEMS_MAX} rights, mortgages or restrictions and {CLAIMS_MAX} objections or notices stand"
        );
        return Err(Refusal::new("too_many_items", message));
    }
    Ok(())
}

/// Shares sum to exactly 1 per right type, and exactly one primary type is there.
fn check_shares(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let mut primary = 0;
    for kind in [RightType::Ownership, RightType::LandUse, RightType::Servitude] {
        let of_kind: Vec<_> = parcel.rights.iter().filter(|right| right.r#type() == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        primary += usize::from(is_primary(kind));
        let shares = of_kind.iter().map(|right| Fraction::parse(right.share.as_ref(), "share"));
        if sum(shares.collect::<Result<Vec<_>, _>>()?)? != Fraction::ONE {
            let message = format!("the shares of {} do not sum to exactly 1", kind.as_str_name());
            return Err(Refusal::new("shares_not_one", message).at("share"));
        }
    }
    match primary {
        1 => Ok(()),
        0 => Err(Refusal::new("primary_right_missing", "a parcel has an ownership or land use right")),
        _ => Err(Refusal::new("primary_right_twice", "a parcel has either ownership or land use rights")),
    }
}

/// A handle stands under one agent on a parcel: else who signs for one of its items could take another. It holds at
/// most one right of a type.
fn check_parties(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let held = parcel.rights.iter().map(|right| right.party.as_ref());
    let lent = parcel.mortgages.iter().map(|mortgage| mortgage.lender.as_ref());
    let objecting = parcel.objections.iter().map(|objection| objection.party.as_ref());
    let noticed = parcel.notices.iter().map(|notice| notice.party.as_ref());
    let mut agents = BTreeMap::new();
    for party in held.chain(lent).chain(objecting).chain(noticed).flatten() {
        if *agents.entry(&party.handle).or_insert(&party.agent) != &party.agent {
            let message = "this handle stands here under another agent";
            return Err(Refusal::new("party_invalid", message).at("party"));
        }
    }
    let mut rights: Vec<_> =
        parcel.rights.iter().map(|right| (right.r#type, right.party.as_ref().map(|p| &p.handle))).collect();
    let count = rights.len();
    rights.sort_unstable();
    rights.dedup();
    if rights.len() == count {
        return Ok(());
    }
    Err(Refusal::new("party_invalid", "this handle holds a right of the type already").at("party"))
}

fn check_ranks(parcel: &wire::Parcel) -> Result<(), Refusal> {
    let mut ranks: Vec<_> = parcel.mortgages.iter().map(|mortgage| mortgage.rank).collect();
    ranks.sort_unstable();
    match ranks.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => {
            let message = format!("a mortgage of rank {} stands already", pair[0]);
            Err(Refusal::new("rank_taken", message).at("rank"))
        }
    }
}

/// The sealed fields of a parcel after an application that states some anew.
pub(super) fn seal(standing: &[SealedField], new: &[SealedField]) -> Result<Vec<SealedField>, Refusal> {
    let invalid = |why: String| Refusal::new("sealed_field_invalid", why).at("sealed");
    let sound = |field: &SealedField| is_field_name(&field.name) && field.commitment.len() == 32;
    if !ascending(new, |field| field.name.clone()) || !new.iter().all(sound) {
        return Err(invalid("names ascend, each once, and a commitment has 32 bytes".into()));
    }
    let mut fields: BTreeMap<&str, &SealedField> =
        standing.iter().map(|field| (field.name.as_str(), field)).collect();
    for field in new {
        if fields.insert(&field.name, field).is_some_and(|old| old.commitment == field.commitment) {
            let message =
                format!("{} is sealed anew with a fresh salt, and so has another commitment", field.name);
            return Err(Refusal::new("commitment_unchanged", message).at("sealed"));
        }
    }
    if fields.len() > FIELDS_MAX {
        return Err(invalid(format!("a parcel has at most {FIELDS_MAX} sealed fields")));
    }
    Ok(fields.into_values().cloned().collect())
}

pub(super) fn currency(code: &str) -> Result<(), Refusal> {
    if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
        Ok(())
    } else {
        Err(Refusal::new("currency_invalid", "an ISO 4217 code of three letters").at("currency"))
    }
}

/// A reason of 1 to 256 bytes.
pub(super) fn reason(text: &str) -> Result<(), Refusal> {
    if (1..=256).contains(&text.len()) && !text.chars().any(char::is_control) {
        Ok(())
    } else {
        Err(Refusal::new("reason_missing", "a reason of 1 to 256 bytes").at("reason"))
    }
}

/// A reference to a case, of 1 to 64 bytes.
pub(super) fn is_reference(text: &str) -> bool {
    (1..=64).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// The id for the next item on a parcel.
pub(super) fn next_id(parcel: &mut wire::Parcel) -> Result<u32, Refusal> {
    let id = parcel.next_id;
    parcel.next_id = id.checked_add(1).ok_or_else(|| Refusal::new("too_many_items", "no ids are left"))?;
    Ok(id)
}
