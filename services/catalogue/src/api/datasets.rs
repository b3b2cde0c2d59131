//! Datasets: the whole catalogue in DCAT, the search, one of them, publishing and withdrawing.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hutong_ledger::{
    contract::Refusal,
    epoch::Epoch,
    id::{AgencyId, RecordId},
};
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem, Query},
};
use hutong_wire::{
    prost::Message,
    v1::catalogue::{self as wire, SharingClass},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{
    Items,
    answer::{self, Form},
    dcat, desk, find,
    iri::Base,
    malformed, named, next_page, page, query, records, refused, shown, standing, unavailable,
};
use crate::{
    CatalogueService, DOMAIN, build,
    contract::{DATASETS, check_dataset, dataset_record, render_dataset},
    view::Key,
};

/// Records read at a time for the whole catalogue.
const SCAN: usize = 500;

/// All datasets in DCAT-AP 3
///
/// A `dcat:Catalog` as JSON-LD with its datasets, their distributions and the APIs that serve them. Addresses are those
/// of the host that was asked. No token is needed.
#[utoipa::path(get, path = "/catalogue/catalog.jsonld", tag = "catalogue", responses(
    (status = 200, description = "The catalogue.", body = Value, content_type = "application/ld+json"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn catalogue(
    State(service): State<CatalogueService>,
    base: Base,
) -> Result<Response, Problem> {
    let epoch = standing(&service).await?.epoch;
    let mut datasets: Vec<wire::Dataset> = Vec::new();
    let mut after: Option<RecordId> = None;
    loop {
        let scan = service.storage.scan(DOMAIN, DATASETS.to_owned(), after, SCAN);
        let scanned = scan.await.map_err(unavailable)?;
        for (_, stored) in &scanned {
            datasets.extend(decode(stored).ok().filter(|dataset| dataset.withdrawn_ms == 0));
        }
        match scanned.last() {
            Some((last, _)) if scanned.len() == SCAN => after = Some(last.clone()),
            _ => break,
        }
    }
    let body = dcat::catalogue(&base, &service.config, &epoch, &datasets);
    Ok(answer::document(Form::Linked, &body))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// The domain that it belongs to.
    domain: Option<String>,
    /// Its record type.
    record_type: Option<String>,
    /// unconditional, conditional or not_shared.
    class: Option<String>,
    /// Words of its id, title, description, keywords or fields; all of them, or their beginnings.
    q: Option<String>,
    /// The last id of the page before.
    after: Option<String>,
    /// 1 to 200; 50 unless told.
    limit: Option<usize>,
}

/// One page of datasets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Datasets {
    datasets: Vec<Value>,
    /// Address of the next page, if there is one.
    next: Option<String>,
}

/// Search the datasets, in order of id
#[utoipa::path(get, path = "/catalogue/datasets", tag = "catalogue", params(Search), responses(
    (status = 200, description = "A page; as JSON-LD it is a graph, with the next page in the Link header.",
        content((Datasets = "application/json"), (Value = "application/ld+json"))),
    (status = 400, description = "`malformed_query`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn list(
    State(service): State<CatalogueService>,
    base: Base,
    headers: HeaderMap,
    Query(search): Query<Search>,
) -> Result<Response, Problem> {
    let mut query = query(search.after.as_deref(), search.limit, search.q.as_deref())?;
    query.and(search.domain.clone().map(Key::Domain));
    query.and(search.record_type.clone().map(Key::RecordType));
    let class = search.class.as_deref().map(|name| class(name).ok_or_else(|| malformed("class", CLASSES)));
    query.and(class.transpose()?.map(|class| Key::Class(class.into())));
    let found = service.datasets(&query);
    let epoch = standing(&service).await?.epoch;
    let mut items = Items::default();
    for stored in records(&service, &found, dataset_record).await? {
        let dataset = decode(&stored)?;
        items.linked.push(dcat::node(&base, &epoch, &dataset));
        items.plain.push(shown(render_dataset(&dataset), &stored));
    }
    let filters = [
        ("domain", search.domain.as_deref()),
        ("record_type", search.record_type.as_deref()),
        ("class", search.class.as_deref()),
        ("q", search.q.as_deref()),
    ];
    let next = next_page("/catalogue/datasets", &filters, &found, query.limit);
    Ok(page(&headers, "datasets", dcat::context(&base), items, next))
}

/// A dataset as it stands
///
/// JSON-LD in DCAT, or plain JSON for who accepts `application/json`. One that was withdrawn says when.
#[utoipa::path(get, path = "/catalogue/datasets/{id}", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, description = "The dataset.", content((Value = "application/ld+json"), (Value = "application/json"))),
    (status = 304, description = "It is what If-None-Match names."),
    (status = 400, description = "`malformed_path`"),
    (status = 404, description = "`dataset_unknown`"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn one(
    State(service): State<CatalogueService>,
    base: Base,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let stored = known(&service, &id).await?;
    let dataset = decode(&stored)?;
    // Who publishes it, the epoch says.
    let epoch = standing(&service).await?.epoch;
    let form = Form::wanted(&headers, Form::Linked);
    let (state, body) = match form {
        Form::Linked => {
            (format!("{}.{}", stored.version, epoch.number), dcat::dataset(&base, &epoch, &dataset))
        }
        Form::Plain => (stored.version.to_string(), shown(render_dataset(&dataset), &stored)),
    };
    Ok(answer::resource(&headers, form, &state, &body))
}

/// What a domain holds of one record type.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewDataset {
    /// 1 to 64 of a-z, 0-9 and -
    id: String,
    domain: String,
    record_type: String,
    title: String,
    description: String,
    fields: Vec<NewField>,
    /// unconditional, conditional or not_shared.
    sharing: String,
    #[serde(default)]
    keywords: Vec<String>,
    /// IRI of the EU data theme or a like vocabulary.
    #[serde(default)]
    theme: String,
    /// The path of the API that serves it.
    endpoint: String,
    /// Of what the endpoint answers; application/json if empty.
    #[serde(default)]
    media_type: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewField {
    name: String,
    #[serde(default)]
    sealed: bool,
    #[serde(default)]
    description: String,
}

const CLASSES: &str = "A sharing class is unconditional, conditional or not_shared.";

impl TryFrom<NewDataset> for wire::Dataset {
    type Error = Refusal;

    fn try_from(new: NewDataset) -> Result<Self, Refusal> {
        let unknown = || Refusal::new("dataset_invalid", CLASSES).at("sharing");
        let sharing = class(&new.sharing).ok_or_else(unknown)?.into();
        let field = |NewField { name, sealed, description }| wire::Field { name, sealed, description };
        let dataset = Self {
            id: new.id,
            domain: new.domain,
            record_type: new.record_type,
            title: new.title,
            description: new.description,
            fields: new.fields.into_iter().map(field).collect(),
            sharing,
            keywords: new.keywords,
            theme: new.theme,
            endpoint: new.endpoint,
            media_type: new.media_type,
            ..Self::default()
        };
        check_dataset(&dataset)?;
        Ok(dataset)
    }
}

/// Publish a dataset, or replace it
///
/// For the owner of the domain, on a node that signs for it; others submit their own signed transaction.
#[utoipa::path(post, path = "/catalogue/datasets", tag = "catalogue", request_body = NewDataset, responses(
    (status = 200, description = "It was there and is replaced.", body = Value),
    (status = 201, description = "It is new.", body = Value, headers(("location" = String, description = "Its path."))),
    (status = 400, description = "`malformed_json`, `not_utf8`, `truncated_body`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`"),
    (status = 413, description = "`body_too_large`"),
    (status = 415, description = "`unsupported_media_type`"),
    (status = 422, description = "`unexpected_json`, `dataset_invalid`, `dataset_taken`, `unknown_domain`, or another refusal of the contract"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn publish(
    State(service): State<CatalogueService>,
    caller: RequireAgency,
    Json(new): Json<NewDataset>,
) -> Result<Response, Problem> {
    let desk = desk(&service, &caller)?;
    let dataset = wire::Dataset::try_from(new).map_err(refused)?;
    owned(&standing(&service).await?.epoch, &dataset.domain, desk.agency())?;
    let id = dataset.id.clone();
    let done = desk.submit(DOMAIN, build::publish(dataset), "").await?;
    let stored = known(&service, &id).await?;
    let dataset = decode(&stored)?;
    let status = if dataset.issued_ms == done.time_ms { StatusCode::CREATED } else { StatusCode::OK };
    let mut response = (status, Json(shown(render_dataset(&dataset), &stored))).into_response();
    if let Ok(path) = HeaderValue::try_from(format!("/catalogue/datasets/{id}")) {
        response.headers_mut().insert(header::LOCATION, path);
    }
    Ok(response)
}

/// Withdraw a dataset
///
/// It stays readable by its id and in its history, and leaves the catalogue. Publishing it again brings it back.
#[utoipa::path(post, path = "/catalogue/datasets/{id}/withdraw", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, description = "It is withdrawn.", body = Value),
    (status = 400, description = "`malformed_path`"),
    (status = 401, description = "`authentication_required`, `invalid_token`"),
    (status = 403, description = "`not_the_owner`"),
    (status = 404, description = "`dataset_unknown`"),
    (status = 422, description = "`dataset_withdrawn`, or another refusal of the contract"),
    (status = 503, description = "`unavailable`")))]
pub(super) async fn withdraw(
    State(service): State<CatalogueService>,
    caller: RequireAgency,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let desk = desk(&service, &caller)?;
    let dataset = decode(&known(&service, &id).await?)?;
    owned(&standing(&service).await?.epoch, &dataset.domain, desk.agency())?;
    desk.submit(DOMAIN, build::withdraw(&id), "").await?;
    let stored = known(&service, &id).await?;
    Ok(Json(shown(render_dataset(&decode(&stored)?), &stored)))
}

/// Spares the ledger an entry that would only say no; the contract decides all the same.
fn owned(epoch: &Epoch, domain: &str, agency: AgencyId) -> Result<(), Problem> {
    let rules = domain.parse().ok().and_then(|domain| epoch.rules(domain));
    let unknown = || {
        let detail = format!("The epoch in force has no domain {domain:?}.");
        Problem::new("unknown_domain", StatusCode::UNPROCESSABLE_ENTITY, detail).field("domain")
    };
    let owner = rules.ok_or_else(unknown)?.owner;
    if owner == agency {
        return Ok(());
    }
    let detail = format!("{domain} belongs to {owner}, and {agency} is asking.");
    Err(Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail).field("domain"))
}

fn class(name: &str) -> Option<SharingClass> {
    let classes = [SharingClass::Unconditional, SharingClass::Conditional, SharingClass::NotShared];
    classes.into_iter().find(|class| crate::contract::class_name(*class) == name)
}

fn decode(stored: &StoredRecord) -> Result<wire::Dataset, Problem> {
    wire::Dataset::decode(stored.value.as_deref().unwrap_or_default()).map_err(Problem::internal)
}

async fn known(service: &CatalogueService, id: &str) -> Result<StoredRecord, Problem> {
    find(service, named(dataset_record(id))?).await?.ok_or_else(|| {
        Problem::new("dataset_unknown", StatusCode::NOT_FOUND, format!("No dataset {id} was ever published."))
    })
}
