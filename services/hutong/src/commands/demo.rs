//! A parcel of a made-up person for `hutong up --demo`, with a sealed field: what the examples of personal data are about.

use bytes::Bytes;
use hutong_client::{City, Client, Submitted};
use hutong_disclosure::records::parse_handle;
use hutong_ledger::id::RecordKey;
use hutong_property::build;
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::SealedField,
        property::{self as wire, action::Kind},
    },
};
use serde_json::json;

use super::CommandError;
use crate::city::{CityError, personas::Persona};

/// The parcel's name; `property/lane-7` is its record.
const PARCEL: &str = "lane-7";
/// Whose it is.
const HOLDER: &str = "wang-lan";
const FIELD: &str = "conditions";
const CONDITIONS: &str = "The neighbours may draw water from the well. Call 010 5550 0107 before.";

/// Registers the parcel, unless it is there already.
pub(super) async fn parcel(city: &City) -> Result<(), CommandError> {
    let domain = hutong_property::domain();
    let missing = |what: &str| CityError::Genesis(format!("there is no {what}"));
    let owner = city.owner(&domain).ok_or_else(|| missing("owner of property"))?.id;
    let client = Client::of(city, &owner)?;
    let record: RecordKey = format!("{domain}/{PARCEL}").parse().map_err(CityError::from)?;
    match client.record(&record, None).await {
        Ok(_) => return Ok(()),
        Err(error) if error.code() == Some("unknown_record") => {}
        Err(error) => return Err(error.into()),
    }
    let holder =
        Persona::named(HOLDER).and_then(Persona::resident_id).ok_or_else(|| missing("such persona"))?;
    let person = json!({
        "domain": domain,
        "resident_id": holder.expose(),
        "values": { "name": "Wang Lan", "contact": "7 Mill Lane, 010 5550 0107" },
    });
    let registered = client.post_json("/v1/persons", &person).await?;
    let handle = registered["handle"].as_str().unwrap_or_default();
    let sealing =
        json!({ "record": record.to_string(), "subjects": [handle], "values": { FIELD: CONDITIONS } });
    let sealed = client.post_json("/v1/sealed", &sealing).await?;
    let answer = |what: &str| CommandError::Negative(format!("the city answered with no {what}"));
    let handle = parse_handle(handle).ok_or_else(|| answer("handle"))?;
    let commitment = sealed["commitments"][FIELD].as_str().and_then(|text| hex::decode(text).ok());
    let commitment = commitment.ok_or_else(|| answer("commitment"))?;
    let field = SealedField { name: FIELD.into(), commitment: Bytes::from(commitment) };
    let transaction =
        client.build(domain)?.actor("registrar-7").action(registration(handle, field, &client)?);
    match client.submit_final(&transaction.sign(&[client.signer()?])?).await? {
        Submitted::Final { outcome, .. } => match outcome.code() {
            None => Ok(()),
            Some(code) => {
                Err(CommandError::Negative(format!("the parcel {PARCEL} was not registered: {code}")))
            }
        },
        Submitted::Accepted(_) => Ok(()),
    }
}

fn registration(handle: [u8; 16], sealed: SealedField, client: &Client) -> Result<Vec<u8>, CommandError> {
    let unit = wire::Unit {
        place: "Mill Lane".into(),
        r#use: "dwelling".into(),
        area_centi_mm2: 1,
        description: "Made up for the examples".into(),
        ..wire::Unit::default()
    };
    let holding = build::ownership(build::party(handle, &client.signer()?.agency), build::WHOLE);
    let failed = |error: hutong_wire::prost::DecodeError| CommandError::Negative(error.to_string());
    let mut action = wire::Action::decode(build::register(PARCEL, unit, vec![holding])).map_err(failed)?;
    if let Some(Kind::Register(register)) = &mut action.kind {
        register.sealed.push(sealed);
    }
    Ok(action.encode_to_vec())
}
