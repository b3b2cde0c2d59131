//! The rows of a line list: each read whole or refused by its line.

use hutong_ledger::hash::sha256;
use hutong_table::{MissingColumn, Quotes, RowError, Table};
use hutong_wire::v1::epidemic::{self as wire, Origin, Sex, Status};

use super::DISEASE;
use crate::day::{self, Day};

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
pub fn read(file: &[u8]) -> Result<(Vec<Row>, Vec<RowError>), NotLineList> {
    let table = Table::read(file, Quotes::OneLine, &COLUMNS);
    let table = table.map_err(|MissingColumn(missing)| NotLineList { missing })?;
    Ok(table.rows(|row| Fields { row }.row()))
}

/// The fields of a row, as the columns are meant.
struct Fields<'a> {
    row: &'a hutong_table::Row<'a>,
}

impl Fields<'_> {
    fn day(&self, column: &'static str) -> Result<Option<Day>, RowError> {
        let text = self.row.text(column)?;
        if text.is_empty() {
            return Ok(None);
        }
        let day = day::parse(&text.replace('/', "-"));
        day.map(Some).ok_or_else(|| self.row.error(column, format!("{text:?} is no day such as 2002/08/19")))
    }

    fn row(&self) -> Result<Row, RowError> {
        let report =
            self.day("Date_Notification")?.ok_or_else(|| self.row.error("Date_Notification", "empty"))?;
        let onset = self.day("Date_Onset")?;
        if onset.is_some_and(|onset| onset > report) {
            return Err(self.row.error("Date_Onset", "it is after the notification"));
        }
        let diagnosis = self.day("Date_Confirmation")?;
        if diagnosis.zip(onset).is_some_and(|(diagnosis, onset)| diagnosis < onset) {
            return Err(self.row.error("Date_Confirmation", "it is before the onset"));
        }
        let (county, township) = (self.row.text("County_living")?, self.row.text("Township_living")?);
        let named: Vec<_> = [county, township].into_iter().filter(|name| !name.is_empty()).collect();
        let district = named.iter().map(|name| code(name)).collect::<Vec<_>>().join(".");
        let district_name = named.join(" / ");
        let visible = !district_name.chars().any(char::is_control);
        if district.len() > 48
            || district_name.len() > 96
            || district.is_empty() != named.is_empty()
            || !visible
        {
            return Err(self.row.error("Township_living", format!("{district_name:?} makes no code")));
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
        Ok(Row {
            line: self.row.line,
            facts,
            district,
            district_name,
            cases: self.cases()?,
            hash: self.hash(),
        })
    }

    fn origin(&self) -> Result<Origin, RowError> {
        match self.row.text("Imported")? {
            "N" => Ok(Origin::Local),
            "Y" => Ok(Origin::Imported),
            other => Err(self.row.error("Imported", format!("{other:?} is neither Y nor N"))),
        }
    }

    fn sex(&self) -> Result<Sex, RowError> {
        match self.row.text("Sex")? {
            "F" => Ok(Sex::Female),
            "M" => Ok(Sex::Male),
            "" => Ok(Sex::Unspecified),
            other => Err(self.row.error("Sex", format!("{other:?} is neither F nor M"))),
        }
    }

    /// The list has single years below 5.
    fn age_band(&self) -> Result<String, RowError> {
        let text = self.row.text("Age_Group")?;
        if matches!(text, "0" | "1" | "2" | "3" | "4") {
            return Ok("0-4".into());
        }
        if text.is_empty() || crate::contract::AGE_BANDS.contains(&text) {
            return Ok(text.to_owned());
        }
        Err(self.row.error("Age_Group", format!("{text:?} is no age group")))
    }

    fn cases(&self) -> Result<u32, RowError> {
        let text = self.row.text("Number_of_confirmed_cases")?;
        let number = text.parse().ok().filter(|number| (1..=CASES_OF_ROW_MAX).contains(number));
        number.ok_or_else(|| {
            self.row.error("Number_of_confirmed_cases", format!("{text:?} is not 1 to {CASES_OF_ROW_MAX}"))
        })
    }

    fn hash(&self) -> [u8; 32] {
        sha256(&[b"hutong line list row\0", &self.row.content()]).0
    }
}

/// A code from a name: `Fengshan Dist.` is `fengshan-dist`.
fn code(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
