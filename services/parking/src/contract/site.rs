//! Sites: their form, who may change them, and that nothing older replaces what stands.

use hutong_ledger::{
    contract::{Change, Refusal, View},
    id::RecordId,
};
use hutong_wire::{
    prost::Message,
    v1::parking::{self as wire, Audience, Purpose, SiteType},
};

use super::{Case, is_text, operator_record, put as put_record, reason, site_name, site_record};

/// The most sites of one import.
pub const SITES_MAX: usize = 100;
const RESTRICTIONS_MAX: usize = 16;
const CAPACITY_MAX: u32 = 1_000_000;
/// Latitude and longitude end here.
const LAT_E7_MAX: i64 = 900_000_000;
const LON_E7_MAX: i64 = 1_800_000_000;

pub(super) fn reads<'a>(sites: impl Iterator<Item = &'a wire::Site>) -> Result<Vec<RecordId>, Refusal> {
    let mut records = Vec::new();
    for site in sites.take(SITES_MAX) {
        records.push(site_record(&site_name(site)?)?);
        if !site.operator.is_empty() {
            records.push(operator_record(&site.operator)?);
        }
    }
    records.sort();
    records.dedup();
    Ok(records)
}

pub(super) fn put(case: &Case<'_>, action: &wire::PutSite) -> Result<Vec<Change>, Refusal> {
    let site = action.site.as_ref().ok_or_else(|| invalid("site", "the site is missing"))?;
    Ok(put_one(case, site)?.into_iter().collect())
}

pub(super) fn import(case: &Case<'_>, action: &wire::ImportSites) -> Result<Vec<Change>, Refusal> {
    if !(1..=SITES_MAX).contains(&action.sites.len()) {
        let message = format!("an import has 1 to {SITES_MAX} sites");
        return Err(Refusal::new("too_many_items", message).at("sites"));
    }
    let mut changes: Vec<Change> = Vec::new();
    let mut names = std::collections::BTreeSet::new();
    for (at, site) in action.sites.iter().enumerate() {
        let placed = |mut refusal: Refusal| {
            let field = refusal.field.take().unwrap_or_default();
            refusal.at(format!("sites[{at}].{field}"))
        };
        if !names.insert(site_name(site).map_err(placed)?) {
            return Err(placed(invalid("source_uid", "a site stands twice in the import")));
        }
        changes.extend(put_one(case, site).map_err(placed)?);
    }
    Ok(changes)
}

/// The change that a site makes; none if it stands exactly so.
fn put_one(case: &Case<'_>, site: &wire::Site) -> Result<Option<Change>, Refusal> {
    check_site(site)?;
    let record = site_record(&site_name(site)?)?;
    let stored: Option<wire::Site> = case.stored(&record)?;
    authorise(case, site, stored.as_ref())?;
    if let Some(stored) = stored {
        if stored.retired_ms > 0 {
            let message = format!("{record} was retired and stays so");
            return Err(Refusal::new("site_retired", message).at("site"));
        }
        if site.static_data_updated_at_ms < stored.static_data_updated_at_ms {
            let message = format!("{record} has newer data already");
            return Err(Refusal::new("stale_update", message).at("static_data_updated_at"));
        }
        if stored == *site {
            return Ok(None);
        }
    }
    put_record(record, site).map(Some)
}

/// The owner may do everything; an operator's agency what concerns its own sites.
fn authorise(case: &Case<'_>, site: &wire::Site, stored: Option<&wire::Site>) -> Result<(), Refusal> {
    let operator = operator_of(case, site)?;
    if case.is_by_owner()? {
        return Ok(());
    }
    let was_its_own = stored.is_none_or(|stored| stored.operator == site.operator);
    match operator {
        Some(operator) if was_its_own && !operator.agency.is_empty() && case.signed_by(&operator.agency) => {
            Ok(())
        }
        _ => Err(Refusal::new(
            "operator_required",
            "the domain's owner signs this, or the agency of the site's operator",
        )
        .at("signers")),
    }
}

fn operator_of(case: &Case<'_>, site: &wire::Site) -> Result<Option<wire::Operator>, Refusal> {
    if site.operator.is_empty() {
        return Ok(None);
    }
    let operator = case.stored(&operator_record(&site.operator)?)?;
    let unknown = || {
        let message = format!("operator {} is not registered", site.operator);
        Refusal::new("operator_unknown", message).at("operator")
    };
    operator.ok_or_else(unknown).map(Some)
}

pub(super) fn retire_reads(action: &wire::RetireSite, loaded: &View<'_>) -> Result<Vec<RecordId>, Refusal> {
    let record = site_record(&action.site)?;
    let stored = loaded.get(&record).and_then(|value| wire::Site::decode(value.as_ref()).ok());
    let mut records = vec![record];
    if let Some(site) = stored.filter(|site| !site.operator.is_empty()) {
        records.push(operator_record(&site.operator)?);
    }
    Ok(records)
}

pub(super) fn retire(case: &Case<'_>, action: &wire::RetireSite) -> Result<Vec<Change>, Refusal> {
    reason(&action.reason)?;
    let record = site_record(&action.site)?;
    let unknown = || Refusal::new("site_unknown", format!("{record} is not registered")).at("site");
    let mut site: wire::Site = case.stored(&record)?.ok_or_else(unknown)?;
    authorise(case, &site, Some(&site))?;
    if site.retired_ms > 0 {
        return Err(Refusal::new("site_retired", format!("{record} is retired already")).at("site"));
    }
    site.retired_ms = case.state.time_ms;
    Ok(vec![put_record(record, &site)?])
}

/// The form of a site, whoever brings it.
pub fn check_site(site: &wire::Site) -> Result<(), Refusal> {
    site_name(site)?;
    position(site)?;
    if site.name.trim().is_empty() || !is_text(&site.name, 256) {
        return Err(invalid("name", "a name has 1 to 256 bytes"));
    }
    if !matches!(Purpose::try_from(site.purpose), Ok(p) if p != Purpose::Unspecified) {
        return Err(invalid("purpose", "CAR, BIKE, MOTORCYCLE or ITEM"));
    }
    if !matches!(SiteType::try_from(site.r#type), Ok(t) if t != SiteType::Unspecified) {
        return Err(invalid("type", "ON_STREET, OFF_STREET_PARKING_GROUND, UNDERGROUND, CAR_PARK or OTHER"));
    }
    if wire::Fee::try_from(site.fee).is_err() {
        return Err(invalid("has_fee", "yes, no, or nothing"));
    }
    if site.capacity > CAPACITY_MAX {
        return Err(invalid("capacity", "0 to 1,000,000"));
    }
    if site.max_height_cm > 10_000 || site.max_stay_s > 366 * 86_400 {
        return Err(invalid("max_height", "at most 100 metres, and a stay of at most a year"));
    }
    if site.static_data_updated_at_ms == 0 {
        return Err(invalid("static_data_updated_at", "it says when the data are from"));
    }
    if site.retired_ms > 0 {
        return Err(invalid("retired_ms", "a site is retired by an action of its own"));
    }
    let texts = [
        (&site.address, 512, "address"),
        (&site.opening_hours, 512, "opening_hours"),
        (&site.operator_name, 256, "operator_name"),
        (&site.public_url, 1024, "public_url"),
        (&site.description, 4096, "description"),
    ];
    for (text, bytes_max, field) in texts {
        if !is_text(text, bytes_max) {
            let message = format!("at most {bytes_max} bytes without control characters");
            return Err(Refusal::new("site_invalid", message).at(field));
        }
    }
    restrictions(site)
}

fn position(site: &wire::Site) -> Result<(), Refusal> {
    let (lat, lon) = (site.lat_e7, site.lon_e7);
    let in_range = (-LAT_E7_MAX..=LAT_E7_MAX).contains(&lat) && (-LON_E7_MAX..=LON_E7_MAX).contains(&lon);
    if in_range && (lat, lon) != (0, 0) {
        return Ok(());
    }
    let message = "latitude -90 to 90, longitude -180 to 180, and not both zero";
    Err(Refusal::new("position_invalid", message).at("lat"))
}

fn restrictions(site: &wire::Site) -> Result<(), Refusal> {
    let restrictions = &site.restrictions;
    let known =
        |r: &wire::Restriction| matches!(Audience::try_from(r.r#type), Ok(a) if a != Audience::Unspecified);
    let ascending = restrictions.windows(2).all(|pair| pair[0].r#type < pair[1].r#type);
    let small = restrictions.iter().all(|restriction| restriction.capacity <= CAPACITY_MAX);
    if restrictions.len() > RESTRICTIONS_MAX || !restrictions.iter().all(known) || !ascending || !small {
        return Err(invalid("restrictions", "known types, ascending, each once"));
    }
    Ok(())
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::new("site_invalid", why.to_owned()).at(field)
}
