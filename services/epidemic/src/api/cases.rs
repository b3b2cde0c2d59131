//! The line list, for agencies: what stands in the open. Sealed values are asked for by a disclosure.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use hutong_ledger::id::{RecordId, RecordKey};
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{
    prost::Message,
    v1::epidemic::{self as wire, Status},
};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::{PAGE, PAGE_MAX, address, malformed, page, parse_day, unavailable};
use crate::{
    EpidemicService,
    contract::{case_record, domain, parse_origin, parse_sex, parse_status, render_case},
    view::index::Key,
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    disease: Option<String>,
    /// `suspected`, `confirmed`, `discarded`, or `counted` for the first two.
    status: Option<String>,
    /// `local` or `imported`.
    origin: Option<String>,
    /// `female`, `male`, or empty for not known.
    sex: Option<String>,
    /// Its code; empty for not known.
    district: Option<String>,
    /// Such as `5-9`; empty for not known.
    age_band: Option<String>,
    facility: Option<String>,
    /// Who reported it.
    agency: Option<String>,
    /// Day of report.
    report: Option<String>,
    /// Day of onset.
    onset: Option<String>,
    /// The last case of the page before.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

impl Search {
    fn keys(&self) -> Result<BTreeSet<Key>, Problem> {
        let mut keys = BTreeSet::new();
        let known = |field: &str| malformed(field, format!("This is no {field} of a case."));
        match self.status.as_deref() {
            Some("counted") => drop(keys.insert(Key::Counts(true))),
            Some(text) => {
                let status: Status = parse_status(text).ok_or_else(|| known("status"))?;
                keys.insert(Key::Status(status.into()));
            }
            None => {}
        }
        if let Some(text) = &self.origin {
            keys.insert(Key::Origin(parse_origin(text).ok_or_else(|| known("origin"))?.into()));
        }
        if let Some(text) = &self.sex {
            keys.insert(Key::Sex(parse_sex(text).ok_or_else(|| known("sex"))?.into()));
        }
        keys.extend(self.disease.clone().map(Key::Disease));
        keys.extend(self.district.clone().map(Key::District));
        keys.extend(self.age_band.clone().map(Key::AgeBand));
        keys.extend(self.facility.clone().map(Key::Facility));
        keys.extend(self.agency.clone().map(Key::Agency));
        keys.extend(parse_day("report", self.report.as_deref())?.map(Key::Report));
        keys.extend(parse_day("onset", self.onset.as_deref())?.map(Key::Onset));
        if keys.is_empty() {
            keys.insert(Key::All);
        }
        Ok(keys)
    }

    fn next(&self, last: &str, limit: usize) -> String {
        let limit = limit.to_string();
        let parameters = [
            ("disease", self.disease.as_deref()),
            ("status", self.status.as_deref()),
            ("origin", self.origin.as_deref()),
            ("sex", self.sex.as_deref()),
            ("district", self.district.as_deref()),
            ("age_band", self.age_band.as_deref()),
            ("facility", self.facility.as_deref()),
            ("agency", self.agency.as_deref()),
            ("report", self.report.as_deref()),
            ("onset", self.onset.as_deref()),
            ("after", Some(last)),
            ("limit", Some(&limit)),
        ];
        address("/epidemic/v1/cases", &parameters)
    }
}

/// Cases that fit all of the query, in order of id
#[utoipa::path(get, path = "/epidemic/v1/cases", tag = "epidemic", params(Search), responses(
    (status = 200, description = "A page of cases: {cases, next}.", content_type = "application/json", body = Object),
    (status = 400, description = "The query does not fit: an RFC 9457 problem."),
    (status = 401, description = "No agency's token."),
    (status = 403, description = "The token is a person's."),
    (status = 503, description = "The ledger does not answer.")))]
pub(super) async fn list(
    State(service): State<EpidemicService>,
    _: RequireAgency,
    Query(search): Query<Search>,
) -> Result<Json<Value>, Problem> {
    let limit = page(search.limit, PAGE, PAGE_MAX)?;
    let keys = search.keys()?;
    let found = service.view.read().search(&keys, search.after.as_deref(), limit);
    let mut cases = Vec::with_capacity(found.ids.len());
    for id in &found.ids {
        // A case that changed since the index was read is shown as it is now.
        let record = case_record(id).map_err(Problem::internal)?;
        cases.extend(find(&service, record).await?.as_ref().map(shown));
    }
    let next = found.ids.last().filter(|_| found.more).map(|last| search.next(last, limit));
    Ok(Json(json!({ "cases": cases, "next": next })))
}

/// A case as it stands
#[utoipa::path(get, path = "/epidemic/v1/cases/{id}", tag = "epidemic", params(("id" = String, Path)), responses(
    (status = 200, description = "The case, with the names and commitments of its sealed fields.", content_type = "application/json", body = Object),
    (status = 400, description = "No id of a case: an RFC 9457 problem."),
    (status = 401, description = "No agency's token."),
    (status = 403, description = "The token is a person's."),
    (status = 404, description = "No such case."),
    (status = 503, description = "The ledger does not answer.")))]
pub(super) async fn one(
    State(service): State<EpidemicService>,
    _: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let stored = find(&service, named(&id)?).await?.ok_or_else(|| unknown(&id))?;
    Ok(Json(shown(&stored)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    /// Versions below this one.
    below: Option<u64>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// All revisions of a case, newest first
#[utoipa::path(get, path = "/epidemic/v1/cases/{id}/history", tag = "epidemic", params(("id" = String, Path), Pages),
    responses(
    (status = 200, description = "A page of versions: {versions, next}.", content_type = "application/json", body = Object),
    (status = 400, description = "The query does not fit: an RFC 9457 problem."),
    (status = 401, description = "No agency's token."),
    (status = 403, description = "The token is a person's."),
    (status = 404, description = "No such case."),
    (status = 503, description = "The ledger does not answer.")))]
pub(super) async fn history(
    State(service): State<EpidemicService>,
    _: RequireAgency,
    Path(id): Path<String>,
    Query(pages): Query<Pages>,
) -> Result<Json<Value>, Problem> {
    let limit = page(pages.limit, PAGE, PAGE_MAX)?;
    let key = RecordKey { domain: domain(), record: named(&id)? };
    let history = service.storage().history(key, pages.below, limit).await.map_err(unavailable)?;
    if history.versions.is_empty() && pages.below.is_none() {
        return Err(unknown(&id));
    }
    let next = history
        .more_below
        .map(|below| format!("/epidemic/v1/cases/{id}/history?below={below}&limit={limit}"));
    Ok(Json(json!({ "versions": history.versions.iter().map(shown).collect::<Vec<_>>(), "next": next })))
}

pub(super) fn named(id: &str) -> Result<RecordId, Problem> {
    case_record(id).map_err(|refusal| {
        Problem::new("malformed_path", StatusCode::BAD_REQUEST, refusal.message).field("id")
    })
}

pub(super) fn unknown(id: &str) -> Problem {
    Problem::new("case_unknown", StatusCode::NOT_FOUND, format!("Case {id} was not reported."))
}

async fn find(service: &EpidemicService, record: RecordId) -> Result<Option<StoredRecord>, Problem> {
    let key = RecordKey { domain: domain(), record };
    service.storage().record(key, None).await.map_err(unavailable)
}

/// The case with where it comes from.
fn shown(stored: &StoredRecord) -> Value {
    let case = stored.value.as_deref().and_then(|value| wire::Case::decode(value).ok()).unwrap_or_default();
    let mut shown = render_case(&case);
    shown["version"] = stored.version.into();
    shown["height"] = stored.height.into();
    shown["recorded_ms"] = stored.time_ms.into();
    shown["recorded_by"] = stored.agency.as_str().into();
    shown["transaction"] = stored.transaction.to_string().into();
    shown
}
