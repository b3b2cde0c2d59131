//! Analyses of counts that the caller brings: nothing is looked up and nothing is kept, so anyone may ask.

use axum::extract::State;
use http::StatusCode;
use hutong_runtime::http::{Json, Problem};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    EpidemicService,
    analysis::{
        Invalid,
        ears::{Options, ears},
        interval::SerialInterval,
        rt::rt,
    },
};

/// Counts by day: of all cases, or of local and imported ones.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Request {
    counts: Option<Vec<u64>>,
    local: Option<Vec<u64>>,
    imported: Option<Vec<u64>>,
    /// Without it there is no reproduction number.
    si: Option<Interval>,
    /// Days of the baseline of EARS; 7 unless told.
    baseline: Option<usize>,
    /// The least standard deviation of a baseline; 0 unless told.
    #[serde(rename = "minSigma")]
    min_sigma: Option<f64>,
}

/// The serial interval: mean and standard deviation in days, or a weight for each day from day 0 on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Interval {
    mean: Option<f64>,
    sd: Option<f64>,
    weights: Option<Vec<f64>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    ears: Ears,
    rt: Vec<Estimate>,
}

/// One item for each day; null where there is no baseline.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Ears {
    c1: Vec<Option<Limit>>,
    c2: Vec<Option<Limit>>,
    c3: Vec<Option<Cumulated>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Limit {
    upper: f64,
    alarm: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Cumulated {
    statistic: f64,
    alarm: bool,
}

/// The reproduction number over a window; its first and last day, from 1.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Estimate {
    t_start: usize,
    t_end: usize,
    mean: f64,
    sd: f64,
    q025: f64,
    q975: f64,
}

/// Early warning (EARS C1, C2, C3) and reproduction numbers (Cori) of counts by day
#[utoipa::path(post, path = "/epidemic/v1/analyse", tag = "epidemic", request_body = Request, responses(
    (status = 200, body = Answer),
    (status = 400, description = "The body is no JSON: an RFC 9457 problem."),
    (status = 413, description = "The body is too large."),
    (status = 415, description = "The body does not say that it is JSON."),
    (status = 422, description = "No analysis can be made of these numbers: a problem whose field says which."),
    (status = 503, description = "Too much is being computed; try again.")))]
pub(super) async fn analyse(
    State(service): State<EpidemicService>,
    Json(request): Json<Request>,
) -> Result<Json<Answer>, Problem> {
    let permit = service.analyses.acquire().await.map_err(Problem::internal)?;
    let answer = tokio::task::spawn_blocking(move || compute(request)).await.map_err(Problem::internal)?;
    drop(permit);
    answer.map(Json)
}

fn unfit(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("analysis_invalid", StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
}

fn invalid(error: Invalid) -> Problem {
    unfit(error.field(), format!("{error}."))
}

fn compute(request: Request) -> Result<Answer, Problem> {
    let (local, imported) = match (request.counts, request.local, request.imported) {
        (Some(counts), None, None) => {
            let none = vec![0; counts.len()];
            (counts, none)
        }
        (None, Some(local), Some(imported)) => (local, imported),
        _ => return Err(unfit("counts", "Send either counts, or local and imported.")),
    };
    if local.len() != imported.len() {
        return Err(invalid(Invalid::Lengths { local: local.len(), imported: imported.len() }));
    }
    crate::analysis::check(&local).and_then(|()| crate::analysis::check(&imported)).map_err(invalid)?;
    let usual = Options::default();
    let options = Options {
        baseline: request.baseline.unwrap_or(usual.baseline),
        min_sigma: request.min_sigma.unwrap_or(usual.min_sigma),
    };
    let total: Vec<u64> = local.iter().zip(&imported).map(|(local, imported)| local + imported).collect();
    let found = ears(&total, options).map_err(invalid)?;
    let limits = |limits: Vec<Option<crate::analysis::ears::Limit>>| {
        limits
            .into_iter()
            .map(|limit| limit.map(|limit| Limit { upper: limit.upper, alarm: limit.alarm }))
            .collect()
    };
    let cumulated =
        |sum: crate::analysis::ears::Cumulated| Cumulated { statistic: sum.statistic, alarm: sum.alarm };
    let ears = Ears {
        c1: limits(found.c1),
        c2: limits(found.c2),
        c3: found.c3.into_iter().map(|sum| sum.map(cumulated)).collect(),
    };
    let rt = match request.si {
        None => Vec::new(),
        Some(si) => estimates(&local, &imported, &interval(si, local.len())?)?,
    };
    Ok(Answer { ears, rt })
}

fn interval(si: Interval, days: usize) -> Result<SerialInterval, Problem> {
    let interval = match (si.mean, si.sd, si.weights) {
        (Some(mean), Some(sd), None) => SerialInterval::parametric(mean, sd, days),
        (None, None, Some(weights)) => SerialInterval::given(weights),
        _ => return Err(unfit("si", "A serial interval is a mean with an sd, or weights.")),
    };
    interval.map_err(invalid)
}

fn estimates(local: &[u64], imported: &[u64], interval: &SerialInterval) -> Result<Vec<Estimate>, Problem> {
    let estimates = rt(local, imported, interval).map_err(invalid)?.into_iter().map(|found| Estimate {
        t_start: found.t_start,
        t_end: found.t_end,
        mean: found.mean,
        sd: found.sd,
        q025: found.q025,
        q975: found.q975,
    });
    Ok(estimates.collect())
}
