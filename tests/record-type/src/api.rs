//! The routes of `/allotments/v1`: plots for everyone, letting for the domain's owner.

use axum::{
    Router,
    extract::State,
    routing::{get, post},
};
use bytes::Bytes;
use http::StatusCode;
use hutong_desk::Desk;
use hutong_ledger::{contract::Contract as _, id::RecordKey};
use hutong_peer::vault::ToSeal;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::v1::disclosure::{self, RegisterPerson, SealedField};
use prost::Message;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use crate::{
    Allotments,
    contract::plot_record,
    domain,
    wire::{Action, Let, Open, action::Kind},
};

/// Plots on one page.
const PAGE: usize = 100;

#[derive(OpenApi)]
#[openapi(paths(plots, plot, open, let_out))]
struct Document;

pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// All state is the ledger's: a domain that is only listed by name needs no view of its own.
pub fn routes(desk: Desk) -> Router {
    Router::new()
        .route("/allotments/v1/plots", get(plots).post(open))
        .route("/allotments/v1/plots/{id}", get(plot))
        .route("/allotments/v1/plots/{id}/tenant", post(let_out))
        .with_state(desk)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Paging {
    after: Option<String>,
}

/// Plots in order of id
#[utoipa::path(get, path = "/allotments/v1/plots", tag = "allotments",
    params(("after" = Option<String>, Query, description = "The last id of the page before.")),
    responses((status = 200, description = "{items, next}"), (status = 422, description = "No plot has such an id.")))]
async fn plots(State(desk): State<Desk>, Query(paging): Query<Paging>) -> Result<Json<Value>, Problem> {
    let after = paging.after.map(|id| plot_record(&id)).transpose().map_err(refused)?;
    let page = desk.storage().scan(domain(), "plot/".into(), after, PAGE).await.map_err(unavailable)?;
    let next = (page.len() == PAGE).then(|| page.last().map(|(record, _)| id_of(record.as_str())));
    let items =
        page.iter().filter_map(|(record, stored)| Some(shown(record.as_str(), stored.value.as_ref()?)));
    Ok(Json(json!({ "items": items.collect::<Vec<_>>(), "next": next })))
}

/// A plot
#[utoipa::path(get, path = "/allotments/v1/plots/{id}", tag = "allotments", params(("id" = String, Path)),
    responses((status = 200, description = "{id, area_m2, until_ms, sealed}"), (status = 404, description = "There is none."),
        (status = 422, description = "No plot has such an id.")))]
async fn plot(State(desk): State<Desk>, Path(id): Path<String>) -> Result<Json<Value>, Problem> {
    let key = RecordKey { domain: domain(), record: plot_record(&id).map_err(refused)? };
    let stored = desk.storage().record(key, None).await.map_err(unavailable)?;
    let value = stored.and_then(|stored| stored.value);
    let unknown = || Problem::new("plot_unknown", StatusCode::NOT_FOUND, format!("There is no plot {id}."));
    Ok(Json(shown(&format!("plot/{id}"), &value.ok_or_else(unknown)?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPlot {
    id: String,
    area_m2: u32,
}

/// Opens a plot
#[utoipa::path(post, path = "/allotments/v1/plots", tag = "allotments", request_body = NewPlot,
    responses((status = 200, description = "It is final: {transaction}."), (status = 401, description = "No agency's token."),
        (status = 403, description = "Not the domain's owner."), (status = 422, description = "The contract refuses it.")))]
async fn open(
    State(desk): State<Desk>,
    RequireAgency(caller): RequireAgency,
    Json(new): Json<NewPlot>,
) -> Result<Json<Value>, Problem> {
    by_owner(&desk, &caller)?;
    submit(&desk, Kind::Open(Open { id: new.id, area_m2: new.area_m2 }), &caller).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    /// GB 11643. It goes to the vault, which gives the person's handle for it, and nowhere else.
    resident_id: String,
    name: String,
    phone: String,
    until_ms: u64,
}

/// Lets a plot
#[utoipa::path(post, path = "/allotments/v1/plots/{id}/tenant", tag = "allotments", params(("id" = String, Path)),
    request_body = NewTenant,
    responses((status = 200, description = "It is final: {transaction}."), (status = 401, description = "No agency's token."),
        (status = 403, description = "Not the domain's owner, or the vault refuses."),
        (status = 422, description = "The contract refuses it.")))]
async fn let_out(
    State(desk): State<Desk>,
    RequireAgency(caller): RequireAgency,
    Path(id): Path<String>,
    Json(new): Json<NewTenant>,
) -> Result<Json<Value>, Problem> {
    by_owner(&desk, &caller)?;
    let record = plot_record(&id).map_err(refused)?;
    let (handle, is_new) = desk.find_person(domain(), &new.resident_id).await?;
    if is_new {
        let person = RegisterPerson { handle: Bytes::copy_from_slice(&handle), sealed: Vec::new() };
        let person = disclosure::action::Kind::RegisterPerson(person);
        submit(&desk, Kind::Disclosure(disclosure::Action { kind: Some(person) }), &caller).await?;
    }
    let values = vec![("name".into(), Bytes::from(new.name)), ("phone".into(), Bytes::from(new.phone))];
    let record = RecordKey { domain: domain(), record };
    let mut sealed = desk.seal(ToSeal { record, subjects: vec![handle], values }).await?;
    sealed.sort();
    let sealed = sealed
        .into_iter()
        .map(|(name, commitment)| SealedField { name, commitment: Bytes::copy_from_slice(&commitment.0) });
    let tenant = Bytes::copy_from_slice(&handle);
    submit(&desk, Kind::Let(Let { id, tenant, until_ms: new.until_ms, sealed: sealed.collect() }), &caller)
        .await
}

/// Signs, submits, and answers when it is final. A contract's refusal comes back as its code.
async fn submit(desk: &Desk, kind: Kind, actor: &str) -> Result<Json<Value>, Problem> {
    let done = desk.submit(domain(), Action { kind: Some(kind) }.encode_to_vec().into(), actor).await?;
    Ok(Json(json!({ "transaction": done.id })))
}

fn by_owner(desk: &Desk, caller: &str) -> Result<(), Problem> {
    if desk.agency().as_str() == caller {
        return Ok(());
    }
    Err(Problem::new("not_the_owner", StatusCode::FORBIDDEN, "The owner of allotments does this."))
}

fn shown(record: &str, value: &[u8]) -> Value {
    let key = format!("plot/{}", id_of(record)).parse();
    let mut shown = key.ok().and_then(|key| Allotments.render(&key, value)).unwrap_or_default();
    shown["id"] = id_of(record).into();
    shown
}

fn id_of(record: &str) -> &str {
    record.strip_prefix("plot/").unwrap_or(record)
}

fn refused(refusal: hutong_ledger::contract::Refusal) -> Problem {
    Problem::new(refusal.code, StatusCode::UNPROCESSABLE_ENTITY, refusal.message)
}

fn unavailable(error: hutong_peer::Error) -> Problem {
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, error.to_string()).retry_after_s(1)
}
