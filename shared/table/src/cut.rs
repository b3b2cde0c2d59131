//! Where rows begin and end. A quote that is never closed could swallow the rest of a file: how far it may reach is
//! bounded, by its line or by a few lines, and behind a broken row reading begins again with the next line that starts one.

use crate::RowError;

/// The most lines of one row.
const LINES_MAX: usize = 32;

type Rows = Vec<Result<(u64, csv::ByteRecord), RowError>>;

/// The header, and each row with its line or what is wrong with it; a row is a line.
pub(crate) fn one_line(file: &[u8]) -> (csv::ByteRecord, Rows) {
    let mut lines = file.split(|byte| *byte == b'\n').zip(1..);
    let header = lines.next().and_then(|(line, _)| fields(line)).unwrap_or_default();
    let filled = lines.filter(|(text, _)| !text.trim_ascii().is_empty());
    let rows = filled.map(|(text, line)| match fields(text) {
        Some(fields) if fields.len() == header.len() => Ok((line, fields)),
        found => Err(broken(line, header.len(), found.as_ref())),
    });
    let rows = rows.collect();
    (header, rows)
}

/// The same for rows that may have line ends in quotes.
pub(crate) fn lines(file: &[u8]) -> (csv::ByteRecord, Rows) {
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let (header, mut at) = row(&lines, 0).unwrap_or_default();
    let columns = header.len();
    let mut rows = Vec::new();
    // Whether the lines here may be what is left of a broken row.
    let mut lost = false;
    while at < lines.len() {
        if lines[at].trim_ascii().is_empty() {
            at += 1;
            continue;
        }
        let line = at as u64 + 1;
        match row(&lines, at) {
            Some((fields, next)) if fields.len() == columns => {
                rows.push(Ok((line, fields)));
                (at, lost) = (next, false);
                continue;
            }
            _ if lost && !starts(lines[at]) => {}
            found => rows.push(Err(broken(line, columns, found.map(|(fields, _)| fields).as_ref()))),
        }
        (at, lost) = (at + 1, true);
    }
    (header, rows)
}

fn broken(line: u64, columns: usize, found: Option<&csv::ByteRecord>) -> RowError {
    let reason = match found {
        Some(fields) => format!("{columns} fields expected, {} found", fields.len()),
        None => "a quote is not closed".to_owned(),
    };
    RowError { line, field: "row".into(), reason }
}

/// Whether a line looks like the start of a row: a key, then more.
fn starts(line: &[u8]) -> bool {
    let key = line.split(|byte| *byte == b',').next().unwrap_or_default();
    key.len() < line.len() && (1..=64).contains(&key.len()) && key.iter().all(u8::is_ascii_alphanumeric)
}

/// The row that begins at a line, and the line after it; none if a quote in it is not closed.
fn row(lines: &[&[u8]], at: usize) -> Option<(csv::ByteRecord, usize)> {
    let (mut quotes, mut text) = (0, Vec::new());
    for (count, line) in lines.get(at..)?.iter().take(LINES_MAX).enumerate() {
        quotes += quotes_in(line);
        text.extend_from_slice(line);
        if quotes % 2 == 0 {
            return Some((parse(&text)?, at + count + 1));
        }
    }
    None
}

/// The fields of a line; none if a quote in it is not closed.
fn fields(line: &[u8]) -> Option<csv::ByteRecord> {
    if quotes_in(line) % 2 == 1 { None } else { parse(line) }
}

fn quotes_in(line: &[u8]) -> usize {
    line.iter().filter(|byte| **byte == b'"').count()
}

fn parse(text: &[u8]) -> Option<csv::ByteRecord> {
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).buffer_capacity(text.len().max(1)).from_reader(text);
    let mut fields = csv::ByteRecord::new();
    // Reading from memory does not fail; an empty text leaves the row empty.
    reader.read_byte_record(&mut fields).ok()?;
    Some(fields)
}
#[cfg(test)]
mod tests {
    use super::*;

    fn keys(file: &str) -> (Vec<String>, Vec<u64>) {
        let (mut keys, mut broken) = (Vec::new(), Vec::new());
        for row in lines(file.as_bytes()).1 {
            match row {
                Ok((_, fields)) => keys.push(String::from_utf8(fields[0].to_vec()).unwrap()),
                Err(error) => broken.push(error.line),
            }
        }
        (keys, broken)
    }

    fn read(file: &str, good: &[&str], bad: &[u64]) {
        assert_eq!(keys(file), (good.iter().map(|key| (*key).to_owned()).collect(), bad.to_vec()), "{file}");
    }

    #[test]
    fn rows_have_lines_in_quotes() {
        read("k,a,b\n1,\"x\n,  \n(1, 2)\",z\r\n\n2,y,\"\"\"q\"\"\"", &["1", "2"], &[]);
    }

    #[test]
    fn a_broken_row_breaks_no_other() {
        read("k,a,b\n1,x\n2,x,y\n3,x,y,z\n4,x\n5,x,y\n", &["2", "5"], &[2, 4, 5]);
        // A quote too many turns inside out what follows, up to the next row that is one.
        read("k,a,b\n1,\"x,\"l\n,  \nm\"\n2,x,\"l\n,  \nm\"\n3,x,\"l\n,  \nm\"\n", &["2", "3"], &[2]);
        read("k,a,b\n1,x,\"never closed\n2,x,y\n3,x,y\n", &["2", "3"], &[2]);
    }

    #[test]
    fn what_is_no_table_is_no_row() {
        read("", &[], &[]);
        read("\"", &[], &[1]);
        assert!(lines(b"\"").0.is_empty());
    }
}
