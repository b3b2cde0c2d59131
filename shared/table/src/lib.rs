//! Tables of comma-separated values (RFC 4180) that somebody else made: each row is read whole, or is an error with its
//! line; a row that is broken breaks no other.
//!
//! It knows nothing of what the columns mean, and reads from memory alone.

mod cut;

/// A row that cannot be read. The rest of the file can.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("line {line}, {field}: {reason}")]
pub struct RowError {
    /// From 1; the header has one too.
    pub line: u64,
    /// The column at fault, or `row`.
    pub field: String,
    pub reason: String,
}

/// A column without which the file is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingColumn(pub &'static str);

/// What may stand in quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quotes {
    /// A row is a line: a quote that is never closed breaks its own row and none after it.
    OneLine,
    /// Line ends too, as long as the row stays within a few lines.
    Lines,
}

/// A table in memory.
#[derive(Debug)]
pub struct Table {
    header: csv::ByteRecord,
    rows: Vec<Result<(u64, csv::ByteRecord), RowError>>,
}

impl Table {
    /// Cuts a file, which may begin with a byte order mark, into rows. Other columns than the needed may stand beside them.
    pub fn read(file: &[u8], quotes: Quotes, needed: &[&'static str]) -> Result<Self, MissingColumn> {
        let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
        let (header, rows) = match quotes {
            Quotes::OneLine => cut::one_line(file),
            Quotes::Lines => cut::lines(file),
        };
        let has = |column: &str| header.iter().any(|name| name.trim_ascii() == column.as_bytes());
        match needed.iter().find(|column| !has(column)) {
            Some(missing) => Err(MissingColumn(missing)),
            None => Ok(Self { header, rows }),
        }
    }

    /// What each row says, in order, and the rows that are broken.
    pub fn rows<T>(self, mut parse: impl FnMut(&Row<'_>) -> Result<T, RowError>) -> (Vec<T>, Vec<RowError>) {
        let (mut read, mut errors) = (Vec::new(), Vec::new());
        for row in self.rows {
            match row.and_then(|(line, fields)| parse(&Row { line, fields: &fields, header: &self.header })) {
                Ok(row) => read.push(row),
                Err(error) => errors.push(error),
            }
        }
        (read, errors)
    }
}

/// A row with as many fields as the header.
#[derive(Clone, Copy, Debug)]
pub struct Row<'t> {
    pub line: u64,
    fields: &'t csv::ByteRecord,
    header: &'t csv::ByteRecord,
}

impl<'t> Row<'t> {
    /// What is wrong with this row.
    pub fn error(&self, field: &str, reason: impl Into<String>) -> RowError {
        RowError { line: self.line, field: field.to_owned(), reason: reason.into() }
    }

    /// A field without space around it; empty if the table has no such column.
    pub fn text(&self, column: &str) -> Result<&'t str, RowError> {
        let place = self.header.iter().position(|name| name.trim_ascii() == column.as_bytes());
        let field = place.and_then(|place| self.fields.get(place)).unwrap_or_default();
        Ok(std::str::from_utf8(field).map_err(|_| self.error(column, "not UTF-8"))?.trim())
    }

    /// A field that has to say something.
    pub fn filled(&self, column: &str) -> Result<&'t str, RowError> {
        let text = self.text(column)?;
        if text.is_empty() { Err(self.error(column, "empty")) } else { Ok(text) }
    }

    /// All fields as they stand, each behind its length: what is hashed for an id that only this row has.
    pub fn content(&self) -> Vec<u8> {
        let mut content = Vec::new();
        for field in self.fields {
            content.extend_from_slice(&(field.len() as u64).to_be_bytes());
            content.extend_from_slice(field);
        }
        content
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Told = Vec<(u64, String)>;

    fn pairs(file: &[u8]) -> (Told, Told) {
        let table = Table::read(file, Quotes::OneLine, &["a", "b"]).unwrap();
        let (rows, errors) =
            table.rows(|row| Ok((row.line, format!("{}{}", row.filled("a")?, row.text("b")?))));
        (rows, errors.into_iter().map(|error| (error.line, error.field)).collect())
    }

    #[test]
    fn fields_are_found_by_column_and_rows_keep_their_lines() {
        let (rows, errors) =
            pairs(b"\xef\xbb\xbfb , c,a\r\n2,x, 1 \r\n\r\n,,\n\xff,,3\n4,x\n\"6,\"\"\",x,\"5\"");
        assert_eq!(rows, [(2, "12".into()), (7, "56,\"".into())]);
        assert_eq!(errors, [(4, "a".into()), (5, "b".into()), (6, "row".into())]);
    }

    #[test]
    fn a_file_without_a_needed_column_is_another_file() {
        let missing = |file: &[u8]| Table::read(file, Quotes::OneLine, &["a", "b"]).unwrap_err();
        assert_eq!(missing(b""), MissingColumn("a"));
        assert_eq!(missing(b"\xff\xfe\0"), MissingColumn("a"));
        assert_eq!(missing(b"a,\"b\n1,2"), MissingColumn("a"));
        assert_eq!(missing(b"a,B"), MissingColumn("b"));
    }

    #[test]
    fn content_tells_rows_apart_that_only_cuts_differ() {
        let contents = |file: &str| {
            let table = Table::read(file.as_bytes(), Quotes::OneLine, &[]).unwrap();
            table.rows(|row| Ok(row.content())).0
        };
        let found = contents("a,b\nxy,z\nx,yz\nxy,z\n");
        assert_eq!(found[0], found[2]);
        assert_ne!(found[0], found[1]);
    }
}
