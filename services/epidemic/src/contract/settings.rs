//! What holds for all cases: the districts that tables have as rows, and who reports beside the owner.

use hutong_disclosure::stored;
use hutong_ledger::{
    canon::ascending,
    contract::{Change, Refusal, Verified, View},
    id::{AgencyId, RecordId},
};
use hutong_wire::v1::epidemic as wire;

use super::{
    form::{is_code, is_line},
    put,
};

pub const DISTRICTS: &str = "config/districts";
pub const REPORTERS: &str = "config/reporters";
/// The most rows of a published table.
pub const DISTRICTS_MAX: usize = 400;
pub const REPORTERS_MAX: usize = 200;

pub(super) fn districts() -> RecordId {
    known(DISTRICTS)
}

pub(super) fn reporters() -> RecordId {
    known(REPORTERS)
}

fn known(name: &str) -> RecordId {
    name.parse().unwrap_or_else(|_| unreachable!("the record's name is valid"))
}

/// Adds districts, or names known ones anew. None is taken away: a table's rows are the same for ever, so that no case
/// shows by a row that comes or goes.
pub(super) fn add_districts(
    add: &wire::AddDistricts,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    tx.submitted_by_owner(state)?;
    let no = |message: String| Refusal::new("districts_invalid", message).at("districts");
    if add.districts.is_empty() || !ascending(&add.districts, |district| district.code.clone()) {
        return Err(no("districts are listed ascending by code, each once".into()));
    }
    if !add.districts.iter().all(|district| is_code(&district.code, 48) && is_line(&district.name, 96)) {
        return Err(no("a code of 1 to 48 of a-z, 0-9, - and ., and a name of 1 to 96 bytes".into()));
    }
    // It stands for all districts in the names of series.
    if add.districts.iter().any(|district| district.code == "city") {
        return Err(no("city is the name of all districts together".into()));
    }
    let before = stored::<wire::Districts>(state, &districts())?.unwrap_or_default();
    let mut all = before.clone();
    for district in &add.districts {
        match all.districts.binary_search_by(|known| known.code.cmp(&district.code)) {
            Ok(at) => all.districts[at].name.clone_from(&district.name),
            Err(at) => all.districts.insert(at, district.clone()),
        }
    }
    if all.districts.len() > DISTRICTS_MAX {
        return Err(no(format!("a city has at most {DISTRICTS_MAX} districts")));
    }
    if all == before {
        return Err(Refusal::new("districts_known", "all of them are known already").at("districts"));
    }
    Ok(vec![put(districts(), &all)])
}

pub(super) fn set_reporters(
    set: &wire::SetReporters,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    tx.submitted_by_owner(state)?;
    let no = |message: &str| Refusal::new("reporters_invalid", message).at("agencies");
    if set.agencies.len() > REPORTERS_MAX || !ascending(&set.agencies, String::clone) {
        return Err(no("at most 200 agencies, ascending, each once"));
    }
    for name in &set.agencies {
        let agency: AgencyId = name.parse().map_err(|_| no("this is no agency's id"))?;
        if !state.epoch.agencies.iter().any(|member| member.id == agency) {
            return Err(no("a reporter is a member of the city"));
        }
    }
    Ok(vec![put(reporters(), &wire::Reporters { agencies: set.agencies.clone() })])
}

/// Refuses unless the submitter is the owner or a reporter.
pub(super) fn may_report(tx: &Verified<'_>, state: &View<'_>) -> Result<(), Refusal> {
    if tx.body.agency == state.owner()? {
        return Ok(());
    }
    let listed = stored::<wire::Reporters>(state, &reporters())?.unwrap_or_default();
    if listed.agencies.iter().any(|agency| agency == tx.body.agency.as_str()) {
        return Ok(());
    }
    let message = format!("{} is neither the domain's owner nor one of its reporters", tx.body.agency);
    Err(Refusal::new("reporter_required", message).at("agency"))
}

/// Refuses a district that is not in the list. Before there is a list, any will do.
pub(super) fn known_district(code: &str, listed: Option<&wire::Districts>) -> Result<(), Refusal> {
    let Some(listed) = listed.filter(|_| !code.is_empty()) else { return Ok(()) };
    if listed.districts.iter().any(|district| district.code == code) {
        return Ok(());
    }
    Err(Refusal::new("district_unknown", format!("{code} is not among the districts")).at("district"))
}
