//! Counts by day for agencies, exact and by any grouping; for everyone else, what is published.

use std::{collections::BTreeMap, sync::Arc};

use axum::extract::State;
use http::StatusCode;
use hutong_runtime::{
    auth::Caller,
    http::{Json, Problem, Query},
};
use hutong_wire::v1::epidemic::Status;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use super::{address, malformed, page, parse_day, published, sees_all};
use crate::{
    EpidemicService,
    contract::{origin_name, parse_status, sex_name, status_name},
    day::{self, Day},
    view::counts::{Basis, Kind, Span},
};

pub(super) const ITEMS: usize = 1000;
pub(super) const ITEMS_MAX: usize = 10_000;

#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// First day, that of the first case unless told; for the public, of the first week.
    pub(super) from: Option<String>,
    /// Last day.
    pub(super) to: Option<String>,
    /// What counts are told apart by: `district`, `age`, `origin`, `sex`, and for agencies `disease` and `status`; several
    /// with commas between. For the public one of them, or `district` with one of the others.
    pub(super) by: Option<String>,
    pub(super) disease: Option<String>,
    /// Agencies: the day that counts, `onset` (unless told) or `report`.
    pub(super) date: Option<String>,
    /// Agencies: `suspected` or `confirmed`; both unless told.
    pub(super) status: Option<String>,
    /// Agencies: as it was known at the end of this day.
    pub(super) as_of: Option<String>,
    /// Where the page before ended.
    pub(super) after: Option<String>,
    /// 1 to 10,000; 1,000 unless told.
    pub(super) limit: Option<usize>,
}

/// Counts: exact by day for agencies; by week, with small counts withheld, for everyone
#[utoipa::path(get, path = "/epidemic/v1/counts", tag = "epidemic", params(Search), responses(
    (status = 200, description = "A page of counts: {public, items, next}; a count of null is withheld.", content_type = "application/json", body = Object),
    (status = 400, description = "The query does not fit: an RFC 9457 problem."),
    (status = 403, description = "This question is for agencies: the public has a fixed set of tables.")))]
pub(super) async fn counts(
    State(service): State<EpidemicService>,
    caller: Caller,
    Query(search): Query<Search>,
) -> Result<Json<Value>, Problem> {
    let limit = page(search.limit, ITEMS, ITEMS_MAX)?;
    if sees_all(&caller) {
        exact(&service, &search, limit)
    } else {
        published::counts(&service, &search, limit)
    }
}

/// A grouping of exact counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Disease,
    District,
    Age,
    Origin,
    Sex,
    Status,
}

impl By {
    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "disease" => Self::Disease,
            "district" => Self::District,
            "age" => Self::Age,
            "origin" => Self::Origin,
            "sex" => Self::Sex,
            "status" => Self::Status,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Disease => "disease",
            Self::District => "district",
            Self::Age => "age",
            Self::Origin => "origin",
            Self::Sex => "sex",
            Self::Status => "status",
        }
    }

    /// What the kind is in this grouping; empty: not known.
    fn of(self, kind: &Kind) -> Group {
        match self {
            Self::Disease => Group::Held(kind.disease.clone()),
            Self::District => Group::Held(kind.district.clone()),
            // Bands in order of age, not of letters.
            Self::Age => Group::Age(kind.age, kind.age_band()),
            Self::Origin => Group::Word(origin_name(kind.origin())),
            Self::Sex => Group::Word(sex_name(kind.sex())),
            Self::Status => Group::Word(status_name(kind.status())),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Held(Arc<str>),
    Age(u8, &'static str),
    Word(&'static str),
}

impl Group {
    fn value(&self) -> Value {
        let text: &str = match self {
            Self::Held(text) => text,
            Self::Age(_, text) | Self::Word(text) => text,
        };
        if text.is_empty() { Value::Null } else { text.into() }
    }
}

fn groupings(text: Option<&str>) -> Result<Vec<By>, Problem> {
    let mut all = Vec::new();
    for name in text.into_iter().flat_map(|text| text.split(',')).filter(|name| !name.is_empty()) {
        let by = By::parse(name)
            .filter(|by| !all.contains(by))
            .ok_or_else(|| malformed("by", "district, age, origin, sex, disease and status, each once."))?;
        all.push(by);
    }
    Ok(all)
}

fn exact(service: &EpidemicService, search: &Search, limit: usize) -> Result<Json<Value>, Problem> {
    let by = groupings(search.by.as_deref())?;
    let basis = match search.date.as_deref() {
        None | Some("onset") => Basis::Onset,
        Some("report") => Basis::Report,
        Some(_) => return Err(malformed("date", "Counts are by onset or by report.")),
    };
    let status = search.status.as_deref().map(|text| {
        let counted = parse_status(text).filter(|status| *status != Status::Discarded);
        counted.ok_or_else(|| malformed("status", "What counts is suspected or confirmed."))
    });
    let status = status.transpose()?;
    let on = parse_day("as_of", search.as_of.as_deref())?;
    let skip: usize = search
        .after
        .as_deref()
        .unwrap_or("0")
        .parse()
        .map_err(|_| malformed("after", "A page begins after a number of items."))?;
    let view = service.view.read();
    let (first, last) = view.counts.extent(basis).unwrap_or_default();
    let from = parse_day("from", search.from.as_deref())?.unwrap_or(first);
    let to = parse_day("to", search.to.as_deref())?.unwrap_or(last);
    let span = Span { disease: search.disease.clone(), basis, from, to };
    let mut total = 0;
    let mut groups: BTreeMap<(Day, Vec<Group>), u64> = BTreeMap::new();
    let add = |day: Day, kind: &Kind, count: u64| {
        if status.is_none_or(|status| kind.status() == status) {
            total += count;
            *groups.entry((day, by.iter().map(|by| by.of(kind)).collect())).or_default() += count;
        }
    };
    match on {
        None => view.counts.each(&span, add),
        Some(on) => view.counts.each_known(&span, on, add),
    }
    drop(view);
    let items = groups.iter().skip(skip).take(limit).map(|((day, group), count)| {
        let mut item = Map::new();
        item.insert("date".into(), day::text(*day).into());
        for (by, group) in by.iter().zip(group) {
            item.insert(by.name().into(), group.value());
        }
        item.insert("count".into(), (*count).into());
        Value::Object(item)
    });
    let items: Vec<_> = items.collect();
    let (from, to) = (day::text(from), day::text(to));
    let shown = skip.saturating_add(items.len());
    let next = (shown < groups.len()).then(|| {
        let parameters = [
            ("from", Some(from.as_str())),
            ("to", Some(to.as_str())),
            ("by", search.by.as_deref()),
            ("disease", search.disease.as_deref()),
            ("date", search.date.as_deref()),
            ("status", search.status.as_deref()),
            ("as_of", search.as_of.as_deref()),
            ("after", Some(&*shown.to_string())),
            ("limit", Some(&*limit.to_string())),
        ];
        address("/epidemic/v1/counts", &parameters)
    });
    Ok(Json(json!({
        "public": false,
        "from": from,
        "to": to,
        "date": if basis == Basis::Onset { "onset" } else { "report" },
        "as_of": search.as_of,
        "total": total,
        "items": items,
        "next": next,
    })))
}

/// The answer to a question that only agencies may ask.
pub(super) fn not_public(field: &str) -> Problem {
    let detail =
        "The public has a fixed set of tables by week: other selections could be subtracted from them.";
    Problem::new("not_public", StatusCode::FORBIDDEN, detail).field(field)
}
