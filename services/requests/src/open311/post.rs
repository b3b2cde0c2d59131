//! Making a request. Everything is checked before anything is sealed; contact data goes to the vault of the domain's
//! owner, and only commitments go on. Nothing of it enters a log line or an answer.

use std::sync::Arc;

use axum::{
    Extension,
    body::Bytes,
    extract::{RawQuery, State, rejection::BytesRejection},
    response::Response,
};
use http::{HeaderMap, StatusCode, header};
use hutong_desk::Error;
use hutong_disclosure::Handle;
use hutong_ledger::{contract::Refusal, id::RecordKey};
use hutong_peer::vault::ToSeal;
use hutong_runtime::auth::{Authenticator, Caller};
use hutong_wire::v1::{
    disclosure,
    requests::{self as wire, action::Kind},
};

use super::{
    Fault,
    document::{Doc, Field, Format},
    jurisdiction,
    params::Params,
    point, reply,
};
use crate::{
    RequestsService, build,
    contract::{SEALED, check_open, domain, request_record},
};

const CONTACT_CHARS_MAX: usize = 512;
/// In whose name the service acts for those who are no officials.
const ACTOR: &str = "open311";

/// Make a request
///
/// A form. `attribute[code]=value` answers what the service asks, `attribute[code][]=value` where it takes several. It needs a
/// place: `lat` and `long`, `address_string` or `address_id`. `email`, `phone`, `first_name`, `last_name`, `device_id` and
/// `account_id` are sealed and never shown. A bearer token of this city is the key, also as `api_key`.
#[utoipa::path(post, path = "/open311/v2/requests", tag = "open311", operation_id = "create",
    request_body(content = String, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "It is final; its id.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 400, description = "A parameter is wrong or missing.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 401, description = "`invalid_token`: the bearer token is not one of this city's."),
    (status = 403, description = "No key, or one that may not.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 404, description = "No such service, or another jurisdiction.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 413, description = "The form is too large.", content((String = "text/xml"), (serde_json::Value = "application/json"))),
    (status = 503, description = "The ledger or the vault does not answer.", content((String = "text/xml"), (serde_json::Value = "application/json")))))]
pub(super) async fn create(
    State(service): State<RequestsService>,
    format: Format,
    caller: Caller,
    authenticator: Option<Extension<Arc<Authenticator>>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let answer = async {
        let params = form(query.as_deref(), &headers, body)?;
        let caller = match caller {
            Caller::Anonymous => by_key(authenticator.as_deref(), &params).await?,
            caller => caller,
        };
        may(&service, &caller)?;
        jurisdiction(&service, &params).await?;
        open(&service, &params, &caller).await
    };
    reply(format, answer.await)
}

/// The parameters of query and form.
fn form(
    query: Option<&str>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Params, Fault> {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.is_empty() && !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Fault::bad("The body is a form: application/x-www-form-urlencoded."));
    }
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Fault::new(StatusCode::PAYLOAD_TOO_LARGE, "The form is too large."),
        _ => Fault::bad("The form ended before its announced length."),
    })?;
    let mut params = Params::read(query.unwrap_or_default().as_bytes())?;
    params.merge(Params::read(&body)?);
    Ok(params)
}

/// Who has the key.
async fn by_key(authenticator: Option<&Arc<Authenticator>>, params: &Params) -> Result<Caller, Fault> {
    let forbidden = || Fault::new(StatusCode::FORBIDDEN, "api_key: a bearer token of this city is the key.");
    let key = params.one("api_key")?.ok_or_else(forbidden)?;
    let authenticator = authenticator.ok_or_else(forbidden)?;
    authenticator.caller(key).await.map_err(|fault| {
        Fault::new(StatusCode::FORBIDDEN, format!("api_key: it is not a token of this city: {fault}."))
    })
}

/// Persons make requests, and the service line for those who call it.
fn may(service: &RequestsService, caller: &Caller) -> Result<(), Fault> {
    let own = service.desk.agency();
    match caller {
        Caller::Person(_) => Ok(()),
        Caller::Agency { id, .. } if id == own.as_str() => Ok(()),
        Caller::Agency { id, .. } => {
            let told = format!(
                "{own} takes requests, and {id} is calling: it may submit its own transactions to /v1/transactions."
            );
            Err(Fault::new(StatusCode::FORBIDDEN, told))
        }
        Caller::Anonymous => Err(Fault::new(StatusCode::FORBIDDEN, "A request needs a key.")),
    }
}

async fn open(service: &RequestsService, params: &Params, caller: &Caller) -> Result<Doc, Fault> {
    let mut open = wire::Open { request: new_id(service)?, ..read(params)? };
    let notice = {
        let view = service.view.read();
        let offered = view.service(&open.service_code);
        let unknown = || Fault::unknown("service_code: there is no such service.");
        let offered = offered.ok_or_else(unknown)?;
        check_open(offered, &view.areas().areas, &open)?;
        offered.notice.clone()
    };
    let contact = contact(params)?;
    let subject = match caller {
        Caller::Person(person) => subject(service, person.resident_id.as_deref()).await?,
        Caller::Agency { .. } | Caller::Anonymous => None,
    };
    if !contact.is_empty() {
        let record = RecordKey { domain: domain(), record: request_record(&open.request)? };
        let subjects = subject.into_iter().collect();
        let sealed = service.desk.seal(ToSeal { record, subjects, values: contact }).await;
        open.sealed = build::sealed(sealed.map_err(failed)?);
    }
    open.subject = subject.map(|handle| Bytes::copy_from_slice(&handle)).unwrap_or_default();
    let actor = match caller {
        Caller::Agency { official: Some(official), .. } => official,
        _ => ACTOR,
    };
    let id = open.request.clone();
    service.submit(&service.desk, build::action(Kind::Open(open)), actor).await.map_err(failed)?;
    let item = vec![
        ("service_request_id", Field::Text(id)),
        ("service_notice", Field::text(&notice)),
        // It is sealed like all contact data.
        ("account_id", Field::Nothing),
    ];
    Ok(Doc::list("service_requests", "request", vec![item]))
}

/// The request without its contact data.
fn read(params: &Params) -> Result<wire::Open, Fault> {
    let text = |name: &str| Ok::<_, Fault>(params.one(name)?.unwrap_or_default().to_owned());
    let service_code = text("service_code")?;
    if service_code.is_empty() {
        return Err(Fault::bad("service_code: it is missing."));
    }
    let degrees = |name: &str| {
        let number =
            params.one(name)?.map(|text| text.parse::<f64>().ok().filter(|number| number.is_finite()));
        match number {
            Some(None) => Err(Fault::bad(format!("{name}: decimal degrees (WGS 84)."))),
            Some(number) => Ok(number),
            None => Ok(None),
        }
    };
    let point = match (degrees("lat")?, degrees("long")?) {
        (Some(lat), Some(long)) => Some(point(lat, long)?),
        (None, None) => None,
        (Some(_), None) => return Err(Fault::bad("long: lat does not go without it.")),
        (None, Some(_)) => return Err(Fault::bad("lat: long does not go without it.")),
    };
    let attributes = params.attributes()?.into_iter().map(|(code, values)| wire::AttributeAnswer {
        code: code.to_owned(),
        values: values.into_iter().map(str::to_owned).collect(),
    });
    Ok(wire::Open {
        service_code,
        description: text("description")?,
        place: Some(wire::Place {
            point,
            address: text("address_string")?,
            address_id: text("address_id")?,
            ..wire::Place::default()
        }),
        media_url: text("media_url")?,
        attributes: attributes.collect(),
        ..wire::Open::default()
    })
}

/// What is to be sealed, by field.
fn contact(params: &Params) -> Result<Vec<(String, Bytes)>, Fault> {
    let mut contact = Vec::new();
    for name in SEALED {
        let Some(value) = params.one(name)? else { continue };
        if value.chars().count() > CONTACT_CHARS_MAX || value.chars().any(char::is_control) {
            let told = format!("{name}: at most {CONTACT_CHARS_MAX} characters without control characters.");
            return Err(Fault::bad(told));
        }
        contact.push((name.to_owned(), Bytes::copy_from_slice(value.as_bytes())));
    }
    Ok(contact)
}

/// The handle of the person who logged in, registered if it is new: what they asked for shows in their own list.
async fn subject(service: &RequestsService, resident_id: Option<&str>) -> Result<Option<Handle>, Fault> {
    let Some(resident_id) = resident_id else { return Ok(None) };
    let (handle, made) = service.desk.find_person(domain(), resident_id).await.map_err(failed)?;
    if made {
        let register =
            disclosure::RegisterPerson { handle: Bytes::copy_from_slice(&handle), sealed: Vec::new() };
        let action = disclosure::Action { kind: Some(disclosure::action::Kind::RegisterPerson(register)) };
        let registered = service.submit(&service.desk, build::action(Kind::Disclosure(action)), ACTOR).await;
        match registered {
            // Another request of theirs was faster.
            Err(Error::Refused { code, .. }) if code == "person_exists" => {}
            other => drop(other.map_err(failed)?),
        }
    }
    Ok(Some(handle))
}

/// The day and 48 random bits: no two of a day are the same, and none can be guessed from another.
fn new_id(service: &RequestsService) -> Result<String, Fault> {
    let day = super::times::show(service.clock.unix_ms());
    let day: String = day.chars().take(10).filter(char::is_ascii_digit).collect();
    let random = hutong_keys::random_bytes::<6>().map_err(hutong_runtime::http::Problem::internal)?;
    Ok(format!("{day}-{}", hex::encode(random)))
}

fn failed(error: Error) -> Fault {
    match error {
        Error::Refused { code, .. } => Refusal {
            code: code.clone().into(),
            message: format!("the ledger refused it: {code}"),
            field: None,
        }
        .into(),
        Error::Rejected(rejected) if rejected.code.is_passing() => {
            Fault::new(StatusCode::SERVICE_UNAVAILABLE, "The ledger takes nothing now; try again.")
        }
        error => hutong_runtime::http::Problem::from(error).into(),
    }
}
