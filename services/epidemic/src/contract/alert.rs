//! Alerts: that a method alarmed on a day is said once, whatever comes later. Whether it did, the service computes.

use hutong_ledger::{
    canon::ascending,
    contract::{Change, Refusal, Verified, View},
    id::RecordId,
};
use hutong_wire::v1::epidemic::{self as wire, Method};

use super::{
    form::{self, is_code},
    put,
    render::method_name,
};
use crate::day;

/// What the names of alerts begin with.
pub const ALERTS: &str = "alert/";
/// The most alerts of one transaction.
pub const ALERTS_MAX: usize = 100;

/// The record `alert/<disease>/<series>/<day>/<method>`: one for each series, day and method.
pub fn alert_record(alert: &wire::Alert) -> Result<RecordId, Refusal> {
    let no = |field: &str, message: &str| Refusal::new("alert_invalid", message).at(field);
    if !is_code(&alert.disease, 32) {
        return Err(no("disease", "a disease's code is 1 to 32 of a-z, 0-9, - and ."));
    }
    if !alert.district.is_empty() && !is_code(&alert.district, 48) || alert.district == "city" {
        return Err(no("district", "a district's code, or none for the city"));
    }
    if !(day::FIRST..=day::LAST).contains(&alert.day) {
        return Err(no("day", "a day from 1800 to 2199"));
    }
    if Method::try_from(alert.method).unwrap_or_default() == Method::Unspecified {
        return Err(no("method", "the method is C1, C2 or C3"));
    }
    let series = if alert.district.is_empty() { "city" } else { &alert.district };
    let method = method_name(alert.method());
    form::named(format!("{ALERTS}{}/{series}/{}/{method}", alert.disease, day::text(alert.day)))
}

/// The alerts of a transaction: bounded and in one order.
pub(super) fn listed(raise: &wire::RaiseAlerts) -> Result<&[wire::Alert], Refusal> {
    let order =
        |alert: &wire::Alert| (alert.disease.clone(), alert.district.clone(), alert.day, alert.method);
    if (1..=ALERTS_MAX).contains(&raise.alerts.len()) && ascending(&raise.alerts, order) {
        return Ok(&raise.alerts);
    }
    let message =
        format!("1 to {ALERTS_MAX} alerts, ascending by disease, district, day and method, each once");
    Err(Refusal::new("batch_invalid", message).at("alerts"))
}

pub(super) fn raise(
    raise: &wire::RaiseAlerts,
    tx: &Verified<'_>,
    state: &View<'_>,
) -> Result<Vec<Change>, Refusal> {
    tx.submitted_by_owner(state)?;
    let mut changes = Vec::new();
    for alert in listed(raise)? {
        let record = alert_record(alert)?;
        let no = |field: &str, message: &str| Refusal::new("alert_invalid", message).at(field);
        if alert.day > day::of_ms(state.time_ms) + 1 {
            return Err(no("day", "the day has not come"));
        }
        if alert.raised_ms != 0 {
            return Err(no("raised_ms", "when it was raised, the block's time says"));
        }
        if alert.count == 0 || alert.statistic_micro < 0 {
            return Err(no("statistic_micro", "an alert has cases and a statistic of at least 0"));
        }
        if state.get(&record).is_none() {
            changes.push(put(record, &wire::Alert { raised_ms: state.time_ms, ..alert.clone() }));
        }
    }
    if changes.is_empty() {
        return Err(Refusal::new("alert_exists", "all of these alerts were raised already").at("alerts"));
    }
    Ok(changes)
}
