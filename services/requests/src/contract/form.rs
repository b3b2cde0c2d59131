//! What names and texts must be. A text that XML cannot carry is no text: whatever is on the ledger can be shown in
//! both of Open311's formats.

use hutong_ledger::{canon::ascending, contract::Refusal, id::RecordId};
use hutong_wire::v1::{disclosure::SealedField, requests as wire};

/// Open311's limit.
pub const DESCRIPTION_CHARS_MAX: usize = 4000;
pub const ADDRESS_CHARS_MAX: usize = 512;
/// The fields that are sealed, ascending.
pub const SEALED: [&str; 6] = ["account_id", "device_id", "email", "first_name", "last_name", "phone"];

pub(super) const NAME_CHARS_MAX: usize = 128;
pub(super) const SHORT_CHARS_MAX: usize = 64;
const URL_BYTES_MAX: usize = 2048;
const AGENCIES_MAX: usize = 16;
const LAT_MAX_E7: i32 = 900_000_000;
const LONG_MAX_E7: i32 = 1_800_000_000;

pub fn is_request_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Without dots: what stands behind one in a path is the format.
pub fn is_service_code(code: &str) -> bool {
    (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

/// The record of a request.
pub fn request_record(id: &str) -> Result<RecordId, Refusal> {
    let invalid = || Refusal::new("request_id_invalid", "1 to 64 of 0-9, A-Z, a-z and -").at("request");
    if !is_request_id(id) {
        return Err(invalid());
    }
    format!("request/{id}").parse().map_err(|_| invalid())
}

/// The record of a service.
pub fn service_record(code: &str) -> Result<RecordId, Refusal> {
    let invalid =
        || Refusal::new("service_code_invalid", "1 to 64 of 0-9, A-Z, a-z, - and _").at("service_code");
    if !is_service_code(code) {
        return Err(invalid());
    }
    format!("service/{code}").parse().map_err(|_| invalid())
}

/// Whether a text has at most so many characters, all of which XML 1.0 can carry.
pub(super) fn is_text(text: &str, chars_max: usize, lines: bool) -> bool {
    let fits = |c: char| match c {
        '\n' | '\r' | '\t' => lines,
        '\u{fffe}' | '\u{ffff}' => false,
        c => !c.is_control(),
    };
    text.chars().all(fits) && text.chars().count() <= chars_max
}

/// A text on one line.
pub(super) fn refuse_line(
    code: &'static str,
    field: &str,
    text: &str,
    chars_max: usize,
) -> Result<(), Refusal> {
    if is_text(text, chars_max, false) {
        return Ok(());
    }
    let told = format!("at most {chars_max} characters without control characters");
    Err(Refusal::new(code, told).at(field))
}

/// A text on one line that is there.
pub(super) fn refuse_name(
    code: &'static str,
    field: &str,
    text: &str,
    chars_max: usize,
) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(code, format!("1 to {chars_max} characters")).at(field));
    }
    refuse_line(code, field, text, chars_max)
}

/// A text that may have lines.
pub(super) fn refuse_lines(code: &'static str, field: &str, text: &str) -> Result<(), Refusal> {
    if is_text(text, DESCRIPTION_CHARS_MAX, true) {
        return Ok(());
    }
    let told =
        format!("at most {DESCRIPTION_CHARS_MAX} characters, no control characters but tabs and line ends");
    Err(Refusal::new(code, told).at(field))
}

/// Notes on what was done, which the public reads.
pub(super) fn notes(text: &str, needed: bool) -> Result<(), Refusal> {
    if needed && text.trim().is_empty() {
        return Err(Refusal::new("reason_missing", "this needs a word on why").at("notes"));
    }
    refuse_lines("request_invalid", "notes", text)
}

/// A district's code.
pub(super) fn is_district(code: &str) -> bool {
    (1..=64).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The name of an agency that acts: an id where it is a member, as the city calls it where not.
pub(super) fn agency(text: &str) -> Result<(), Refusal> {
    refuse_name("agency_invalid", "agency", text, SHORT_CHARS_MAX)
}

/// Those who act: each once.
pub(super) fn agencies(agencies: &[String]) -> Result<(), Refusal> {
    let each_once = agencies.iter().enumerate().all(|(at, agency)| !agencies[..at].contains(agency));
    if agencies.len() > AGENCIES_MAX || !each_once {
        let told = format!("at most {AGENCIES_MAX} agencies act, each once");
        return Err(Refusal::new("agency_invalid", told).at("agencies"));
    }
    agencies.iter().try_for_each(|text| agency(text))
}

/// A place as it may be stored; whether it is enough of one, the caller says.
pub(super) fn place(place: &wire::Place) -> Result<(), Refusal> {
    if let Some(point) = &place.point
        && !is_point(point)
    {
        return Err(location("latitudes are within 90 degrees, longitudes within 180", "place.point"));
    }
    refuse_line("location_invalid", "place.address", &place.address, ADDRESS_CHARS_MAX)?;
    refuse_line("location_invalid", "place.address_id", &place.address_id, SHORT_CHARS_MAX)?;
    refuse_line("location_invalid", "place.zipcode", &place.zipcode, SHORT_CHARS_MAX)?;
    if place.district.is_empty() || is_district(&place.district) {
        return Ok(());
    }
    Err(location("a district's code is 1 to 64 of a-z, 0-9 and -", "place.district"))
}

pub(super) fn is_point(point: &wire::Point) -> bool {
    (-LAT_MAX_E7..=LAT_MAX_E7).contains(&point.lat_e7)
        && (-LONG_MAX_E7..=LONG_MAX_E7).contains(&point.long_e7)
}

pub(super) fn location(told: &str, field: &str) -> Refusal {
    Refusal::new("location_invalid", told).at(field)
}

/// An address on the web, or none.
pub(super) fn url(field: &str, url: &str) -> Result<(), Refusal> {
    let web = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let fits = web.is_some_and(|rest| !rest.is_empty())
        && url.len() <= URL_BYTES_MAX
        && url.bytes().all(|b| b.is_ascii_graphic());
    if url.is_empty() || fits {
        return Ok(());
    }
    let told = format!("a web address (http or https) of at most {URL_BYTES_MAX} characters");
    Err(Refusal::new("request_invalid", told).at(field))
}

/// Commitments of contact data: the names that Open311 knows, ascending, each once.
pub(super) fn sealed(fields: &[SealedField]) -> Result<(), Refusal> {
    let fits = |field: &SealedField| SEALED.contains(&field.name.as_str()) && field.commitment.len() == 32;
    if ascending(fields, |field| field.name.clone()) && fields.iter().all(fits) {
        return Ok(());
    }
    let told = format!("commitments of 32 bytes to {}, ascending, each once", SEALED.join(", "));
    Err(Refusal::new("sealed_field_invalid", told).at("sealed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_xml_carries() {
        for text in ["", "a", "坑 & <b> \"x\"", "😀"] {
            assert!(is_text(text, 20, false), "{text:?}");
        }
        for text in ["\0", "\u{1b}", "a\nb", "\u{ffff}", "\u{85}"] {
            assert!(!is_text(text, 20, false), "{text:?}");
        }
        assert!(is_text("a\nb\r\n\tc", 20, true) && !is_text("\u{b}", 20, true));
        // Characters count, not bytes.
        assert!(is_text(&"坑".repeat(4000), 4000, true) && !is_text(&"坑".repeat(4001), 4000, true));
    }

    #[test]
    fn names_of_records() {
        assert_eq!(request_record("20260101-a1").unwrap().as_str(), "request/20260101-a1");
        assert_eq!(service_record("noise-street_1").unwrap().as_str(), "service/noise-street_1");
        for id in ["", "a/b", "a b", "é", "a,b", "a.json", &"a".repeat(65)] {
            assert_eq!(request_record(id).unwrap_err().code, "request_id_invalid", "{id}");
            assert_eq!(service_record(id).unwrap_err().code, "service_code_invalid", "{id}");
        }
    }
}
