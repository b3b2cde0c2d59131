//! Operators: who runs sites, and which agency acts for them.

use hutong_ledger::{
    contract::{Change, Refusal},
    id::AgencyId,
};
use hutong_wire::v1::parking as wire;

use super::{Case, is_text, operator_record, put};

pub(super) fn register(case: &Case<'_>, action: &wire::RegisterOperator) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let record = operator_record(&action.id)?;
    if action.name.trim().is_empty() || !is_text(&action.name, 256) {
        return Err(Refusal::new("operator_invalid", "a name has 1 to 256 bytes").at("name"));
    }
    if !action.agency.is_empty() && action.agency.parse::<AgencyId>().is_err() {
        return Err(Refusal::new("operator_invalid", "this is no agency's name").at("agency"));
    }
    let stored: Option<wire::Operator> = case.stored(&record)?;
    let since_ms = stored.as_ref().map_or(case.state.time_ms, |stored| stored.since_ms);
    let operator = wire::Operator {
        id: action.id.clone(),
        name: action.name.clone(),
        agency: action.agency.clone(),
        since_ms,
    };
    // The same said again changes nothing.
    if stored.as_ref() == Some(&operator) { Ok(Vec::new()) } else { Ok(vec![put(record, &operator)?]) }
}
