//! What callers send of a case: its facts, checked before anything is sealed, and who it is, shown to nobody.

use bytes::Bytes;
use http::StatusCode;
use hutong_disclosure::ResidentId;
use hutong_ledger::contract::Refusal;
use hutong_runtime::http::Problem;
use hutong_wire::v1::epidemic as wire;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    contract::{SEALED, check_facts, parse_origin, parse_sex, parse_status},
    day,
};

/// What is said of a case in the open. Days are written as 2002-08-19.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Facts {
    disease: String,
    /// `suspected`, `confirmed` or `discarded`.
    status: String,
    /// `local` or `imported`.
    origin: String,
    district: Option<String>,
    /// `0-4`, `5-9` … `65-69`, `70+`.
    age_band: Option<String>,
    /// `female` or `male`.
    sex: Option<String>,
    facility: Option<String>,
    onset: Option<String>,
    specimen: Option<String>,
    diagnosis: Option<String>,
    /// Today unless told.
    report: Option<String>,
}

/// Who the case is: sealed.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sealed {
    name: Option<String>,
    /// Ties the case to the person, too.
    pub(super) resident_id: Option<String>,
    contact: Option<String>,
    address: Option<String>,
}

impl std::fmt::Debug for Sealed {
    /// Without the values.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed").finish_non_exhaustive()
    }
}

impl Sealed {
    pub(super) fn values(&self) -> Vec<(String, Bytes)> {
        let values = [&self.address, &self.contact, &self.name, &self.resident_id];
        let there = SEALED.into_iter().zip(values).filter_map(|(name, value)| Some((name, value.as_ref()?)));
        there.map(|(name, value)| (name.to_owned(), Bytes::from(value.clone()))).collect()
    }
}

/// The facts, refused here if the contract would: nothing is sealed for a case that cannot be.
pub(super) fn facts(facts: Facts, now_ms: u64) -> Result<wire::Facts, Problem> {
    let no = |field: &str, code: &'static str, detail: &str| {
        Problem::new(code, StatusCode::UNPROCESSABLE_ENTITY, detail).field(field)
    };
    let day = |field: &str, text: Option<&String>| {
        let parse = |text: &String| {
            day::parse(text).ok_or_else(|| no(field, "dates_invalid", "A day is written as 2002-08-19."))
        };
        text.map(parse).transpose()
    };
    let status = parse_status(&facts.status);
    let status =
        status.ok_or_else(|| no("status", "case_invalid", "A case is suspected, confirmed or discarded."))?;
    let origin = parse_origin(&facts.origin);
    let origin = origin.ok_or_else(|| no("origin", "case_invalid", "A case is local or imported."))?;
    let sex = parse_sex(facts.sex.as_deref().unwrap_or_default());
    let sex = sex.ok_or_else(|| no("sex", "case_invalid", "Sex is female or male, or left out."))?;
    let facts = wire::Facts {
        disease: facts.disease,
        status: status.into(),
        origin: origin.into(),
        district: facts.district.unwrap_or_default(),
        age_band: facts.age_band.unwrap_or_default(),
        sex: sex.into(),
        facility: facts.facility.unwrap_or_default(),
        onset: day("onset", facts.onset.as_ref())?,
        specimen: day("specimen", facts.specimen.as_ref())?,
        diagnosis: day("diagnosis", facts.diagnosis.as_ref())?,
        report: day("report", facts.report.as_ref())?.or(Some(day::of_ms(now_ms))),
    };
    check_facts(&facts, now_ms).map_err(refused)?;
    Ok(facts)
}

fn refused(refusal: Refusal) -> Problem {
    let problem = Problem::new(refusal.code, StatusCode::UNPROCESSABLE_ENTITY, refusal.message);
    match refusal.field {
        Some(field) => problem.field(&field),
        None => problem,
    }
}

pub(super) fn check_resident(resident: &str) -> Result<(), Problem> {
    let fault = |error| {
        Problem::new("resident_id_invalid", StatusCode::UNPROCESSABLE_ENTITY, format!("{error}."))
            .field("sealed.resident_id")
    };
    resident.parse::<ResidentId>().map(|_| ()).map_err(fault)
}
