//! Writing, by the domain's owner: each call becomes a transaction that the owner's desk signs, and answers when it is
//! final.

use axum::extract::State;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem},
};
use hutong_wire::v1::parking::{self as wire, Audience, Fee, Purpose, SiteType};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{by_owner, refused};
use crate::{
    ParkingService, build,
    contract::{check_site, domain, site_name},
    realtime::parse_time_ms,
};

/// What is final.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    /// Of the site, operator or permit.
    uid: String,
    transaction: String,
    height: u64,
}

pub(super) type Created = (StatusCode, [(header::HeaderName, HeaderValue); 1], Json<Done>);

pub(super) async fn submit(
    service: &ParkingService,
    action: Bytes,
    caller: &str,
    uid: String,
) -> Result<Json<Done>, Problem> {
    let done = service.0.desk.submit(domain(), action, caller).await?;
    // The caller sees what it wrote.
    while service.pull().await.map_err(super::unavailable)? {}
    Ok(Json(Done { uid, transaction: done.id.to_string(), height: done.height }))
}

pub(super) fn created(kind: &str, done: Json<Done>) -> Result<Created, Problem> {
    let location =
        HeaderValue::try_from(format!("/parking/v1/{kind}/{}", done.0.uid)).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], done))
}

pub(super) fn unprocessable(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("unexpected_json", StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
}

/// A site's static data, in the names of ParkAPI.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSite {
    /// Of a site without a source.
    uid: Option<String>,
    source: Option<String>,
    source_uid: Option<String>,
    name: String,
    /// CAR unless told.
    purpose: Option<String>,
    r#type: String,
    lat: f64,
    lon: f64,
    capacity: u32,
    address: Option<String>,
    description: Option<String>,
    public_url: Option<String>,
    operator: Option<String>,
    operator_name: Option<String>,
    has_realtime_data: Option<bool>,
    /// RFC 3339.
    static_data_updated_at: String,
    /// Centimetres.
    max_height: Option<u32>,
    /// Seconds.
    max_stay: Option<u32>,
    has_fee: Option<bool>,
    opening_hours: Option<String>,
    #[serde(default)]
    restrictions: Vec<NewRestriction>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRestriction {
    r#type: String,
    #[serde(default)]
    capacity: u32,
}

impl NewSite {
    fn site(self) -> Result<wire::Site, Problem> {
        let purpose = self.purpose.as_deref().map_or(Some(Purpose::Car), Purpose::from_str_name);
        let purpose = purpose.ok_or_else(|| unprocessable("purpose", "This is no purpose of sites."))?;
        let kind = SiteType::from_str_name(&self.r#type);
        let kind = kind.ok_or_else(|| unprocessable("type", "This is no type of sites."))?;
        let time = parse_time_ms(&self.static_data_updated_at);
        let mut restrictions = Vec::new();
        for restriction in &self.restrictions {
            let audience = Audience::from_str_name(&restriction.r#type);
            let audience = audience.ok_or_else(|| unprocessable("restrictions", "A type is not known."))?;
            restrictions.push(wire::Restriction { r#type: audience.into(), capacity: restriction.capacity });
        }
        restrictions.sort_by_key(|restriction| restriction.r#type);
        let fee = self.has_fee.map_or(Fee::Unspecified, |fee| if fee { Fee::Yes } else { Fee::No });
        Ok(wire::Site {
            uid: self.uid.unwrap_or_default(),
            source: self.source.unwrap_or_default(),
            source_uid: self.source_uid.unwrap_or_default(),
            name: self.name,
            purpose: purpose.into(),
            r#type: kind.into(),
            lat_e7: e7(self.lat),
            lon_e7: e7(self.lon),
            capacity: self.capacity,
            address: self.address.unwrap_or_default(),
            has_realtime_data: self.has_realtime_data.unwrap_or_default(),
            static_data_updated_at_ms: time
                .ok_or_else(|| unprocessable("static_data_updated_at", "A time since 1970 in RFC 3339."))?,
            max_height_cm: self.max_height.unwrap_or_default(),
            max_stay_s: self.max_stay.unwrap_or_default(),
            fee: fee.into(),
            opening_hours: self.opening_hours.unwrap_or_default(),
            restrictions,
            operator: self.operator.unwrap_or_default(),
            operator_name: self.operator_name.unwrap_or_default(),
            public_url: self.public_url.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            retired_ms: 0,
        })
    }
}

/// What is no position becomes none that the rules take.
fn e7(degrees: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast that saturates is out of range")]
    let e7 = (degrees * 1e7).round() as i64;
    e7
}

/// Registers a site, or updates it
#[utoipa::path(post, path = "/parking/v1/sites", tag = "parking", request_body = NewSite, responses(
    (status = 201, description = "It is final.", body = Done),
    (status = 400, description = "The JSON cannot be taken.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 403, description = "Not the domain's owner.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "The contract refuses it.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn put_site(
    State(service): State<ParkingService>,
    RequireAgency(caller): RequireAgency,
    Json(new): Json<NewSite>,
) -> Result<Created, Problem> {
    by_owner(&service, &caller).await?;
    let site = new.site()?;
    check_site(&site).map_err(refused)?;
    let name = site_name(&site).map_err(refused)?;
    created("sites", submit(&service, build::put_site(site), &caller, name).await?)
}

/// Why something is ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// 1 to 256 bytes, without personal data.
    pub(super) reason: String,
}

/// Retires a site: it is found no longer, its history stays
#[utoipa::path(post, path = "/parking/v1/sites/{uid}/retire", tag = "parking", params(("uid" = String, Path)), request_body = Reason, responses(
    (status = 200, description = "It is final.", body = Done),
    (status = 400, description = "The JSON cannot be taken.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 403, description = "Not the domain's owner.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "The contract refuses it.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn retire_site(
    State(service): State<ParkingService>,
    RequireAgency(caller): RequireAgency,
    Path(uid): Path<String>,
    Json(Reason { reason }): Json<Reason>,
) -> Result<Json<Done>, Problem> {
    by_owner(&service, &caller).await?;
    submit(&service, build::retire_site(&uid, &reason), &caller, uid).await
}

/// An operator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewOperator {
    /// 1 to 32 of a-z, 0-9 and -.
    id: String,
    name: String,
    /// The agency that may update its sites and send their occupancy.
    agency: Option<String>,
}

/// Registers an operator, or updates it
#[utoipa::path(post, path = "/parking/v1/operators", tag = "parking", request_body = NewOperator, responses(
    (status = 201, description = "It is final.", body = Done),
    (status = 400, description = "The JSON cannot be taken.", content_type = "application/problem+json"),
    (status = 401, description = "No agency's token.", content_type = "application/problem+json"),
    (status = 403, description = "Not the domain's owner.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "The contract refuses it.", content_type = "application/problem+json"),
    (status = 503, description = "The ledger does not answer.", content_type = "application/problem+json")))]
pub(super) async fn put_operator(
    State(service): State<ParkingService>,
    RequireAgency(caller): RequireAgency,
    Json(new): Json<NewOperator>,
) -> Result<Created, Problem> {
    by_owner(&service, &caller).await?;
    crate::contract::operator_record(&new.id).map_err(refused)?;
    let action = build::register_operator(&new.id, &new.name, new.agency.as_deref().unwrap_or_default());
    created("operators", submit(&service, action, &caller, new.id).await?)
}
