//! The rules of property. Pure: the records of parcels, the epoch and the block's time decide.
//!
//! One file per idea: `title` (first registration, change, correction, cancellation), `transfer` with `rights` and
//! `shares`, `mortgage`, `restriction`, `claim` (objections, notices), `lineage` (subdivision, merger); `standing` says
//! what blocks a disposal, `party` who signs, `unit` with `number` what a unit is; `grid` and `index` keep the records
//! beside the parcels, `reads` names what deciding needs, `parcel` holds the record's invariants.

mod claim;
mod grid;
mod index;
mod kind;
mod lineage;
mod mortgage;
mod names;
mod number;
mod parcel;
mod party;
mod reads;
mod render;
mod restriction;
mod rights;
mod shares;
mod standing;
mod title;
mod transfer;
mod unit;

use std::sync::Arc;

use hutong_disclosure::{PERSON, SealedDomain, SealedRecord, SealedType, decode_strict, records::erasure};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    hash::Hash,
    id::{Domain, RecordId, RecordKey},
};
use hutong_wire::{
    prost::Message,
    v1::property::{self as wire, action::Kind},
};
use index::Step;

pub use claim::{NOTICE_MS, OBJECTION_MS};
pub use grid::{CELL_MM, CELL_PARCELS_MAX, CELLS_MAX, NEIGHBOURS_MAX};
pub use lineage::LINEAGE;
pub use names::{is_parcel, record};
pub use number::{Fixture, UnitNumber};
pub use parcel::{CLAIMS_MAX, ITEMS_MAX};
pub use render::{render, right as render_right};
pub use shares::{DENOMINATOR_MAX, Fraction};
pub use unit::{DESCRIPTION_BYTES_MAX, check_unit};

/// The domain's name.
pub const DOMAIN: &str = "property";

/// The record type of parcels in agreements and consents.
pub const PARCEL: &str = "parcel";

/// The contract, version 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Property;

/// The domain.
pub fn domain() -> Domain {
    DOMAIN.parse().unwrap_or_else(|_| unreachable!("the domain's name is valid"))
}

impl Contract for Property {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        let action: wire::Action = decode_strict(action)?;
        match action.kind {
            None => Err(Refusal::malformed("the action has no kind")),
            Some(Kind::Disclosure(_)) => Err(Refusal::malformed("the rules of disclosure decide this")),
            Some(_) => Ok(Arc::new(action)),
        }
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        reads::reads(tx.action::<wire::Action>()?, loaded)
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let action = tx.action::<wire::Action>()?;
        if !matches!(action.source.len(), 0 | 32) {
            return Err(Refusal::new("source_invalid", "a SHA-256 hash has 32 bytes").at("source"));
        }
        let kind = action.kind.as_ref().ok_or_else(|| Refusal::malformed("the action has no kind"))?;
        if let Kind::Authorities(authorities) = kind {
            return set_authorities(action, authorities, tx, state);
        }
        let mut steps = steps(kind, action, tx, state)?;
        for Step { after, .. } in &mut steps {
            after.last_registration = kind::registration(kind).to_owned();
            after.source = action.source.clone();
            if !matches!(kind, Kind::Register(_) | Kind::Transfer(_) | Kind::TransferByLaw(_)) {
                after.effective_ms = state.time_ms;
            }
        }
        index::changes(&steps, state)
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value> {
        render::record(record, value)
    }
}

impl SealedDomain for Property {
    fn sealed_types(&self) -> Vec<SealedType> {
        vec![
            SealedType { name: PARCEL, fields: &["conditions"] },
            SealedType { name: PERSON, fields: &["contact", "name"] },
        ]
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        if !is_parcel(record) {
            return None;
        }
        let parcel = wire::Parcel::decode(value).ok().filter(|parcel| !parcel.sealed.is_empty())?;
        let handle = |right: &wire::Right| right.party.as_ref()?.handle.as_ref().try_into().ok();
        let field = |field: &hutong_wire::v1::disclosure::SealedField| {
            Some((field.name.clone(), Hash(field.commitment.as_ref().try_into().ok()?)))
        };
        Some(SealedRecord {
            record_type: PARCEL,
            subjects: party::primary(&parcel).filter_map(handle).collect(),
            fields: parcel.sealed.iter().filter_map(field).collect(),
        })
    }
}

/// The parcels that an application changes: the one that it names first.
fn steps(
    kind: &Kind,
    action: &wire::Action,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Step>, Refusal> {
    let record = record(&action.parcel)?;
    let standing = state.get(&record).map(|value| parcel::decode(value)).transpose()?;
    let new = |after| Step { before: None, after };
    match (kind, standing) {
        (Kind::Register(_) | Kind::Merge(_), Some(_)) => Err(exists(&action.parcel)),
        (Kind::Register(register), None) => {
            expect_version(action.expected_version, state.version(&record))?;
            let parcel = title::register(&action.parcel, register, tx, state)?;
            grid::free(&parcel, &[&action.parcel], state)?;
            Ok(vec![new(parcel)])
        }
        (Kind::Merge(merge), None) => {
            expect_version(action.expected_version, state.version(&record))?;
            merged(&action.parcel, merge, tx, state)
        }
        (_, None) => Err(unknown(&action.parcel)),
        (kind, Some(standing)) => {
            expect_version(action.expected_version, state.version(&record))?;
            let mut parcel = parcel::current(standing.clone())?;
            parcel.notices.retain(|notice| standing::in_force(notice.until_ms, state.time_ms));
            let before = Some(standing);
            if let Kind::Subdivide(subdivide) = kind {
                if let Some(child) = taken(subdivide.children.iter().map(|child| &child.parcel), state)? {
                    return Err(exists(child));
                }
                let (parent, children) = lineage::subdivide(parcel, subdivide, tx, state)?;
                let parent = Step { before, after: parent };
                return Ok([parent].into_iter().chain(children.into_iter().map(new)).collect());
            }
            let after = amend(kind, parcel, &action.source, tx, state)?;
            amended(kind, &after, state)?;
            Ok(vec![Step { before, after }])
        }
    }
}

fn amend(
    kind: &Kind,
    parcel: wire::Parcel,
    source: &[u8],
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<wire::Parcel, Refusal> {
    match kind {
        Kind::Transfer(action) => transfer::transfer(parcel, action, source, tx, state),
        Kind::TransferByLaw(action) => transfer::by_law(parcel, action, source, tx, state),
        Kind::Mortgage(action) => mortgage::grant(parcel, action, tx, state),
        Kind::Discharge(action) => mortgage::discharge(parcel, action, tx),
        Kind::AssignMortgage(action) => mortgage::assign(parcel, action, tx, state),
        Kind::ChangeMortgage(action) => mortgage::change(parcel, action, tx),
        Kind::Restrict(action) => restriction::restrict(parcel, action, tx, state),
        Kind::Lift(action) => restriction::lift(parcel, action, tx, state),
        Kind::Change(action) => title::change(parcel, action, tx, state),
        Kind::Correct(action) => title::correct(parcel, action, tx, state),
        Kind::Cancel(action) => title::cancel(parcel, action, tx, state),
        Kind::Object(action) => claim::object(parcel, action, source, tx, state),
        Kind::Suit(action) => claim::suit(parcel, action, source, tx, state),
        Kind::WithdrawObjection(action) => claim::withdraw_objection(parcel, action, source, tx, state),
        Kind::Notice(action) => claim::notice(parcel, action, tx, state),
        Kind::WithdrawNotice(action) => claim::withdraw_notice(parcel, action, tx),
        Kind::Register(_) | Kind::Subdivide(_) | Kind::Merge(_) | Kind::Authorities(_) => {
            Err(Refusal::fault("this amends no parcel"))
        }
        Kind::Disclosure(_) => Err(Refusal::fault("disclosure is decided by the rules of disclosure")),
    }
}

/// What the records beside the parcel say to its new state.
fn amended(kind: &Kind, after: &wire::Parcel, state: &View<'_>) -> Result<(), Refusal> {
    let (unit, sealed) = match kind {
        Kind::Change(change) => (&change.unit, &change.sealed),
        Kind::Correct(correct) => (&correct.unit, &correct.sealed),
        _ => return Ok(()),
    };
    let erased = |record: RecordId| state.get(&record).is_some();
    if !sealed.is_empty() && erasure(&record(&after.id)?).is_some_and(erased) {
        return Err(Refusal::new("erased", "the sealed fields of the parcel were erased").at("sealed"));
    }
    if unit.is_some() { grid::free(after, &[&after.id], state) } else { Ok(()) }
}

fn merged(id: &str, merge: &wire::Merge, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Step>, Refusal> {
    if !LINEAGE.contains(&merge.parents.len())
        || !hutong_ledger::canon::ascending(&merge.parents, String::clone)
    {
        let message = "a merger has 2 to 16 parents, ascending, each once";
        return Err(Refusal::new("lineage_invalid", message).at("parents"));
    }
    let standing = |parent: &String| {
        let value = state.get(&record(parent)?).ok_or_else(|| unknown(parent))?;
        parcel::current(parcel::decode(value)?)
    };
    let before = merge.parents.iter().map(standing).collect::<Result<Vec<_>, Refusal>>()?;
    let (after, child) = lineage::merge(id, before.clone(), merge, tx, state)?;
    let without: Vec<&str> = merge.parents.iter().map(String::as_str).chain([id]).collect();
    grid::free(&child, &without, state)?;
    let parents = before.into_iter().zip(after).map(|(before, after)| Step { before: Some(before), after });
    Ok([Step { before: None, after: child }].into_iter().chain(parents).collect())
}

fn set_authorities(
    action: &wire::Action,
    authorities: &wire::SetAuthorities,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    let record = names::authorities()?;
    if !action.parcel.is_empty() {
        let message = "this is about no parcel";
        return Err(Refusal::new("parcel_id_invalid", message).at("parcel"));
    }
    expect_version(action.expected_version, state.version(&record))?;
    Ok(vec![Change::put(record, restriction::authorities(authorities, tx, state)?)])
}

/// The first of these parcels that is registered already.
fn taken<'a>(
    ids: impl IntoIterator<Item = &'a String>,
    state: &View<'_>,
) -> Result<Option<&'a String>, Refusal> {
    for id in ids.into_iter().take(*LINEAGE.end()) {
        if state.get(&record(id)?).is_some() {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn exists(id: &str) -> Refusal {
    Refusal::new("parcel_exists", format!("{id} is registered")).at("parcel")
}

fn unknown(id: &str) -> Refusal {
    Refusal::new("parcel_unknown", format!("{id} is not registered")).at("parcel")
}

fn expect_version(expected: u64, current: u64) -> Result<(), Refusal> {
    if expected == 0 || expected == current {
        return Ok(());
    }
    let message = format!("the record is at version {current}, not {expected}; look again");
    Err(Refusal::new("stale_version", message).at("expected_version"))
}
