//! Which rule decides which action.

use hutong_ledger::{
    contract::{Change, Refusal},
    id::{RecordId, RecordKey},
};
use hutong_wire::v1::disclosure::action::Kind;

use crate::{access, case::Case, consent, erasure, hold, person};

pub(crate) fn reads(case: &Case<'_>, kind: &Kind) -> Result<Vec<RecordKey>, Refusal> {
    let own: Vec<RecordId> = match kind {
        Kind::RequestAccess(action) => return access::reads(case, action),
        Kind::RegisterPerson(action) => person::register_reads(action)?,
        Kind::UpdatePerson(action) => person::update_reads(action)?,
        Kind::GiveConsent(action) => vec![consent::record(&action.handle, &action.id)?],
        Kind::WithdrawConsent(action) => vec![consent::record(&action.handle, &action.id)?],
        Kind::PlaceHold(action) => hold::place_reads(action)?,
        Kind::LiftHold(action) => hold::lift_reads(action)?,
        Kind::Erase(action) => erasure::erase_reads(case, action)?,
        Kind::ConfirmUnrecoverable(action) => erasure::confirm_reads(action)?,
    };
    let domain = case.state.domain;
    Ok(own.into_iter().map(|record| RecordKey { domain, record }).collect())
}

pub(crate) fn decide(case: &Case<'_>, kind: &Kind) -> Result<Vec<Change>, Refusal> {
    match kind {
        Kind::RegisterPerson(action) => person::register(case, action),
        Kind::UpdatePerson(action) => person::update(case, action),
        Kind::RequestAccess(action) => access::decide(case, action),
        Kind::GiveConsent(action) => consent::give(case, action),
        Kind::WithdrawConsent(action) => consent::withdraw(case, action),
        Kind::PlaceHold(action) => hold::place(case, action),
        Kind::LiftHold(action) => hold::lift(case, action),
        Kind::Erase(action) => erasure::erase(case, action),
        Kind::ConfirmUnrecoverable(action) => erasure::confirm(case, action),
    }
}
