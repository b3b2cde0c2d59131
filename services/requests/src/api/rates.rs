//! The three rates by agency and period, with the fractions that they come from.

use axum::extract::State;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem, Query},
};
use hutong_wire::v1::requests as wire;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;

use super::malformed;
use crate::{
    RequestsService,
    rates::{Rate, Tally},
};

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Period {
    /// Dispatched then or later: Unix milliseconds.
    from: Option<u64>,
    /// Dispatched then or earlier: Unix milliseconds.
    to: Option<u64>,
    /// Of this lead alone.
    agency: Option<String>,
}

/// Response, resolution and satisfaction by lead
///
/// Response is citizens contacted in time ÷ requests dispatched; resolution and satisfaction are yes ÷ valid call-backs.
/// Rates are exact fractions; `percent` is rounded to two decimals. A rate of nothing is null.
#[utoipa::path(get, path = "/requests/v1/rates", tag = "requests", params(Period), responses(
    (status = 200, body = Value),
    (status = 400, description = "`malformed_query`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`agency_required`")))]
pub(super) async fn rates(
    State(service): State<RequestsService>,
    _: RequireAgency,
    Query(period): Query<Period>,
) -> Result<Json<Value>, Problem> {
    let (from_ms, to_ms) = (period.from.unwrap_or(0), period.to.unwrap_or(u64::MAX));
    if from_ms > to_ms {
        return Err(malformed("to", "A period ends after it begins."));
    }
    let view = service.view.read();
    let weights = view.weights();
    let tallies = view.tallies(period.agency.as_deref(), from_ms, to_ms);
    let rows = tallies.iter().map(|(agency, tally)| {
        let mut row = row(tally, &weights);
        row["agency"] = (&**agency).into();
        row
    });
    Ok(Json(json!({
        "from": period.from,
        "to": period.to,
        "weights": crate::contract::render_weights(&weights),
        "agencies": rows.collect::<Vec<_>>(),
    })))
}

fn row(tally: &Tally, weights: &wire::Weights) -> Value {
    let rate = |rate: Option<Rate>| {
        // Counts of requests are within what JSON numbers hold; the weighted mean may need texts.
        rate.map(|rate| {
            json!({
                "numerator": rate.numerator.to_string(),
                "denominator": rate.denominator.to_string(),
                "percent": rate.percent(),
            })
        })
    };
    json!({
        "dispatched": tally.dispatched,
        "contacted_in_time": tally.in_time,
        "valid_call_backs": tally.valid,
        "resolved": tally.resolved,
        "satisfied": tally.satisfied,
        "response": rate(tally.response()),
        "resolution": rate(tally.resolution()),
        "satisfaction": rate(tally.satisfaction()),
        "weighted": rate(tally.weighted(weights)),
    })
}
