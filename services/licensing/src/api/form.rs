//! What the routes take, checked before anything is signed, and how they show what is final.

use http::StatusCode;
use hutong_disclosure::ResidentId;
use hutong_ledger::contract::Refusal;
use hutong_peer::StoredRecord;
use hutong_runtime::{
    auth::{Caller, RequireAgency},
    http::Problem,
};
use hutong_wire::{prost::Message, v1::licensing as wire};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use crate::{
    LicensingService,
    contract::{business_record, render_licence, standing, standing_name},
    credential::{Claims, sd_jwt::InvalidClaims},
    moment::Moment,
};

pub(super) const PAGE_MAX: usize = 200;
pub(super) const PAGE: usize = 50;

/// A licence to be issued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewLicence {
    pub(super) business: NewBusiness,
    /// What it allows; 1 to 128 bytes.
    pub(super) kind: String,
    #[schema(value_type = Value)]
    pub(super) valid_from: Moment,
    /// A day belongs to it.
    #[schema(value_type = Value)]
    pub(super) valid_until: Moment,
    /// What the credential says; each claim can be shown alone. Sealed.
    #[serde(default)]
    #[schema(value_type = Value)]
    pub(super) claims: Map<String, Value>,
    /// {jwk}: the holder's Ed25519 key, if the credential is to be bound to it.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub(super) cnf: Option<Value>,
    /// Resident id of the person whom the claims are about; it goes to the vault alone.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) resident_id: Option<Hidden>,
}

/// Registered if it is unknown; otherwise the register's name stands.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBusiness {
    /// Unified social credit code (GB 32100).
    pub(super) uscc: String,
    pub(super) name: String,
}

/// A text that shows itself in no log.
#[derive(Clone, Deserialize)]
pub(super) struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    /// 1 to 256 bytes, without personal data: it stays on the ledger.
    pub(super) reason: String,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {
    /// Later than before; a day belongs to it.
    #[schema(value_type = Value)]
    pub(super) valid_until: Moment,
    /// Other claims than before; those before if absent.
    #[schema(value_type = Option<Value>)]
    pub(super) claims: Option<Map<String, Value>>,
    /// With other claims: the holder's key.
    #[schema(value_type = Option<Value>)]
    pub(super) cnf: Option<Value>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    /// Code of the business.
    pub(super) uscc: Option<String>,
    /// What it allows, exactly.
    pub(super) kind: Option<String>,
    /// applied, not_yet_valid, valid, suspended, revoked or expired, as of now.
    pub(super) status: Option<String>,
    /// The last number of the page before.
    pub(super) after: Option<String>,
    /// 1 to 200; 50 unless told.
    pub(super) limit: Option<usize>,
}

/// One page of licences.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Page {
    pub(super) licences: Vec<Value>,
    /// Address of the next page, if there is one.
    pub(super) next: Option<String>,
}

fn wrong(code: &'static str, field: &str, detail: impl Into<String>) -> Problem {
    Problem::new(code, StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
}

/// What the contract would say no to, said before anything is sealed or signed.
pub(super) fn refused(refusal: Refusal) -> Problem {
    let problem = Problem::new(refusal.code, StatusCode::UNPROCESSABLE_ENTITY, refusal.message);
    match refusal.field {
        Some(field) => problem.field(&field),
        None => problem,
    }
}

pub(super) fn claims(claims: &Map<String, Value>, cnf: Option<Value>) -> Result<Claims, Problem> {
    Claims::new(claims, cnf).map_err(|invalid| match invalid {
        InvalidClaims::NoRandomness => Problem::internal(invalid),
        InvalidClaims::HolderKey => wrong("claims_invalid", "cnf", invalid.to_string()),
        InvalidClaims::TooMany | InvalidClaims::Reserved(_) => {
            wrong("claims_invalid", "claims", invalid.to_string())
        }
    })
}

pub(super) fn until(moment: &Moment) -> Result<u64, Problem> {
    moment.end_ms().ok_or_else(|| no_moment("valid_until"))
}

fn no_moment(field: &str) -> Problem {
    wrong(
        "period_invalid",
        field,
        "A day (2026-01-31), a date with its time, or Unix seconds or milliseconds.",
    )
}

impl NewLicence {
    /// What is applied for, under a new number.
    pub(super) fn terms(&self, now_ms: u64) -> Result<wire::Terms, Problem> {
        business_record(&self.business.uscc).map_err(refused)?;
        let valid_from_ms = self.valid_from.begin_ms().ok_or_else(|| no_moment("valid_from"))?;
        let valid_until_ms = until(&self.valid_until)?;
        if valid_until_ms <= valid_from_ms || valid_until_ms <= now_ms {
            return Err(wrong(
                "period_invalid",
                "valid_until",
                "It ends after it begins, and is not over yet.",
            ));
        }
        let number = hutong_keys::random_bytes::<10>().map_err(Problem::internal)?;
        Ok(wire::Terms {
            id: hex::encode(number),
            uscc: self.business.uscc.clone(),
            name: self.business.name.clone(),
            kind: self.kind.clone(),
            valid_from_ms,
            valid_until_ms,
        })
    }

    pub(super) fn resident_id(&self) -> Result<Option<ResidentId>, Problem> {
        let Some(Hidden(text)) = &self.resident_id else { return Ok(None) };
        let parsed =
            text.parse().map_err(|error| wrong("resident_id_invalid", "resident_id", format!("{error}.")));
        parsed.map(Some)
    }
}

/// The pseudonym of who acts, if the caller is the agency that this node signs for.
pub(super) fn official(
    service: &LicensingService,
    agency: &RequireAgency,
    caller: &Caller,
) -> Result<String, Problem> {
    let own = service.desk.agency();
    if agency.0 != own.as_str() {
        let detail = format!(
            "This node signs for {own} and not for {}: sign the transaction yourself and POST it to /v1/transactions.",
            agency.0
        );
        return Err(Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail));
    }
    match caller {
        Caller::Agency { official, .. } => Ok(official.clone().unwrap_or_default()),
        Caller::Person(_) | Caller::Anonymous => Ok(String::new()),
    }
}

/// A licence with where it comes from, and how it stands now.
pub(super) fn shown(stored: &StoredRecord, now_ms: u64) -> Result<Value, Problem> {
    let licence =
        wire::Licence::decode(stored.value.as_deref().unwrap_or_default()).map_err(Problem::internal)?;
    let mut shown = render_licence(&licence);
    shown["status"] = standing_name(standing(&licence, now_ms)).into();
    provenance(&mut shown, stored);
    Ok(shown)
}

pub(super) fn provenance(shown: &mut Value, stored: &StoredRecord) {
    shown["version"] = stored.version.into();
    shown["height"] = stored.height.into();
    shown["transaction"] = stored.transaction.to_string().into();
}
