//! What is in a store, and in which version of its form: so that software never takes rows for something that they are not.

use std::path::Path;

use redb::{Database, ReadableDatabase as _, TableDefinition, TableError};

use crate::Error;

/// One row: the name and the version.
const FORM: TableDefinition<'static, &str, u32> = TableDefinition::new("form");

/// The form of a store's tables. A change of any table's rows needs a new version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// What is in it, such as `vault keys`.
    pub name: &'static str,
    pub version: u32,
}

/// Writes the form into a new store, and holds it against that of one that was written before.
pub(crate) fn check(database: &Database, path: &Path, form: Form) -> Result<(), Error> {
    match read(database)? {
        None => write(database, form),
        Some((name, version)) if name == form.name && version == form.version => Ok(()),
        Some((name, version)) => Err(Error::Form {
            path: path.to_owned(),
            found: format!("{name}, version {version}"),
            known: form,
        }),
    }
}

fn read(database: &Database) -> Result<Option<(String, u32)>, Error> {
    let transaction = database.begin_read().map_err(Error::redb("read"))?;
    let table = match transaction.open_table(FORM) {
        Ok(table) => table,
        Err(TableError::TableDoesNotExist(_)) => return Ok(None),
        Err(error) => return Err(Error::redb("read")(error)),
    };
    let mut rows = table.range::<&str>(..).map_err(Error::redb("read"))?;
    let row = rows.next().transpose().map_err(Error::redb("read"))?;
    Ok(row.map(|(name, version)| (name.value().to_owned(), version.value())))
}

fn write(database: &Database, form: Form) -> Result<(), Error> {
    let transaction = database.begin_write().map_err(Error::redb("write"))?;
    transaction
        .open_table(FORM)
        .map_err(Error::redb("write"))?
        .insert(form.name, form.version)
        .map_err(Error::redb("write"))?;
    transaction.commit().map_err(Error::redb("write"))
}
