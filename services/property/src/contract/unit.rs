//! A unit as it may stand in the register: its texts, its number, its geometry and the area that it states.

use hutong_ledger::contract::Refusal;
use hutong_wire::v1::property as wire;

use super::number::UnitNumber;
use crate::geometry::Polygon;

/// Of the legal description.
pub const DESCRIPTION_BYTES_MAX: usize = 24_576;

/// How far a stated area may be from the calculated one: one part in so many. So too the areas of a subdivision.
pub(super) const TOLERANCE_PARTS: u128 = 100;

/// The unit as it is stored: with its geometry in normal form.
pub fn check_unit(unit: &wire::Unit) -> Result<wire::Unit, Refusal> {
    let texts = [
        (&unit.place, 128, "unit.place"),
        (&unit.r#use, 64, "unit.use"),
        (&unit.description, DESCRIPTION_BYTES_MAX, "unit.description"),
    ];
    for (text, max, field) in texts {
        if text.len() > max || text.chars().any(|c| c.is_control() && c != '\n') {
            let message = format!("at most {max} bytes without control characters");
            return Err(Refusal::new("unit_invalid", message).at(field));
        }
    }
    if unit.place.is_empty() || unit.area_centi_mm2 == 0 {
        return Err(Refusal::new("unit_invalid", "a unit has a place and an area").at("unit"));
    }
    if !unit.number.is_empty() {
        UnitNumber::parse(&unit.number)?;
    }
    let Some(geometry) = &unit.geometry else { return Ok(unit.clone()) };
    let polygon = polygon(geometry)?;
    let calculated = area_centi_mm2(&polygon);
    if !within_tolerance(unit.area_centi_mm2.into(), calculated) {
        let message =
            format!("the stated area differs by more than 1 % from {calculated}, the calculated one");
        return Err(Refusal::new("area_mismatch", message).at("unit.area_centi_mm2"));
    }
    Ok(wire::Unit { geometry: Some(polygon.encode()), ..unit.clone() })
}

pub(super) fn polygon(geometry: &wire::Geometry) -> Result<Polygon, Refusal> {
    Polygon::parse(geometry)
        .map_err(|invalid| Refusal::new("geometry_invalid", invalid.to_string()).at("unit.geometry"))
}

/// In hundredths of a square millimetre: half of twice the area is whole in them.
pub(super) fn area_centi_mm2(polygon: &Polygon) -> u128 {
    polygon.area_twice_mm2().unsigned_abs() * 50
}

/// Whether an area is within 1 % of what it should be.
pub(super) fn within_tolerance(stated: u128, expected: u128) -> bool {
    stated.abs_diff(expected) * TOLERANCE_PARTS <= expected
}
