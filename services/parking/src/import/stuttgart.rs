//! Stuttgart: DATEX II 2, a table of parking facilities, or a table of their status. Positions are northing and easting
//! of UTM zone 32, heights are metres.

use std::collections::BTreeMap;

use hutong_wire::v1::parking::{self as wire, Audience, Purpose, SiteType};

use super::{
    Draft, Row,
    row::{centimetres, clean, place, restriction},
    time,
    xml::Element,
};
use crate::realtime::{OpeningStatus, Update};

/// The feed's name and its rows, if it is one.
pub(super) fn rows(root: &Element) -> Option<(&'static str, Vec<Row>)> {
    if root.name != "d2LogicalModel" {
        return None;
    }
    let supplier = root.find("nationalIdentifier").map(|element| element.text.to_lowercase());
    let source = if supplier.is_none_or(|name| name.contains("stuttgart")) { "stuttgart" } else { "datex2" };
    if let Some(table) = root.find("parkingFacilityTable") {
        return Some((source, table.all("parkingFacility").map(facility).collect()));
    }
    let table = root.find("parkingFacilityTableStatusPublication")?;
    Some((source, table.all("parkingFacilityStatus").map(status).collect()))
}

fn facility(facility: &Element) -> Row {
    let uid = facility.attribute("id").ok_or("the facility has no id")?;
    let missing = |what: &str| format!("{what} of facility {uid} is missing");
    let name =
        facility.text_at(&["parkingFacilityName", "values", "value"]).ok_or_else(|| missing("the name"))?;
    let capacity = facility.text_at(&["totalParkingCapacity"]).ok_or_else(|| missing("the capacity"))?;
    let updated_at =
        facility.text_at(&["parkingFacilityRecordVersionTime"]).ok_or_else(|| missing("the time"))?;
    let display = facility.find("locationForDisplay").ok_or_else(|| missing("the position"))?;
    let number = |name: &str| display.text_at(&[name]).and_then(|text| text.parse::<f64>().ok());
    let position = number("latitude").zip(number("longitude")).ok_or_else(|| missing("the position"))?;
    let (lat_e7, lon_e7) = place(position.0, position.1).map_err(|why| format!("facility {uid}: {why}"))?;
    let kind = match facility.text_at(&["parkingFacilityLayout"]) {
        Some("underground") => SiteType::Underground,
        Some("openSpace" | "field") => SiteType::OffStreetParkingGround,
        _ => SiteType::CarPark,
    };
    Ok(Draft {
        site: Some(wire::Site {
            source_uid: uid.to_owned(),
            name: clean(name),
            purpose: Purpose::Car.into(),
            r#type: kind.into(),
            lat_e7,
            lon_e7,
            capacity: capacity
                .parse()
                .map_err(|_| format!("the capacity of facility {uid} is {capacity:?}"))?,
            has_realtime_data: true,
            static_data_updated_at_ms: time::parse_ms(updated_at)
                .ok_or_else(|| format!("the time of facility {uid} is {updated_at:?}"))?,
            max_height_cm: height(facility)
                .map_err(|text| format!("the height of facility {uid} is {text:?}"))?,
            restrictions: restrictions(facility)
                .map_err(|text| format!("facility {uid} assigns {text:?} spaces"))?,
            operator_name: facility.text_at(&["owner", "contactName"]).map(clean).unwrap_or_default(),
            ..wire::Site::default()
        }),
        realtime: None,
    })
}

fn height(facility: &Element) -> Result<u32, String> {
    let Some(characteristic) = facility.at(&["characteristicsOfPermittedVehicles", "heightCharacteristic"])
    else {
        return Ok(0);
    };
    let is_limit =
        characteristic.text_at(&["comparisonOperator"]).is_some_and(|text| text.starts_with("lessThan"));
    match characteristic.text_at(&["vehicleHeight"]).filter(|_| is_limit) {
        None => Ok(0),
        Some(text) => text.parse().ok().and_then(centimetres).ok_or_else(|| text.to_owned()),
    }
}

/// Spaces kept for some; none are no restriction.
fn restrictions(facility: &Element) -> Result<Vec<wire::Restriction>, String> {
    let mut spaces: BTreeMap<i32, wire::Restriction> = BTreeMap::new();
    for assigned in facility.all("assignedParkingSpaces").flat_map(|outer| outer.all("assignedParkingSpaces"))
    {
        let Some(description) = assigned.at(&["descriptionOfAssignedParkingSpaces"]) else { continue };
        let fuel = description.text_at(&["characteristicsOfVehiclesForWhichSpacesAssigned", "fuelType"]);
        let kind = match (description.text_at(&["personTypeForWhichSpacesAssigned"]), fuel) {
            (Some("disabled"), _) => Audience::Disabled,
            (Some("women"), _) => Audience::Women,
            (Some("families"), _) => Audience::Family,
            (_, Some("battery")) => Audience::Charging,
            _ => continue,
        };
        let text = assigned.text_at(&["numberOfAssignedParkingSpaces"]).unwrap_or("0");
        let count: u32 = text.parse().map_err(|_| text.to_owned())?;
        if count > 0 {
            spaces.insert(kind.into(), restriction(kind, count));
        }
    }
    Ok(spaces.into_values().collect())
}

fn status(status: &Element) -> Row {
    let reference = status.at(&["parkingFacilityReference"]);
    let uid = reference.and_then(|element| element.attribute("id")).ok_or("the facility has no id")?;
    let updated_at = status.text_at(&["parkingFacilityStatusTime"]).and_then(time::parse_ms);
    let updated_at_ms = updated_at.ok_or_else(|| format!("the time of facility {uid} is missing"))?;
    let count = |name: &str| {
        let text = status.text_at(&[name]);
        let count = text.map(str::parse::<u32>).transpose();
        count.map_err(|_| format!("{name} of facility {uid} is {:?}", text.unwrap_or_default()))
    };
    let (occupied, vacant) =
        (count("totalNumberOfOccupiedParkingSpaces")?, count("totalNumberOfVacantParkingSpaces")?);
    let told = |name: &str| status.all("parkingFacilityStatus").any(|element| element.text.trim() == name);
    let opening = match (told("open"), told("closed")) {
        (true, false) => OpeningStatus::Open,
        (false, true) => OpeningStatus::Closed,
        _ => OpeningStatus::Unknown,
    };
    let update = Update {
        site: uid.to_owned(),
        updated_at_ms,
        status: opening,
        capacity: occupied.zip(vacant).and_then(|(occupied, vacant)| occupied.checked_add(vacant)),
        free: vacant,
        spots: Vec::new(),
    };
    Ok(Draft { site: None, realtime: Some(Ok(update)) })
}
