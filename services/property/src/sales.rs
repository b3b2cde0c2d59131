//! Property sales as open data, read into registrations: each row is a first registration to the seller and a
//! transfer to the buyer. Pure.
//!
//! The columns are those of the Ames data set: `PID`, `price` (US dollars), `Lot.Area` (square feet), `MS.Zoning`,
//! `Neighborhood`, `Street`, `Bldg.Type`, `House.Style`, `Year.Built`, `Mo.Sold`, `Yr.Sold`, `Sale.Type`,
//! `Sale.Condition`. The set names no people, so the parties' handles are derived from the row: the same row read
//! twice gives the same transactions.

use bytes::Bytes;
use hutong_ledger::{hash::sha256, id::AgencyId};
pub use hutong_table::RowError;
use hutong_table::{MissingColumn, Quotes, Row, Table};
use hutong_wire::v1::property as wire;

use crate::build::{WHOLE, ownership, party, register, transfer_whole};

/// Hundredths of a square millimetre in a square foot: 304.8² × 100, exact.
const CENTI_MM2_PER_SQUARE_FOOT: u64 = 9_290_304;
const CURRENCY: &str = "USD";

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
pub fn read(file: &[u8], agents: Agents) -> Result<(Vec<Sale>, Vec<RowError>), NotSales> {
    let table = Table::read(file, Quotes::OneLine, &COLUMNS);
    let table = table.map_err(|MissingColumn(missing)| NotSales { missing })?;
    Ok(table.rows(|row| Fields { row }.sale(agents)))
}

/// The fields of a row, as the columns are meant.
struct Fields<'a> {
    row: &'a Row<'a>,
}

impl Fields<'_> {
    fn number(&self, column: &'static str) -> Result<u64, RowError> {
        let text = self.row.filled(column)?;
        let number = text.parse::<u64>().ok().filter(|number| *number > 0 && *number <= 1 << 40);
        number.ok_or_else(|| self.row.error(column, format!("{text:?} is not a whole number above 0")))
    }

    fn sale(&self, agents: Agents) -> Result<Sale, RowError> {
        let parcel = self.row.filled("PID")?.to_owned();
        if crate::contract::record(&parcel).is_err() {
            return Err(self.row.error("PID", "1 to 64 of 0-9, A-Z, a-z, - and . expected"));
        }
        let unit = wire::Unit {
            place: self.row.filled("Neighborhood")?.to_owned(),
            r#use: self.row.filled("MS.Zoning")?.to_owned(),
            area_centi_mm2: self.number("Lot.Area")? * CENTI_MM2_PER_SQUARE_FOOT,
            description: self.description()?,
            ..wire::Unit::default()
        };
        if let Err(refusal) = crate::contract::check_unit(&unit) {
            return Err(self.row.error(refusal.field.as_deref().unwrap_or("row"), refusal.message));
        }
        let seller = self.party("seller", &agents.sellers);
        let buyer = self.party("buyer", &agents.buyers);
        let price_minor = self.number("price")? * 100;
        Ok(Sale {
            line: self.row.line,
            registration: register(&parcel, unit, vec![ownership(seller, WHOLE)]),
            transfer: transfer_whole(&parcel, 1, ownership(buyer, WHOLE), price_minor, CURRENCY),
            registration_nonce: self.derive("registration"),
            transfer_nonce: self.derive("transfer"),
            parcel,
        })
    }

    fn description(&self) -> Result<String, RowError> {
        let text = |column| self.row.filled(column);
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
        let hash = sha256(&[b"hutong sales row\0", purpose.as_bytes(), &[0], &self.row.content()]);
        let mut out = [0; 16];
        out.copy_from_slice(&hash.0[..16]);
        out
    }

    /// The set has no names: a party is nobody but who the row says has sold or bought.
    fn party(&self, side: &str, agent: &AgencyId) -> wire::Party {
        party(self.derive(&format!("{side} handle")), agent)
    }
}
