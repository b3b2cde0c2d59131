//! The rows of a line list: each read whole or refused by its line.

use hutong_ledger::hash::sha256;
use hutong_wire::v1::epidemic::{self as wire, Origin, Sex, Status};

use super::DISEASE;
use crate::day::{self, Day};

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
#[error(
    "the file has no column {missing:?}; columns of Taiwan CDC's list of dengue cases are expected, comma-separated"
)]
pub struct NotLineList {
    pub missing: &'static str,
}

/// A row: one case as a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub line: u64,
    pub facts: wire::Facts,
    /// Its code, and its name as the file has it; empty if it is not known.
    pub district: String,
    pub district_name: String,
    /// How many cases it stands for.
    pub cases: u32,
    /// Of all its fields.
    pub hash: [u8; 32],
}

const COLUMNS: [&str; 9] = [
    "Date_Onset",
    "Date_Confirmation",
    "Date_Notification",
    "Sex",
    "Age_Group",
    "County_living",
    "Township_living",
    "Imported",
    "Number_of_confirmed_cases",
];
/// More would be no row of a line list.
const CASES_OF_ROW_MAX: u32 = 100;

/// Reads a file: its rows, and those that are broken, each with its line.
///
/// A row is a line: a quote that is never closed then breaks its own row and none after it.
pub fn read(file: &[u8]) -> Result<(Vec<Row>, Vec<RowError>), NotLineList> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut lines = file.split(|byte| *byte == b'\n').zip(1..);
    let header = lines.next().and_then(|(line, _)| fields(line)).unwrap_or_default();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = header.iter().position(|name| name == column.as_bytes());
        *place = found.ok_or(NotLineList { missing: column })?;
    }
    let (mut rows, mut errors) = (Vec::new(), Vec::new());
    for (text, line) in lines.filter(|(text, _)| !text.trim_ascii().is_empty()) {
        let read = match fields(text) {
            Some(fields) => Fields { fields: &fields, line, places: &places }.row(header.len()),
            None => Err(RowError { line, field: "row".into(), reason: "a quote is not closed".into() }),
        };
        match read {
            Ok(row) => rows.push(row),
            Err(error) => errors.push(error),
        }
    }
    Ok((rows, errors))
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

struct Fields<'a> {
    fields: &'a csv::ByteRecord,
    line: u64,
    places: &'a [usize; COLUMNS.len()],
}

impl Fields<'_> {
    fn error(&self, field: &str, reason: impl Into<String>) -> RowError {
        RowError { line: self.line, field: field.to_owned(), reason: reason.into() }
    }

    fn text(&self, column: &'static str) -> Result<&str, RowError> {
        let place = COLUMNS.iter().position(|c| *c == column).map_or(usize::MAX, |at| self.places[at]);
        let bytes = self.fields.get(place).ok_or_else(|| self.error(column, "missing"))?;
        Ok(std::str::from_utf8(bytes).map_err(|_| self.error(column, "not UTF-8"))?.trim())
    }

    fn day(&self, column: &'static str) -> Result<Option<Day>, RowError> {
        let text = self.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let day = day::parse(&text.replace('/', "-"));
        day.map(Some).ok_or_else(|| self.error(column, format!("{text:?} is no day such as 2002/08/19")))
    }

    fn row(&self, columns: usize) -> Result<Row, RowError> {
        if self.fields.len() != columns {
            let reason = format!("{columns} fields expected, {} found", self.fields.len());
            return Err(self.error("row", reason));
        }
        let report =
            self.day("Date_Notification")?.ok_or_else(|| self.error("Date_Notification", "empty"))?;
        let onset = self.day("Date_Onset")?;
        if onset.is_some_and(|onset| onset > report) {
            return Err(self.error("Date_Onset", "it is after the notification"));
        }
        let diagnosis = self.day("Date_Confirmation")?;
        if diagnosis.zip(onset).is_some_and(|(diagnosis, onset)| diagnosis < onset) {
            return Err(self.error("Date_Confirmation", "it is before the onset"));
        }
        let (county, township) = (self.text("County_living")?, self.text("Township_living")?);
        let named: Vec<_> = [county, township].into_iter().filter(|name| !name.is_empty()).collect();
        let district = named.iter().map(|name| code(name)).collect::<Vec<_>>().join(".");
        let district_name = named.join(" / ");
        let visible = !district_name.chars().any(char::is_control);
        if district.len() > 48
            || district_name.len() > 96
            || district.is_empty() != named.is_empty()
            || !visible
        {
            return Err(self.error("Township_living", format!("{district_name:?} makes no code")));
        }
        let facts = wire::Facts {
            disease: DISEASE.into(),
            status: Status::Confirmed.into(),
            origin: self.origin()?.into(),
            district: district.clone(),
            age_band: self.age_band()?,
            sex: self.sex()?.into(),
            onset,
            diagnosis,
            report: Some(report),
            ..wire::Facts::default()
        };
        Ok(Row { line: self.line, facts, district, district_name, cases: self.cases()?, hash: self.hash() })
    }

    fn origin(&self) -> Result<Origin, RowError> {
        match self.text("Imported")? {
            "N" => Ok(Origin::Local),
            "Y" => Ok(Origin::Imported),
            other => Err(self.error("Imported", format!("{other:?} is neither Y nor N"))),
        }
    }

    fn sex(&self) -> Result<Sex, RowError> {
        match self.text("Sex")? {
            "F" => Ok(Sex::Female),
            "M" => Ok(Sex::Male),
            "" => Ok(Sex::Unspecified),
            other => Err(self.error("Sex", format!("{other:?} is neither F nor M"))),
        }
    }

    /// The list has single years below 5.
    fn age_band(&self) -> Result<String, RowError> {
        let text = self.text("Age_Group")?;
        if matches!(text, "0" | "1" | "2" | "3" | "4") {
            return Ok("0-4".into());
        }
        if text.is_empty() || crate::contract::AGE_BANDS.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(self.error("Age_Group", format!("{text:?} is no age group")))
    }

    fn cases(&self) -> Result<u32, RowError> {
        let text = self.text("Number_of_confirmed_cases")?;
        let number = text.parse().ok().filter(|number| (1..=CASES_OF_ROW_MAX).contains(number));
        number.ok_or_else(|| {
            self.error("Number_of_confirmed_cases", format!("{text:?} is not 1 to {CASES_OF_ROW_MAX}"))
        })
    }

    fn hash(&self) -> [u8; 32] {
        let mut content = Vec::new();
        for field in self.fields {
            content.extend_from_slice(&(field.len() as u64).to_be_bytes());
            content.extend_from_slice(field);
        }
        sha256(&[b"hutong line list row\0", &content]).0
    }
}

/// A code from a name: `Fengshan Dist.` is `fengshan-dist`.
fn code(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
