//! Files of records, as each record type reads them: what its owner signs, or what is posted to its API.

use std::fmt::Display;

use bytes::Bytes;
use hutong_ledger::id::AgencyId;
use serde::Serialize;
use serde_json::Value;

/// Reads a file; the error says why it is none of the domain's.
pub type Import = fn(&[u8], &Importing) -> Result<Imported, String>;

/// For whom a file is read, and when.
#[derive(Clone, Copy, Debug)]
pub struct Importing {
    /// Signs what the file holds.
    pub owner: AgencyId,
    /// Another agency, for what takes two.
    pub second: Option<AgencyId>,
    pub now_ms: u64,
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Imported {
    pub steps: Vec<Step>,
    /// Rows that can't be read; the rest is loaded.
    pub broken_rows: Vec<BrokenRow>,
    /// What is wrong in rows that are loaded all the same, without it.
    pub warnings: Vec<BrokenRow>,
}

/// One piece of a load.
#[derive(Debug)]
pub enum Step {
    /// An action for the owner to sign, and for the second party where it takes two. Its nonce is the row's own, so that
    /// loading again doubles nothing.
    Sign { nonce: [u8; 16], action: Bytes, by_both: bool },
    /// A document to post to the domain's API, with how many records it has.
    Post { path: &'static str, kind: &'static str, body: String, records: u64 },
    /// What is only so for now: it goes to the domain's API after all else, and becomes no record.
    Tell { path: &'static str, body: Value },
}

/// A row that can't be read.
#[derive(Clone, Debug, Serialize)]
pub struct BrokenRow {
    #[serde(flatten)]
    pub row: Value,
    /// The same in words.
    #[serde(skip)]
    pub text: String,
}

impl BrokenRow {
    pub fn of(error: &(impl Serialize + Display)) -> Self {
        let text = error.to_string();
        let row = serde_json::to_value(error).ok().filter(Value::is_object);
        Self { row: row.unwrap_or_else(|| serde_json::json!({ "reason": text })), text }
    }
}

impl Imported {
    /// Actions that the owner alone signs.
    pub fn owners<E: Serialize + Display>(actions: Vec<([u8; 16], Bytes)>, broken: &[E]) -> Self {
        let steps = actions.into_iter().map(|(nonce, action)| Step::Sign { nonce, action, by_both: false });
        let broken_rows = broken.iter().map(BrokenRow::of).collect();
        Self { steps: steps.collect(), broken_rows, warnings: Vec::new() }
    }
}

/// Sales of property: a first registration and a transfer each.
pub fn property(file: &[u8], importing: &Importing) -> Result<Imported, String> {
    let buyers = importing.second.ok_or("a transfer needs a second agency")?;
    let agents = hutong_property::sales::Agents { sellers: importing.owner, buyers };
    let (sales, broken) = hutong_property::sales::read(file, agents).map_err(|error| error.to_string())?;
    let mut steps = Vec::with_capacity(2 * sales.len());
    for sale in &sales {
        for ((nonce, action), by_both) in sale.steps().into_iter().zip([false, true]) {
            steps.push(Step::Sign { nonce, action: action.clone(), by_both });
        }
    }
    let broken_rows = broken.iter().map(BrokenRow::of).collect();
    Ok(Imported { steps, broken_rows, warnings: Vec::new() })
}

/// Past requests of citizens.
pub fn requests(file: &[u8], _: &Importing) -> Result<Imported, String> {
    let prepared = hutong_requests::import::actions(file).map_err(|error| error.to_string())?;
    Ok(Imported::owners(prepared.actions, &prepared.broken_rows))
}

/// Clinical resources, which the health service seals: they are posted to it as Bundles.
pub fn health(file: &[u8], _: &Importing) -> Result<Imported, String> {
    let import = hutong_health::import::import(file).map_err(|error| error.to_string())?;
    let steps = import.loads.into_iter().map(|load| Step::Post {
        path: "/fhir/R4",
        kind: "application/fhir+json",
        body: load.bundle,
        records: load.resources as u64,
    });
    let broken = import
        .refused
        .into_iter()
        .map(|reason| BrokenRow { row: serde_json::json!({ "reason": reason }), text: reason });
    Ok(Imported { steps: steps.collect(), broken_rows: broken.collect(), warnings: Vec::new() })
}

/// A line list of cases.
pub fn epidemic(file: &[u8], _: &Importing) -> Result<Imported, String> {
    let prepared = hutong_epidemic::import::actions(file).map_err(|error| error.to_string())?;
    Ok(Imported::owners(prepared.actions, &prepared.broken_rows))
}

/// The feed of an operator of car parks: sites as records, occupancy as it is now.
pub fn parking(file: &[u8], importing: &Importing) -> Result<Imported, String> {
    let import = hutong_parking::import(file, importing.now_ms).map_err(|error| error.to_string())?;
    let mut imported = Imported::owners(hutong_parking::actions(&import), &import.broken_rows);
    imported.warnings = import.broken_updates.iter().map(BrokenRow::of).collect();
    for updates in import.realtime.chunks(1000) {
        let sent: Vec<_> = updates.iter().map(hutong_parking::Update::to_sent).collect();
        imported.steps.push(Step::Tell { path: "/parking/v1/realtime", body: serde_json::json!(sent) });
    }
    Ok(imported)
}

/// Licences as open data.
pub fn licensing(file: &[u8], _: &Importing) -> Result<Imported, String> {
    let (entries, broken) = hutong_licensing::import::import(file);
    let actions = entries.into_iter().map(|entry| (entry.nonce(), entry.action)).collect();
    Ok(Imported::owners(actions, &broken))
}
