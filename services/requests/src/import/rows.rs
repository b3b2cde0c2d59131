//! A file of comma-separated values, cut into rows. A field in quotes may have line ends, so a quote that is never closed
//! could swallow the rest of a file: a row is looked for in a few lines only, and behind one that is broken reading
//! begins again with the next line that starts a row.

use super::RowError;

/// The most lines of one row.
const LINES_MAX: usize = 32;

type Cut = Result<(u64, csv::ByteRecord), RowError>;

/// The header, and each row with its line or what is wrong with it.
pub(super) fn cut(file: &[u8]) -> (csv::ByteRecord, Vec<Cut>) {
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
        let found = row(&lines, at);
        match found {
            Some((fields, next)) if fields.len() == columns => {
                rows.push(Ok((line, fields)));
                (at, lost) = (next, false);
                continue;
            }
            _ if lost && !starts(lines[at]) => {}
            Some((fields, _)) => {
                let reason = format!("{columns} fields expected, {} found", fields.len());
                rows.push(Err(RowError { line, field: "row".into(), reason }));
            }
            None => {
                let reason = "a quote is not closed".into();
                rows.push(Err(RowError { line, field: "row".into(), reason }));
            }
        }
        (at, lost) = (at + 1, true);
    }
    (header, rows)
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
        quotes += line.iter().filter(|byte| **byte == b'"').count();
        text.extend_from_slice(line);
        if quotes % 2 == 0 {
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&text[..]);
            let mut fields = csv::ByteRecord::new();
            // Reading from memory does not fail.
            reader.read_byte_record(&mut fields).ok()?;
            return Some((fields, at + count + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(file: &str) -> (Vec<String>, Vec<u64>) {
        let (mut keys, mut broken) = (Vec::new(), Vec::new());
        for row in cut(file.as_bytes()).1 {
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
        assert!(cut(b"\"").0.is_empty());
    }
}
