//! Property sales as open data, read into registrations: each row is a first registration to the seller and a
//! transfer to the buyer. Pure.
//!
//! The columns are those of the Ames data set: `PID`, `price` (US dollars), `Lot.Area` (square feet), `MS.Zoning`,
//! `Neighborhood`, `Street`, `Bldg.Type`, `House.Style`, `Year.Built`, `Mo.Sold`, `Yr.Sold`, `Sale.Type`,
//! `Sale.Condition`. The set names no people, so the parties' handles are derived from the row: the same row read
//! twice gives the same transactions.

use bytes::Bytes;
use hutong_ledger::{hash::sha256, id::AgencyId};
use hutong_wire::v1::property as wire;

use crate::build::{WHOLE, ownership, party, register, transfer_whole};

/// Hundredths of a square millimetre in a square foot: 304.8² × 100, exact.
const CENTI_MM2_PER_SQUARE_FOOT: u64 = 9_290_304;
const CURRENCY: &str = "USD";

/// A row that cannot be read. The rest of the file can.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("line {line}, {field}: {reason}")]
pub struct RowError {
    pub line: u64,
    pub field: String,
    pub reason: String,
}

/// A file that is not of this form at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file has no column {missing:?}; columns of the Ames set are expected, comma-separated")]
pub struct NotSales {
    pub missing: &'static str,
}

/// A sale, ready to be signed.
#[derive(Clone, Debug)]
pub struct Sale {
    pub line: u64,
    pub parcel: String,
    pub registration: Bytes,
    pub transfer: Bytes,
    registration_nonce: [u8; 16],
    transfer_nonce: [u8; 16],
}

impl Sale {
    /// The actions in order, each with its nonce.
    pub fn steps(&self) -> [([u8; 16], &Bytes); 2] {
        [(self.registration_nonce, &self.registration), (self.transfer_nonce, &self.transfer)]
    }
}

/// Who acts for sellers and for buyers.
#[derive(Clone, Copy, Debug)]
pub struct Agents {
    pub sellers: AgencyId,
    pub buyers: AgencyId,
}

const COLUMNS: [&str; 13] = [
    "PID",
    "price",
    "Lot.Area",
    "MS.Zoning",
    "Neighborhood",
    "Street",
    "Bldg.Type",
    "House.Style",
    "Year.Built",
    "Mo.Sold",
    "Yr.Sold",
    "Sale.Type",
    "Sale.Condition",
];

/// Reads a file: its sales, and the rows that are broken, each with its line.
///
/// A row is a line: a quote that is never closed then breaks its own row and none after it.
pub fn read(file: &[u8], agents: Agents) -> Result<(Vec<Sale>, Vec<RowError>), NotSales> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut lines = file.split(|byte| *byte == b'\n').zip(1..);
    let header = lines.next().and_then(|(line, _)| fields(line)).unwrap_or_default();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|name| name == column.as_bytes());
        *place = found.ok_or(NotSales { missing: column })?;
    }
    let (mut sales, mut errors) = (Vec::new(), Vec::new());
    for (text, line) in lines.filter(|(text, _)| !text.trim_ascii().is_empty()) {
        let read = match fields(text) {
            Some(row) => Row { row: &row, line, places: &places }.sale(header.len(), agents),
            None => Err(RowError { line, field: "row".into(), reason: "a quote is not closed".into() }),
        };
        match read {
            Ok(sale) => sales.push(sale),
            Err(error) => errors.push(error),
        }
    }
    Ok((sales, errors))
}

/// The fields of a line; none if a quote in it is not closed.
fn fields(line: &[u8]) -> Option<csv::ByteRecord> {
    if line.iter().filter(|byte| **byte == b'"').count() % 2 == 1 {
        return None;
    }
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).buffer_capacity(line.len().max(1)).from_reader(line);
    let mut row = csv::ByteRecord::new();
    // Reading from memory does not fail; an empty line leaves the row empty.
    reader.read_byte_record(&mut row).ok()?;
    Some(row)
}

struct Row<'a> {
    row: &'a csv::ByteRecord,
    line: u64,
    places: &'a [usize; COLUMNS.len()],
}

impl Row<'_> {
    fn error(&self, field: &str, reason: impl Into<String>) -> RowError {
        RowError { line: self.line, field: field.to_owned(), reason: reason.into() }
    }

    fn text(&self, column: &'static str) -> Result<&str, RowError> {
        let place = COLUMNS.iter().position(|c| *c == column).map_or(usize::MAX, |at| self.places[at]);
        let bytes = self.row.get(place).ok_or_else(|| self.error(column, "missing"))?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.error(column, "not UTF-8"))?.trim();
        if text.is_empty() { Err(self.error(column, "empty")) } else { Ok(text) }
    }

    fn number(&self, column: &'static str) -> Result<u64, RowError> {
        let text = self.text(column)?;
        let number = text.parse::<u64>().ok().filter(|number| *number > 0 && *number <= 1 << 40);
        number.ok_or_else(|| self.error(column, format!("{text:?} is not a whole number above 0")))
    }

    fn sale(&self, columns: usize, agents: Agents) -> Result<Sale, RowError> {
        if self.row.len() != columns {
            let reason = format!("{columns} fields expected, {} found", self.row.len());
            return Err(self.error("row", reason));
        }
        let parcel = self.text("PID")?.to_owned();
        if crate::contract::record(&parcel).is_err() {
            return Err(self.error("PID", "1 to 64 of 0-9, A-Z, a-z, - and . expected"));
        }
        let unit = wire::Unit {
            place: self.text("Neighborhood")?.to_owned(),
            r#use: self.text("MS.Zoning")?.to_owned(),
            area_centi_mm2: self.number("Lot.Area")? * CENTI_MM2_PER_SQUARE_FOOT,
            description: self.description()?,
            ..wire::Unit::default()
        };
        if let Err(refusal) = crate::contract::check_unit(&unit) {
            return Err(self.error(refusal.field.as_deref().unwrap_or("row"), refusal.message));
        }
        let seller = self.party("seller", &agents.sellers);
        let buyer = self.party("buyer", &agents.buyers);
        let price_minor = self.number("price")? * 100;
        Ok(Sale {
            line: self.line,
            registration: register(&parcel, unit, vec![ownership(seller, WHOLE)]),
            transfer: transfer_whole(&parcel, 1, ownership(buyer, WHOLE), price_minor, CURRENCY),
            registration_nonce: self.derive("registration"),
            transfer_nonce: self.derive("transfer"),
            parcel,
        })
    }

    fn description(&self) -> Result<String, RowError> {
        let text = |column| self.text(column);
        Ok(format!(
            "{} street; {}, {}, built {}; sold {}-{:0>2} ({}, {})",
            text("Street")?,
            text("Bldg.Type")?,
            text("House.Style")?,
            text("Year.Built")?,
            text("Yr.Sold")?,
            text("Mo.Sold")?,
            text("Sale.Type")?,
            text("Sale.Condition")?,
        ))
    }

    /// 16 bytes that only this row and purpose give.
    fn derive(&self, purpose: &str) -> [u8; 16] {
        let mut content = Vec::new();
        for field in self.row {
            content.extend_from_slice(&(field.len() as u64).to_be_bytes());
            content.extend_from_slice(field);
        }
        let hash = sha256(&[b"hutong sales row\0", purpose.as_bytes(), &[0], &content]);
        let mut out = [0; 16];
        out.copy_from_slice(&hash.0[..16]);
        out
    }

    /// The set has no names: a party is nobody but who the row says has sold or bought.
    fn party(&self, side: &str, agent: &AgencyId) -> wire::Party {
        party(self.derive(&format!("{side} handle")), agent)
    }
}
