//! Past requests as open data, read into actions. Pure: the same file gives the same actions under the same nonces, so
//! that loading it again doubles nothing.
//!
//! The columns are those of New York's 311 data; others may stand beside them. Times in it name no zone and are taken
//! as UTC, so that what is shown is what the file says.

use bytes::Bytes;
use hutong_ledger::hash::sha256;
pub use hutong_table::RowError;
use hutong_table::{MissingColumn, Quotes, Table};
use hutong_wire::v1::requests::{self as wire, Status, action::Kind};
use jiff::{Timestamp, civil, tz::TimeZone};

use crate::{
    build,
    contract::{ADDRESS_CHARS_MAX, DESCRIPTION_CHARS_MAX, is_request_id},
    open311,
};

/// A file that is not of this form at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has no column {missing:?}; columns of New York's 311 data are expected, comma-separated")]
pub struct NotRequests {
    pub missing: &'static str,
}

/// A past request, with what makes its transaction the same each time.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub line: u64,
    pub nonce: [u8; 16],
    pub import: wire::Import,
}

/// A file that is ready to be signed: each action under its nonce.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub actions: Vec<([u8; 16], Bytes)>,
    pub broken_rows: Vec<RowError>,
}

/// Columns without which a file is another one.
const NEEDED: [&str; 4] = ["unique_key", "created_date", "complaint_type", "status"];

/// The file as actions of the domain's owner.
pub fn actions(file: &[u8]) -> Result<Prepared, NotRequests> {
    let (rows, broken_rows) = read(file)?;
    let action = |row: Row| (row.nonce, build::action(Kind::Import(row.import)));
    Ok(Prepared { actions: rows.into_iter().map(action).collect(), broken_rows })
}

/// Reads a file: its rows, and those that are broken, each with its line.
pub fn read(file: &[u8]) -> Result<(Vec<Row>, Vec<RowError>), NotRequests> {
    let table = Table::read(file, Quotes::Lines, &NEEDED);
    let table = table.map_err(|MissingColumn(missing)| NotRequests { missing })?;
    Ok(table.rows(|row| Fields { row }.row()))
}

/// The code of a service: its name in small letters, with a part of the name's hash. Data like this has names that
/// differ in capitals alone.
pub fn service_code(name: &str) -> String {
    let mut code = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            code.push(c.to_ascii_lowercase());
        } else if !code.is_empty() && !code.ends_with('-') {
            code.push('-');
        }
    }
    code.truncate(48);
    let hash = hex::encode(&sha256(&[b"hutong service\0", name.as_bytes()]).0[..3]);
    let code = code.trim_end_matches('-');
    if code.is_empty() { hash } else { format!("{code}-{hash}") }
}

/// The fields of a row, as the columns are meant.
struct Fields<'a> {
    row: &'a hutong_table::Row<'a>,
}

impl Fields<'_> {
    fn error(&self, field: &str, reason: impl Into<String>) -> RowError {
        self.row.error(field, reason)
    }

    /// A field as it stands; empty if the file has no such column.
    fn text(&self, column: &str) -> Result<&str, RowError> {
        let text = self.row.text(column)?;
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(self.error(column, "it has control characters"));
        }
        Ok(text)
    }

    fn needed(&self, column: &str, chars_max: usize) -> Result<&str, RowError> {
        self.row.filled(column)?;
        self.short(column, self.text(column)?, chars_max)
    }

    fn short<'t>(&self, column: &str, text: &'t str, chars_max: usize) -> Result<&'t str, RowError> {
        if text.chars().count() > chars_max {
            return Err(self.error(column, format!("longer than {chars_max} characters")));
        }
        Ok(text)
    }

    fn row(&self) -> Result<Row, RowError> {
        let id = self.needed("unique_key", 64)?;
        if !is_request_id(id) {
            return Err(self.error("unique_key", "1 to 64 of 0-9, A-Z, a-z and - expected"));
        }
        let service_name = one_line(self.needed("complaint_type", 128)?);
        let requested_ms = self.time("created_date")?.ok_or_else(|| self.error("created_date", "empty"))?;
        let agency = one_line(self.short("agency", self.text("agency")?, 64)?);
        let agencies: Vec<_> = Some(agency).filter(|agency| !agency.is_empty()).into_iter().collect();
        let closed = self.text("status")?.eq_ignore_ascii_case("closed");
        let (status, closed_ms) = match (closed, self.time("closed_date")?) {
            (true, Some(closed_ms)) if closed_ms >= requested_ms => (Status::Closed, closed_ms),
            (true, Some(_)) => return Err(self.error("closed_date", "before created_date")),
            (true, None) => return Err(self.error("closed_date", "empty, and the request is closed")),
            (false, _) if agencies.is_empty() => (Status::Open, 0),
            (false, _) => (Status::Dispatched, 0),
        };
        let updated_ms = self.time("resolution_action_updated_date")?.unwrap_or(requested_ms);
        let expected_ms = self.time("due_date")?.filter(|due_ms| *due_ms >= requested_ms).unwrap_or(0);
        let import = wire::Import {
            request: id.to_owned(),
            service_code: service_code(&service_name),
            service_name,
            group: String::new(),
            status: status.into(),
            agencies,
            description: self
                .short("descriptor", self.text("descriptor")?, DESCRIPTION_CHARS_MAX)?
                .to_owned(),
            place: Some(self.place()?),
            requested_ms,
            updated_ms: updated_ms.max(closed_ms).max(requested_ms),
            expected_ms,
            closed_ms,
            status_notes: self
                .short("resolution_description", self.text("resolution_description")?, DESCRIPTION_CHARS_MAX)?
                .to_owned(),
        };
        Ok(Row { line: self.row.line, nonce: self.nonce(), import })
    }

    fn place(&self) -> Result<wire::Place, RowError> {
        let degrees = |column: &str| {
            let text = self.text(column)?;
            let number = (!text.is_empty()).then(|| text.parse::<f64>().ok().filter(|n| n.is_finite()));
            match number {
                Some(None) => Err(self.error(column, format!("{text:?} is no number of degrees"))),
                number => Ok(number.flatten()),
            }
        };
        let point = match (degrees("latitude")?, degrees("longitude")?) {
            (Some(lat), Some(long)) => {
                let point = open311::point(lat, long);
                Some(point.map_err(|refusal| self.error("latitude", refusal.message))?)
            }
            (None, None) => None,
            _ => return Err(self.error("latitude", "latitude and longitude go together")),
        };
        let both = |one: &str, other: &str| {
            let (one, other) = (self.text(one)?, self.text(other)?);
            Ok::<_, RowError>(if one.is_empty() || other.is_empty() {
                one.to_owned() + other
            } else {
                format!("{one} & {other}")
            })
        };
        let mut address = String::new();
        for found in [
            self.text("incident_address")?.to_owned(),
            both("intersection_street_1", "intersection_street_2")?,
            both("cross_street_1", "cross_street_2")?,
            self.text("landmark")?.to_owned(),
        ] {
            if address.is_empty() {
                address = one_line(&found);
            }
        }
        let borough = one_line(self.text("borough")?);
        let known = !borough.is_empty() && borough != "Unspecified";
        let district: String = if known { district(&borough) } else { String::new() };
        if address.is_empty() && known {
            address = borough;
        }
        let zipcode = one_line(self.short("incident_zip", self.text("incident_zip")?, 64)?);
        let address = self.short("incident_address", &address, ADDRESS_CHARS_MAX)?.to_owned();
        Ok(wire::Place { point, address, zipcode, district, ..wire::Place::default() })
    }

    /// A time, as Socrata writes it or with a zone; none if the field is empty.
    fn time(&self, column: &str) -> Result<Option<u64>, RowError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let bare = || {
            let time = text.parse::<civil::DateTime>().ok()?;
            time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
        };
        let time = text.parse::<Timestamp>().ok().or_else(bare);
        let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        ms.map(Some).ok_or_else(|| self.error(column, format!("{text:?} is no date and time")))
    }

    /// 16 bytes that only this row gives.
    fn nonce(&self) -> [u8; 16] {
        let hash = sha256(&[b"hutong requests row\0", &self.row.content()]);
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&hash.0[..16]);
        nonce
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A district's code from its name.
fn district(name: &str) -> String {
    let code: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    code.chars().take(64).collect()
}
