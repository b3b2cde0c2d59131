//! Permits: for a site or a zone, for a while, for a person whose data stay sealed.

use hutong_disclosure::{Handle, RECORD_FIELDS_MAX, is_field_name, records};
use hutong_ledger::{
    contract::{Change, Refusal},
    id::RecordId,
};
use hutong_wire::v1::parking as wire;

use super::{Case, is_text, permit_record, put, reason, site_record};

/// A permit ends within so long.
const VALID_MS_MAX: u64 = 10 * 366 * 86_400_000;

pub(super) fn reads(action: &wire::IssuePermit) -> Result<Vec<RecordId>, Refusal> {
    let mut records = vec![permit_record(&action.id)?, records::person(&holder(action)?)];
    if !action.site.is_empty() {
        records.push(site_record(&action.site)?);
    }
    Ok(records)
}

pub(super) fn issue(case: &Case<'_>, action: &wire::IssuePermit) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    let record = permit_record(&action.id)?;
    if case.state.get(&record).is_some() {
        return Err(Refusal::new("permit_exists", format!("{record} was issued before")).at("id"));
    }
    if action.site.is_empty() == action.zone.is_empty() {
        return Err(invalid("site", "a permit is for a site or for a zone, not both"));
    }
    if !is_text(&action.zone, 64) {
        return Err(invalid("zone", "a zone has at most 64 bytes"));
    }
    let ends_well = action.valid_until_ms > action.valid_from_ms
        && action.valid_until_ms - action.valid_from_ms <= VALID_MS_MAX
        && action.valid_until_ms > case.state.time_ms;
    if !ends_well {
        return Err(invalid(
            "valid_until_ms",
            "it ends after it begins, within 10 years, and not in the past",
        ));
    }
    let holder = holder(action)?;
    if case.state.get(&records::person(&holder)).is_none() {
        return Err(Refusal::new("person_unknown", "the holder is not registered").at("holder"));
    }
    sealed(action)?;
    if !action.site.is_empty() {
        let site: Option<wire::Site> = case.stored(&site_record(&action.site)?)?;
        let site =
            site.ok_or_else(|| Refusal::new("site_unknown", "the site is not registered").at("site"))?;
        if site.retired_ms > 0 {
            return Err(Refusal::new("site_retired", "the site is retired").at("site"));
        }
    }
    let permit = wire::Permit {
        id: action.id.clone(),
        site: action.site.clone(),
        zone: action.zone.clone(),
        valid_from_ms: action.valid_from_ms,
        valid_until_ms: action.valid_until_ms,
        holder: action.holder.clone(),
        sealed: action.sealed.clone(),
        issued_ms: case.state.time_ms,
        revoked_ms: 0,
        revocation_reason: String::new(),
    };
    Ok(vec![put(record, &permit)?])
}

pub(super) fn revoke(case: &Case<'_>, action: &wire::RevokePermit) -> Result<Vec<Change>, Refusal> {
    case.by_owner()?;
    reason(&action.reason)?;
    let record = permit_record(&action.id)?;
    let unknown = || Refusal::new("permit_unknown", format!("{record} was never issued")).at("id");
    let mut permit: wire::Permit = case.stored(&record)?.ok_or_else(unknown)?;
    if permit.revoked_ms > 0 {
        return Err(Refusal::new("permit_revoked", format!("{record} is revoked already")).at("id"));
    }
    permit.revoked_ms = case.state.time_ms;
    permit.revocation_reason = action.reason.clone();
    Ok(vec![put(record, &permit)?])
}

fn holder(action: &wire::IssuePermit) -> Result<Handle, Refusal> {
    let handle = action.holder.as_ref().try_into();
    handle.map_err(|_| Refusal::new("handle_invalid", "a handle has 16 bytes").at("holder"))
}

fn sealed(action: &wire::IssuePermit) -> Result<(), Refusal> {
    let fields = &action.sealed;
    let formed = fields.iter().all(|field| is_field_name(&field.name) && field.commitment.len() == 32);
    let ascending = fields.windows(2).all(|pair| pair[0].name < pair[1].name);
    if formed && ascending && fields.len() <= RECORD_FIELDS_MAX {
        return Ok(());
    }
    let message = "names of a-z, 0-9, _, - and ., ascending, each once, with commitments of 32 bytes";
    Err(Refusal::new("sealed_field_invalid", message).at("sealed"))
}

fn invalid(field: &str, why: &str) -> Refusal {
    Refusal::new("permit_invalid", why.to_owned()).at(field)
}
