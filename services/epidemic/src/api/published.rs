//! What everyone may see: the tables of closed weeks, as they stand on the ledger. Nothing is counted for the public.

use std::ops::Bound;

use axum::extract::State;
use hutong_runtime::http::{Json, Problem, Query};
use hutong_wire::v1::epidemic::{self as wire, Dimension};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::IntoParams;

use super::{
    PAGE_MAX, address,
    counts::{Search, not_public},
    malformed, page, parse_day,
};
use crate::{
    EpidemicService,
    contract::{Grid, categories},
    day::{self, Day},
};

/// Which cells of which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Selection {
    /// The first table has the totals of all.
    table: usize,
    districts: bool,
    categories: bool,
}

/// The names of the three tables' columns.
const NAMES: [&str; 3] = ["age", "sex", "origin"];

fn selection(by: Option<&str>) -> Result<Selection, Problem> {
    let mut selected = Selection { table: 0, districts: false, categories: false };
    for name in by.into_iter().flat_map(|by| by.split(',')).filter(|name| !name.is_empty()) {
        match NAMES.iter().position(|known| *known == name) {
            Some(table) if !selected.categories => (selected.table, selected.categories) = (table, true),
            None if name == "district" && !selected.districts => selected.districts = true,
            None if !matches!(name, "disease" | "status" | "district") => {
                return Err(malformed("by", "Counts are by district, age, origin or sex."));
            }
            _ => return Err(not_public("by")),
        }
    }
    Ok(selected)
}

pub(super) fn counts(
    service: &EpidemicService,
    search: &Search,
    limit: usize,
) -> Result<Json<Value>, Problem> {
    for (field, value) in [("date", &search.date), ("status", &search.status), ("as_of", &search.as_of)] {
        if value.is_some() {
            return Err(not_public(field));
        }
    }
    let selection = selection(search.by.as_deref())?;
    let from = parse_day("from", search.from.as_deref())?.unwrap_or(day::FIRST);
    let to = parse_day("to", search.to.as_deref())?.unwrap_or(day::LAST);
    let after = search.after.as_deref().map(cursor).transpose()?;
    let view = service.view.read();
    let first = match &after {
        Some((week, _)) => Bound::Included(week),
        None => Bound::Unbounded,
    };
    // A week is there if it begins in the span: none is ever cut.
    let releases = view.releases.range((first, Bound::Unbounded)).filter(|((disease, monday), _)| {
        (from..=to).contains(monday) && search.disease.as_deref().is_none_or(|wanted| wanted == disease)
    });
    let (mut items, mut next) = (Vec::new(), None);
    'weeks: for (week, release) in releases {
        let done = after.as_ref().filter(|(last, _)| last == week).map_or(0, |(_, done)| *done);
        for (place, item) in cells(release, selection).into_iter().enumerate().skip(done) {
            if items.len() == limit {
                let after = format!("{}/{}/{place}", week.0, day::text(week.1));
                next = Some(next_page(search, &after, limit));
                break 'weeks;
            }
            items.push(item);
        }
    }
    Ok(Json(json!({
        "public": true,
        "date": "report",
        "withheld": "counts from 1 to 4, and others that would give them away, are null",
        "items": items,
        "next": next,
    })))
}

/// A place in the sequence of cells: the week, and how many of its cells were shown.
fn cursor(text: &str) -> Result<((String, Day), usize), Problem> {
    let parse = || {
        let (rest, place) = text.rsplit_once('/')?;
        let (disease, monday) = rest.rsplit_once('/')?;
        Some(((disease.to_owned(), day::parse(monday)?), place.parse().ok()?))
    };
    parse().ok_or_else(|| malformed("after", "Take the address of the next page as it is."))
}

fn next_page(search: &Search, after: &str, limit: usize) -> String {
    let parameters = [
        ("from", search.from.as_deref()),
        ("to", search.to.as_deref()),
        ("by", search.by.as_deref()),
        ("disease", search.disease.as_deref()),
        ("after", Some(after)),
        ("limit", Some(&*limit.to_string())),
    ];
    address("/epidemic/v1/counts", &parameters)
}

/// The selected cells of a week, in order of district and category.
fn cells(release: &wire::Release, selection: Selection) -> Vec<Value> {
    // A week that is withheld has cells all the same: that there are none would say something too.
    let table = release.tables.get(selection.table);
    let grid = table.and_then(|table| Grid::new(table, release.districts.len()));
    let dimension = [Dimension::Age, Dimension::Sex, Dimension::Origin][selection.table];
    let names = categories(dimension);
    let rows = release.districts.len() + 1;
    let rows = if selection.districts { 0..rows } else { rows..rows + 1 };
    let mut items = Vec::new();
    for row in rows {
        let columns = if selection.categories { 0..names.len() } else { names.len()..names.len() + 1 };
        for column in columns {
            let mut item = Map::new();
            item.insert("disease".into(), release.disease.clone().into());
            item.insert("week".into(), day::week_text(release.monday).into());
            item.insert("from".into(), day::text(release.monday).into());
            item.insert("to".into(), day::text(release.monday + day::WEEK - 1).into());
            if selection.districts {
                item.insert("district".into(), release.districts.get(row).cloned().into());
            }
            if selection.categories {
                let name = names[column];
                item.insert(NAMES[selection.table].into(), (!name.is_empty()).then_some(name).into());
            }
            let count = grid.and_then(|grid| grid.get(row, column));
            item.insert("count".into(), count.into());
            item.insert("withheld".into(), count.is_none().into());
            items.push(Value::Object(item));
        }
    }
    items
}

/// The total of a week in a district or, if none is named, in the city; none if it is withheld.
pub(super) fn total(release: &wire::Release, district: Option<&str>) -> Option<u64> {
    let grid = Grid::new(release.tables.first()?, release.districts.len())?;
    let row = match district {
        None => release.districts.len() + 1,
        Some(code) => release.districts.iter().position(|known| known == code)?,
    };
    grid.get(row, grid.columns() - 1)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Pages {
    /// The last code of the page before.
    after: Option<String>,
    /// 1 to 200; 200 unless told.
    limit: Option<usize>,
}

/// The districts that cases and tables are told apart by
#[utoipa::path(get, path = "/epidemic/v1/districts", tag = "epidemic", params(Pages), responses(
    (status = 200, description = "A page of districts: {districts: [{code, name}], next}.", content_type = "application/json", body = Object),
    (status = 400, description = "The query does not fit: an RFC 9457 problem.")))]
pub(super) async fn districts(
    State(service): State<EpidemicService>,
    Query(pages): Query<Pages>,
) -> Result<Json<Value>, Problem> {
    let limit = page(pages.limit, PAGE_MAX, PAGE_MAX)?;
    let view = service.view.read();
    let first = pages
        .after
        .as_deref()
        .map_or(0, |after| view.districts.partition_point(|known| known.code.as_str() <= after));
    let listed = view.districts[first..].iter().take(limit);
    let shown: Vec<_> =
        listed.map(|district| json!({ "code": district.code, "name": district.name })).collect();
    let last = first + shown.len();
    let next = (last > first && last < view.districts.len()).then(|| {
        let after = view.districts[last - 1].code.as_str();
        address("/epidemic/v1/districts", &[("after", Some(after)), ("limit", Some(&*limit.to_string()))])
    });
    Ok(Json(json!({ "districts": shown, "next": next })))
}
