//! What the service does by itself in its agency's name: raises alerts where EARS alarms, publishes weeks that are
//! closed. It does both again and again with the same outcome: the contract takes each alert and each release once.

use hutong_desk::Error;
use hutong_wire::v1::epidemic::{self as wire, Method};

use crate::{
    EpidemicService,
    analysis::{
        DAYS_MAX,
        ears::{Ears, Options, ears},
    },
    build,
    contract::{ALERTS_MAX, CLOSED_AFTER_DAYS, alert_record, domain},
    day::{self, DAY_MS, Day},
    tables,
    view::{Series, View},
};

/// Who acts, in the transactions of the service itself.
const ACTOR: &str = "epidemic-watch";

pub(crate) async fn watch(service: &EpidemicService) -> Result<(), Error> {
    let standing = service.storage().standing().await?;
    // Another agency's node shows what is final and says nothing of its own.
    if standing.epoch.rules(domain()).is_none_or(|rules| rules.owner != service.desk.agency()) {
        return Ok(());
    }
    raise(service).await?;
    publish(service).await
}

async fn raise(service: &EpidemicService) -> Result<(), Error> {
    let changed = service.view.write().take_changed();
    let options = Options { baseline: service.config.baseline, min_sigma: service.config.min_sigma };
    let mut alerts = Vec::new();
    for series in &changed {
        let view = service.view.read();
        alerts.extend(alarms(&view, series, options).into_iter().filter(|alert| is_new(&view, alert)));
    }
    for batch in alerts.chunks(ALERTS_MAX) {
        match service.desk.submit(domain(), build::raise(batch.to_vec()), ACTOR).await {
            Ok(_) => {}
            Err(Error::Refused { code, .. }) => tracing::info!(code, "alerts that were raised already"),
            Err(error) => {
                service.view.write().put_back(changed);
                return Err(error);
            }
        }
    }
    Ok(())
}

fn is_new(view: &View, alert: &wire::Alert) -> bool {
    alert_record(alert).is_ok_and(|record| !view.alerts.contains_key(record.as_str()))
}

/// The alarms of a series, over all its days of report.
pub(crate) fn alarms(view: &View, series: &Series, options: Options) -> Vec<wire::Alert> {
    let Some((first, last)) = view.counts.reported(&series.disease) else { return Vec::new() };
    let first = first.max(last - Day::try_from(DAYS_MAX).unwrap_or(Day::MAX) + 1);
    let district = (!series.district.is_empty()).then_some(series.district.as_str());
    let counts = view.counts.series(&series.disease, district, first, last);
    let Ok(Ears { c1, c2, c3 }) = ears(&counts, options) else { return Vec::new() };
    let mut alerts = Vec::new();
    for (place, (count, day)) in counts.iter().zip(first..).enumerate() {
        let limit = |of: &[Option<crate::analysis::ears::Limit>]| {
            of[place].filter(|limit| limit.alarm).map(|limit| limit.statistic.unwrap_or_default())
        };
        let methods = [
            (Method::C1, limit(&c1)),
            (Method::C2, limit(&c2)),
            (Method::C3, c3[place].filter(|sum| sum.alarm).map(|sum| sum.statistic)),
        ];
        let raised = methods.into_iter().filter_map(|(method, statistic)| Some((method, statistic?)));
        // What went before may alarm on a day without a case: then it was said before.
        alerts.extend(raised.filter(|_| *count > 0).map(|(method, statistic)| wire::Alert {
            disease: series.disease.clone(),
            district: series.district.clone(),
            day,
            method: method.into(),
            statistic_micro: (statistic * 1e6) as i64,
            count: u32::try_from(*count).unwrap_or(u32::MAX),
            raised_ms: 0,
        }));
    }
    alerts
}

async fn publish(service: &EpidemicService) -> Result<(), Error> {
    let now_ms = service.clock.unix_ms();
    let weeks = service.view.read().unpublished();
    for week in weeks.into_iter().filter(|(_, monday)| closed_ms(*monday) <= now_ms) {
        let release = release(&service.view.read(), &week);
        if let Some(release) = release {
            match service.desk.submit(domain(), build::publish(release), ACTOR).await {
                Ok(_) => {}
                // The block's time may still be that of the last change, or before the week's close: next time.
                Err(Error::Refused { code, .. })
                    if matches!(code.as_str(), "release_invalid" | "week_open") =>
                {
                    continue;
                }
                Err(Error::Refused { code, .. }) => tracing::warn!(code, "a week is not published"),
                Err(error) => return Err(error),
            }
        }
        service.view.write().settled(&week);
    }
    Ok(())
}

/// From when on a week may be published.
fn closed_ms(monday: Day) -> u64 {
    u64::try_from(monday + day::WEEK + CLOSED_AFTER_DAYS).unwrap_or(0) * DAY_MS
}

/// What is to be published of a week; none if it is published so, or may not be published anew.
pub(crate) fn release(view: &View, week: &(String, Day)) -> Option<wire::Release> {
    let (disease, monday) = week;
    let before = view.releases.get(week);
    let districts = match before {
        Some(before) => before.districts.clone(),
        None => view.districts.iter().map(|district| district.code.clone()).collect(),
    };
    let truth = view.counts.week(disease, *monday, &districts, None);
    let tables = match before {
        None => tables::publish(&truth),
        Some(before) => {
            let then = view.counts.week(disease, *monday, &districts, Some(before.as_of_ms));
            if before.tables.is_empty() || truth == then || !truth.changed_safely(&then) {
                return None;
            }
            tables::republish(&truth, &before.tables).filter(|tables| *tables != before.tables)?
        }
    };
    let as_of_ms = closed_ms(*monday).max(view.time_ms() + 1);
    Some(wire::Release {
        disease: disease.clone(),
        monday: *monday,
        districts,
        tables,
        as_of_ms,
        revision: 0,
    })
}
