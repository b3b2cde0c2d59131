//! What can be requested, and where: discovery, the list of services, the definition of one.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use http::{HeaderMap, header, uri::Authority};
use hutong_wire::v1::requests as wire;

use super::{
    Fault, Name,
    document::{Doc, Field, Format, Item},
    jurisdiction,
    params::Params,
    reply,
};
use crate::{
    RequestsService,
    contract::{datatype_name, type_name},
};

const SPECIFICATION: &str = "http://wiki.open311.org/GeoReport_v2";
const DISCOVERY: &str = "http://wiki.open311.org/ServiceDiscovery";
/// When what is served here last changed.
const CHANGESET: &str = "2026-11-23T00:00:00Z";

/// Where this city's requests are made
#[utoipa::path(get, path = "/open311/v2/discovery", tag = "open311", responses(
    (status = 200, description = "Endpoints.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 401, description = "The token is not valid.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn discovery(
    State(service): State<RequestsService>,
    format: Format,
    headers: HeaderMap,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).and_then(|host| host.parse::<Authority>().ok());
    let scheme = if text("x-forwarded-proto") == Some("https") { "https" } else { "http" };
    let url = host.map_or_else(|| "/open311/v2".to_owned(), |host| format!("{scheme}://{host}/open311/v2"));
    let formats = [Format::Xml, Format::Json].map(|format| format.media_type().to_owned());
    let endpoint = vec![
        ("specification", Field::text(SPECIFICATION)),
        ("url", Field::Text(url)),
        ("changeset", Field::text(CHANGESET)),
        ("type", Field::text("production")),
        ("formats", Field::Texts("format", formats.to_vec())),
    ];
    let doc = vec![
        ("changeset", Field::text(CHANGESET)),
        ("contact", Field::text(&service.config.contact)),
        (
            "key_service",
            Field::text("A bearer token of this city is the key: an agency's, or a person's who logged in."),
        ),
        ("endpoints", Field::List("endpoint", vec![endpoint])),
    ];
    reply(format, Ok(Doc::one("discovery", Some(DISCOVERY), doc)))
}

/// The services that can be requested
#[utoipa::path(get, path = "/open311/v2/services", tag = "open311",
    params(("jurisdiction_id" = Option<String>, Query)), responses(
    (status = 200, description = "Services.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 400, description = "A parameter is wrong.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 404, description = "Another jurisdiction.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 503, description = "The ledger does not answer.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn services(
    State(service): State<RequestsService>,
    format: Format,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let params = Params::read(query.unwrap_or_default().as_bytes())?;
        jurisdiction(&service, &params).await?;
        let view = service.view.read();
        let items = view.services().filter(|service| !service.retired).map(item).collect();
        Ok(Doc::list("services", "service", items))
    };
    reply(format, answer.await)
}

fn item(service: &wire::Service) -> Item {
    vec![
        ("service_code", Field::text(&service.code)),
        ("service_name", Field::text(&service.name)),
        ("description", Field::text(&service.description)),
        ("metadata", Field::Truth(!service.attributes.is_empty())),
        ("type", Field::text(type_name(service.r#type()))),
        ("keywords", Field::text(&service.keywords.join(","))),
        ("group", Field::text(&service.group)),
    ]
}

/// What a service asks
#[utoipa::path(get, path = "/open311/v2/services/{code}", tag = "open311",
    params(("code" = String, Path), ("jurisdiction_id" = Option<String>, Query)), responses(
    (status = 200, description = "Its attributes.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 400, description = "A parameter is wrong.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 404, description = "No such service, or another jurisdiction.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 503, description = "The ledger does not answer.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn definition(
    State(service): State<RequestsService>,
    format: Format,
    Name(code): Name,
    RawQuery(query): RawQuery,
) -> Response {
    let answer = async {
        let params = Params::read(query.unwrap_or_default().as_bytes())?;
        jurisdiction(&service, &params).await?;
        let view = service.view.read();
        let found =
            view.service(&code).ok_or_else(|| Fault::unknown("service_code: there is no such service."))?;
        let mut asked: Vec<_> = found.attributes.iter().collect();
        asked.sort_by_key(|attribute| attribute.order);
        let doc = vec![
            ("service_code", Field::text(&found.code)),
            ("attributes", Field::List("attribute", asked.into_iter().map(attribute).collect())),
        ];
        Ok(Doc::one("service_definition", None, doc))
    };
    reply(format, answer.await)
}

fn attribute(asked: &wire::Attribute) -> Item {
    let value =
        |choice: &wire::Choice| vec![("key", Field::text(&choice.key)), ("name", Field::text(&choice.name))];
    let mut item = vec![
        ("variable", Field::Truth(asked.variable)),
        ("code", Field::text(&asked.code)),
        ("datatype", Field::text(datatype_name(asked.datatype()))),
        ("required", Field::Truth(asked.required)),
        ("datatype_description", Field::text(&asked.datatype_description)),
        ("order", Field::Whole(asked.order.into())),
        ("description", Field::text(&asked.description)),
    ];
    if !asked.values.is_empty() {
        item.push(("values", Field::List("value", asked.values.iter().map(value).collect())));
    }
    item
}
