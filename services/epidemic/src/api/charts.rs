//! Charts of a series: days, limits and alarms for agencies; what is published, by week, for everyone.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use hutong_runtime::{
    auth::Caller,
    http::{Path, Problem, Query},
};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{malformed, parse_day, published, sees_all};
use crate::{
    EpidemicService,
    analysis::ears::{Options, ears},
    chart::{Bar, Chart},
    day::{self, Day},
    view::View,
};

/// Days or weeks of one chart: more bars would be thinner than a pixel.
const BARS_MAX: Day = 800;
/// Days back from the last one that are shown unless others are asked for.
const DAYS: Day = 366;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Needed where there are cases of several.
    disease: Option<String>,
    /// First day.
    from: Option<String>,
    /// Last day.
    to: Option<String>,
}

/// A chart as SVG: `<district>.svg`, or `city.svg`
#[utoipa::path(get, path = "/epidemic/v1/series/{name}", tag = "epidemic", params(("name" = String, Path), Search),
    responses(
    (status = 200, description = "The chart.", content_type = "image/svg+xml", body = String),
    (status = 400, description = "The query does not fit: an RFC 9457 problem."),
    (status = 404, description = "No such district or disease.")))]
pub(super) async fn chart(
    State(service): State<EpidemicService>,
    caller: Caller,
    Path(name): Path<String>,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let code =
        name.strip_suffix(".svg").ok_or_else(|| unknown("A chart is named <district>.svg or city.svg."))?;
    let view = service.view.read();
    let district = (code != "city").then_some(code);
    if district
        .is_some_and(|code| view.districts.binary_search_by(|known| known.code.as_str().cmp(code)).is_err())
    {
        return Err(unknown("This district is not in the list of districts."));
    }
    let all = sees_all(&caller);
    let disease = disease(&view, search.disease.as_deref(), all)?;
    let (from, to) = (parse_day("from", search.from.as_deref())?, parse_day("to", search.to.as_deref())?);
    let bars = if all {
        let options = Options { baseline: service.config.baseline, min_sigma: service.config.min_sigma };
        exact(&view, &disease, district, (from, to), options)?
    } else {
        public(&view, &disease, district, (from, to))
    };
    let place = match district {
        None => "city",
        Some(code) => {
            view.districts.iter().find(|known| known.code == code).map_or(code, |known| &known.name)
        }
    };
    let each = if all { "day" } else { "week" };
    let svg = Chart { title: format!("{disease}, {place}: cases by {each} of report"), bars }.svg();
    Ok(([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

fn unknown(detail: &str) -> Problem {
    Problem::new("series_unknown", StatusCode::NOT_FOUND, detail)
}

/// The disease that is asked for, or the only one. To the public a disease is known once something of it is published.
fn disease(view: &View, wanted: Option<&str>, all: bool) -> Result<String, Problem> {
    let mut known: Vec<String> = if all {
        view.counts.diseases().iter().map(ToString::to_string).collect()
    } else {
        view.releases.keys().map(|(disease, _)| disease.clone()).collect()
    };
    known.dedup();
    match wanted {
        Some(wanted) if known.iter().any(|disease| disease == wanted) => Ok(wanted.to_owned()),
        None if known.len() == 1 => Ok(known.remove(0)),
        None if known.len() > 1 => Err(malformed("disease", "Name the disease: there are several.")),
        _ => Err(unknown("There are no cases of this.")),
    }
}

fn exact(
    view: &View,
    disease: &str,
    district: Option<&str>,
    (from, to): (Option<Day>, Option<Day>),
    options: Options,
) -> Result<Vec<Bar>, Problem> {
    let (_, last) = view.counts.reported(disease).unwrap_or_default();
    let to = to.unwrap_or(last);
    let from = from.unwrap_or(to - DAYS + 1);
    if !(1..=BARS_MAX).contains(&(to - from + 1)) {
        return Err(malformed("from", format!("A chart has 1 to {BARS_MAX} days.")));
    }
    // The first days have a baseline too.
    let lead = Day::try_from(options.baseline).unwrap_or(0) + 2;
    let counts = view.counts.series(disease, district, from - lead, to);
    let limits = ears(&counts, options).map_err(Problem::internal)?.c1;
    let bars = counts.iter().zip(limits).zip(from - lead..).skip(usize::try_from(lead).unwrap_or(0));
    let bars = bars.map(|((count, limit), day)| Bar {
        label: day::text(day),
        count: Some(*count),
        upper: limit.map(|limit| limit.upper),
        alarm: limit.is_some_and(|limit| limit.alarm),
    });
    Ok(bars.collect())
}

fn public(
    view: &View,
    disease: &str,
    district: Option<&str>,
    (from, to): (Option<Day>, Option<Day>),
) -> Vec<Bar> {
    let (from, to) = (from.unwrap_or(day::FIRST), to.unwrap_or(day::LAST));
    let weeks =
        view.releases.iter().filter(|((of, monday), _)| of == disease && (from..=to).contains(monday));
    let weeks = weeks.rev().take(usize::try_from(BARS_MAX).unwrap_or(0));
    let mut bars: Vec<_> = weeks
        .map(|((_, monday), release)| Bar {
            label: day::week_text(*monday),
            count: published::total(release, district),
            ..Bar::default()
        })
        .collect();
    bars.reverse();
    bars
}
