//! What one agency signs alone: first registration by the register's keeper, caveats and seizures by authorities. Each
//! call becomes a transaction that the caller's desk signs, and answers when it is final.

use axum::extract::State;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use hutong_desk::Desk;
use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    auth::RequireAgency,
    http::{Json, Path, Problem},
};
use hutong_wire::v1::{
    disclosure::SealedField,
    property::{self as wire, RestrictionType, RightType, action::Kind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{record_id, time_ms};
use crate::{PropertyService, build, contract::domain, geojson};

/// What is final.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Done {
    parcel: String,
    transaction: String,
    height: u64,
}

/// The desk that signs for the caller.
fn desk<'a>(service: &'a PropertyService, caller: &RequireAgency) -> Result<&'a Desk, Problem> {
    let agency: AgencyId = caller.0.parse().map_err(Problem::internal)?;
    service.desks.get(&agency).ok_or_else(|| {
        let detail = format!(
            "This node does not sign for {agency}: sign the transaction yourself and POST it to /v1/transactions."
        );
        Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail)
    })
}

async fn submit(
    service: &PropertyService,
    caller: &RequireAgency,
    parcel: String,
    action: Bytes,
) -> Result<Json<Done>, Problem> {
    let done = desk(service, caller)?.submit(domain(), action, &caller.0).await?;
    Ok(Json(Done { parcel, transaction: done.id.to_string(), height: done.height }))
}

fn unexpected(field: &str, detail: impl Into<String>) -> Problem {
    Problem::new("unexpected_json", StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewParcel {
    /// 1 to 64 of 0-9, A-Z, a-z, - and .
    parcel: String,
    unit: NewUnit,
    holders: Vec<NewHolder>,
    /// RFC 3339; the time of registration unless told.
    valid_from: Option<String>,
    /// SHA-256 of the document that it rests on, in hex.
    source: Option<String>,
    /// Commitments that the vault gave for sealed fields, ascending by name.
    #[serde(default)]
    sealed: Vec<NewSealed>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUnit {
    place: String,
    #[serde(default)]
    r#use: String,
    /// Square metres, as a decimal text of at most eight decimals.
    area_m2: String,
    #[serde(default)]
    description: String,
    /// GB/T 37346.
    #[serde(default)]
    number: String,
    /// A GeoJSON Polygon in metres of the city's grid, with at most three decimals.
    #[schema(value_type = Option<Object>)]
    geometry: Option<Value>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHolder {
    /// ownership (unless told), land_use or servitude.
    r#type: Option<String>,
    /// Of the person in this domain, as `POST /v1/persons` gives it; 32 hex digits.
    handle: String,
    /// The agency that acts for the person; the caller unless told.
    agent: Option<String>,
    /// The whole unless told.
    share: Option<NewShare>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewShare {
    numerator: u64,
    denominator: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSealed {
    name: String,
    /// 64 hex digits.
    commitment: String,
}

impl NewParcel {
    fn action(&self, caller: &str) -> Result<Bytes, Problem> {
        let source = self.source.as_deref().map(|text| hash(text, "source")).transpose()?;
        let valid_from_ms = self.valid_from.as_deref().map(|text| time_ms(text, "valid_from")).transpose()?;
        let sealed = |field: &NewSealed| {
            let commitment = hash(&field.commitment, "sealed")?.to_vec().into();
            Ok(SealedField { name: field.name.clone(), commitment })
        };
        let register = wire::Register {
            unit: Some(self.unit.unit()?),
            holdings: self.holders.iter().map(|holder| holder.holding(caller)).collect::<Result<_, _>>()?,
            valid_from_ms: valid_from_ms.unwrap_or(0),
            sealed: self.sealed.iter().map(sealed).collect::<Result<_, Problem>>()?,
        };
        Ok(build::action(&self.parcel, 0, source, Kind::Register(register)))
    }
}

impl NewUnit {
    fn unit(&self) -> Result<wire::Unit, Problem> {
        let area = || unexpected("unit.area_m2", "Square metres as a decimal text, such as \"120.5\".");
        let polygon = self.geometry.as_ref().map(geojson::parse).transpose();
        let invalid = |error: crate::geometry::Invalid| {
            Problem::new("geometry_invalid", StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
                .field("unit.geometry")
        };
        Ok(wire::Unit {
            place: self.place.clone(),
            r#use: self.r#use.clone(),
            area_centi_mm2: area_centi_mm2(&self.area_m2).ok_or_else(area)?,
            description: self.description.clone(),
            number: self.number.clone(),
            geometry: polygon.map_err(invalid)?.map(|polygon| polygon.encode()),
        })
    }
}

impl NewHolder {
    fn holding(&self, caller: &str) -> Result<wire::Holding, Problem> {
        let mut handle = [0; 16];
        let parsed = hex::decode_to_slice(&self.handle, &mut handle);
        parsed.map_err(|_| unexpected("holders.handle", "A handle is 32 hex digits."))?;
        let agent = self.agent.as_deref().unwrap_or(caller).parse();
        let agent = agent.map_err(|_| unexpected("holders.agent", "An agent is an agency's id."))?;
        let kind = match self.r#type.as_deref() {
            None | Some("ownership") => RightType::Ownership,
            Some("land_use") => RightType::LandUse,
            Some("servitude") => RightType::Servitude,
            Some(_) => return Err(unexpected("holders.type", "ownership, land_use or servitude.")),
        };
        let share = self.share.as_ref().map_or(build::WHOLE, |s| build::share(s.numerator, s.denominator));
        let party = Some(build::party(handle, &agent));
        Ok(wire::Holding { r#type: kind.into(), party, share: Some(share) })
    }
}

fn hash(text: &str, field: &str) -> Result<[u8; 32], Problem> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).map_err(|_| unexpected(field, "A hash is 64 hex digits."))?;
    Ok(hash)
}

/// A decimal text of square metres, exactly.
fn area_centi_mm2(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(decimals) || decimals.len() > 8 {
        return None;
    }
    let fraction: u64 = format!("{decimals:0<8}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(100_000_000)?.checked_add(fraction)
}

/// First registration, by the register's keeper
#[utoipa::path(post, path = "/property/v1/parcels", tag = "property", request_body = NewParcel, responses(
    (status = 201, description = "It is registered and final.", body = Done,
        headers(("Location" = String, description = "Of the parcel."))),
    (status = 400, description = "The body or a time is malformed.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "This node does not sign for the caller.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "Not of this form, or the contract refuses: its code says why.", content_type = "application/problem+json"),
    (status = 503, description = "Not final in time.", content_type = "application/problem+json")))]
pub(super) async fn register(
    State(service): State<PropertyService>,
    caller: RequireAgency,
    Json(new): Json<NewParcel>,
) -> Result<(StatusCode, [(header::HeaderName, HeaderValue); 1], Json<Done>), Problem> {
    desk(&service, &caller)?;
    let action = new.action(&caller.0)?;
    let done = submit(&service, &caller, new.parcel, action).await?;
    let location = format!("/property/v1/parcels/{}", done.0.parcel);
    let location = HeaderValue::try_from(location).map_err(Problem::internal)?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], done))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRestriction {
    /// caveat or seizure
    r#type: String,
    /// The case, in 1 to 64 bytes.
    reference: String,
}

/// A caveat or seizure, by an authority
#[utoipa::path(post, path = "/property/v1/parcels/{id}/restrictions", tag = "property", params(("id" = String, Path)),
    request_body = NewRestriction, responses(
    (status = 200, description = "It stands and is final.", body = Done),
    (status = 400, description = "The id or the body is malformed.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "This node does not sign for the caller.", content_type = "application/problem+json"),
    (status = 413, description = "The body is too large.", content_type = "application/problem+json"),
    (status = 415, description = "The body is no JSON.", content_type = "application/problem+json"),
    (status = 422, description = "Not of this form, or the contract refuses: its code says why.", content_type = "application/problem+json"),
    (status = 503, description = "Not final in time.", content_type = "application/problem+json")))]
pub(super) async fn restrict(
    State(service): State<PropertyService>,
    caller: RequireAgency,
    Path(id): Path<String>,
    Json(new): Json<NewRestriction>,
) -> Result<Json<Done>, Problem> {
    record_id(&id)?;
    let kind = match new.r#type.as_str() {
        "caveat" => RestrictionType::Caveat,
        "seizure" => RestrictionType::Seizure,
        _ => return Err(unexpected("type", "A restriction is a caveat or a seizure.")),
    };
    let restrict = Kind::Restrict(wire::Restrict { r#type: kind.into(), reference: new.reference });
    let action = build::action(&id, 0, None, restrict);
    submit(&service, &caller, id, action).await
}

/// Lifts a restriction, by the agency that placed it
#[utoipa::path(post, path = "/property/v1/parcels/{id}/restrictions/{number}/lift", tag = "property",
    params(("id" = String, Path), ("number" = u32, Path)), responses(
    (status = 200, description = "It is lifted and final.", body = Done),
    (status = 400, description = "The id is malformed.", content_type = "application/problem+json"),
    (status = 401, description = "A token of an agency is required.", content_type = "application/problem+json"),
    (status = 403, description = "This node does not sign for the caller.", content_type = "application/problem+json"),
    (status = 422, description = "The contract refuses: its code says why.", content_type = "application/problem+json"),
    (status = 503, description = "Not final in time.", content_type = "application/problem+json")))]
pub(super) async fn lift(
    State(service): State<PropertyService>,
    caller: RequireAgency,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Json<Done>, Problem> {
    record_id(&id)?;
    let action = build::action(&id, 0, None, Kind::Lift(wire::Lift { restriction: number }));
    submit(&service, &caller, id, action).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_exact() {
        assert_eq!(area_centi_mm2("2951.5295808"), Some(31_770 * 9_290_304));
        assert_eq!(area_centi_mm2("0.00000001"), Some(1));
        assert_eq!(area_centi_mm2("7"), Some(700_000_000));
        for none in ["", ".", ".5", "-1", "1e3", "1.123456789", "99999999999999999999", "184467440738", "1,5"]
        {
            assert_eq!(area_centi_mm2(none), None, "{none}");
        }
    }
}
