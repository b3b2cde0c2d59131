//! `POST /parking/v1/realtime`: occupancy, by the domain's owner and by the agencies of operators for their own sites.

use std::collections::HashMap;

use axum::extract::State;
use http::StatusCode;
use hutong_ledger::contract::Refusal;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Problem},
};
use hutong_wire::{prost::Message, v1::parking as wire};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{not_the_owner, refused, unavailable};
use crate::{
    ParkingService,
    contract::operator_record,
    realtime::{Sent, Update},
};

/// The most updates of one call.
const UPDATES_MAX: usize = 1000;

/// A list of updates, or one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Updates {
    Many(Vec<Sent>),
    One(Box<Sent>),
}

/// What became of the updates.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Answer {
    pub(super) accepted: usize,
    pub(super) refused: Vec<Refused>,
}

/// An update that was refused; the others were not.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Refused {
    /// Its place in the list, from 0.
    index: usize,
    code: String,
    detail: String,
    field: Option<String>,
}

/// Occupancy of sites, up to 1,000 updates
///
/// Each update counts by itself. One that says what is known already is accepted and changes nothing. If all are
/// refused, the answer is the problem of the first, with all in its `refused`.
#[utoipa::path(post, path = "/parking/v1/realtime", tag = "parking", request_body = Vec<Sent>, responses(
    (status = 200, description = "At least one was accepted.", body = Answer),
    (status = 400, description = "The JSON cannot be taken.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 403, description = "Not the owner, nor the agency of the site's operator.", content_type = "application/problem+json"),
    (status = 404, description = "No such site.", content_type = "application/problem+json"),
    (status = 409, description = "Newer data are known.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "An update is wrong.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn realtime(
    State(service): State<ParkingService>,
    RequireAgency(caller): RequireAgency,
    Json(updates): Json<Updates>,
) -> Result<Json<Answer>, Problem> {
    let sent = match updates {
        Updates::Many(sent) => sent,
        Updates::One(sent) => vec![*sent],
    };
    if !(1..=UPDATES_MAX).contains(&sent.len()) {
        let detail = format!("A call has 1 to {UPDATES_MAX} updates.");
        return Err(Problem::new("too_many_items", StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    let owner = service.owner().await.map_err(unavailable)?;
    if service.0.desk.agency() != owner {
        return Err(not_the_owner(&owner));
    }
    let is_owner = caller == owner.as_str();
    let mut operators = HashMap::new();
    let mut answers: Vec<Option<Result<(), Refusal>>> = Vec::with_capacity(sent.len());
    let mut good = Vec::new();
    for sent in &sent {
        let update = match Update::of(sent) {
            Ok(update) => update,
            Err(refusal) => {
                answers.push(Some(Err(refusal)));
                continue;
            }
        };
        // This also lets the view catch up with a site that was registered a moment ago.
        let site = service.site(&update.site).await.map_err(unavailable)?;
        let operator = site.map(|standing| standing.site.operator.clone()).unwrap_or_default();
        if !is_owner && agency_of(&service, &mut operators, operator).await?.as_ref() != Some(&caller) {
            let message = format!("{caller} does not act for the operator of {}", update.site);
            answers.push(Some(Err(Refusal::new("not_the_owner", message).at("uid"))));
            continue;
        }
        answers.push(None);
        good.push(update);
    }
    let taken = service.take(good).await.map_err(Problem::internal)?;
    let mut taken = taken.into_iter();
    let answers = answers.into_iter().map(|answer| answer.or_else(|| taken.next()).unwrap_or(Ok(())));
    answer(answers.collect())
}

fn answer(answers: Vec<Result<(), Refusal>>) -> Result<Json<Answer>, Problem> {
    let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
    let first = answers.iter().find_map(|answer| answer.clone().err());
    let refusals = answers.into_iter().enumerate().filter_map(|(index, answer)| Some((index, answer.err()?)));
    let refused_ones: Vec<Refused> = refusals
        .map(|(index, refusal)| Refused {
            index,
            code: refusal.code.into_owned(),
            detail: refusal.message,
            field: refusal.field,
        })
        .collect();
    match first {
        Some(first) if accepted == 0 => Err(refused(first).with("refused", refused_ones)),
        _ => Ok(Json(Answer { accepted, refused: refused_ones })),
    }
}

/// The agency that acts for an operator.
async fn agency_of(
    service: &ParkingService,
    known: &mut HashMap<String, Option<String>>,
    operator: String,
) -> Result<Option<String>, Problem> {
    if let Some(agency) = known.get(&operator) {
        return Ok(agency.clone());
    }
    let agency = match operator_record(&operator) {
        Err(_) => None,
        Ok(record) => {
            let stored = service.record(record, None).await.map_err(unavailable)?;
            let value = stored.and_then(|stored| stored.value);
            let operator = value.and_then(|value| wire::Operator::decode(value).ok());
            operator.map(|operator| operator.agency).filter(|agency| !agency.is_empty())
        }
    };
    known.insert(operator, agency.clone());
    Ok(agency)
}
