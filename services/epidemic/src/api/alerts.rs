//! Alerts that were raised. For agencies: a statistic says more of small counts than is public.

use std::ops::Bound;

use axum::extract::State;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem, Query},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{PAGE, PAGE_MAX, address, malformed, page};
use crate::{
    EpidemicService,
    contract::{ALERTS, render_alert},
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    disease: Option<String>,
    /// Code of a district, or `city`; together with the disease.
    district: Option<String>,
    /// The last alert of the page before.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// Alerts, by disease, series and day
#[utoipa::path(get, path = "/epidemic/v1/alerts", tag = "epidemic", params(Search), responses(
    (status = 200, description = "A page of alerts: {alerts, next}.", content_type = "application/json", body = Object),
    (status = 400, description = "The query does not fit: an RFC 9457 problem."),
    (status = 401, description = "No agency's token."),
    (status = 403, description = "The token is a person's.")))]
pub(super) async fn list(
    State(service): State<EpidemicService>,
    _: RequireAgency,
    Query(search): Query<Search>,
) -> Result<Json<Value>, Problem> {
    let limit = page(search.limit, PAGE, PAGE_MAX)?;
    let prefix = match (&search.disease, &search.district) {
        (None, None) => ALERTS.to_owned(),
        (Some(disease), None) => format!("{ALERTS}{disease}/"),
        (Some(disease), Some(district)) => format!("{ALERTS}{disease}/{district}/"),
        (None, Some(_)) => {
            return Err(malformed("disease", "Name the disease whose alerts of a district you want."));
        }
    };
    let after = search.after.as_ref().map(|after| format!("{ALERTS}{after}"));
    let from = match after.as_deref() {
        Some(after) if after >= prefix.as_str() => Bound::Excluded(after),
        _ => Bound::Included(prefix.as_str()),
    };
    let view = service.view.read();
    let mut found = view
        .alerts
        .range::<str, _>((from, Bound::Unbounded))
        .take_while(|(record, _)| record.starts_with(&prefix))
        .take(limit + 1);
    let page: Vec<_> = found.by_ref().take(limit).collect();
    let more = found.next().is_some();
    let alerts = page.iter().map(|(record, alert)| {
        let mut shown = render_alert(alert);
        shown["id"] = record.trim_start_matches(ALERTS).into();
        shown
    });
    let next = page.last().filter(|_| more).map(|(record, _)| {
        let parameters = [
            ("disease", search.disease.as_deref()),
            ("district", search.district.as_deref()),
            ("after", record.strip_prefix(ALERTS)),
            ("limit", Some(&*limit.to_string())),
        ];
        address("/epidemic/v1/alerts", &parameters)
    });
    Ok(Json(json!({ "alerts": alerts.collect::<Vec<_>>(), "next": next })))
}
