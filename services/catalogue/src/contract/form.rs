//! The forms of texts, each checked where it comes in: whatever stands in a record is bounded and can be shown.

use hutong_ledger::{contract::Refusal, id::RecordId};

/// A record named by a kind's prefix and an id: 1 to 64 of a-z, 0-9 and -.
pub(super) fn record(prefix: &str, id: &str, code: &'static str) -> Result<RecordId, Refusal> {
    let valid = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let refusal = || Refusal::new(code, "an id is 1 to 64 of a-z, 0-9 and -").at("id");
    if valid { format!("{prefix}{id}").parse().map_err(|_| refusal()) } else { Err(refusal()) }
}

/// Says no under one code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) code: &'static str,
}

impl Form {
    pub(super) fn no(self, field: &str, message: impl Into<String>) -> Refusal {
        Refusal::new(self.code, message).at(field)
    }

    /// One line for people: 1 to `max` bytes, nothing that cannot be seen, no space at the ends.
    pub(super) fn line(self, text: &str, max: usize, field: &str) -> Result<(), Refusal> {
        let visible = text.trim() == text && !text.chars().any(char::is_control);
        if (1..=max).contains(&text.len()) && visible {
            return Ok(());
        }
        Err(self.no(field, format!("1 to {max} bytes on one line, no space at the ends")))
    }

    /// Several lines for people.
    pub(super) fn lines(self, text: &str, max: usize, field: &str) -> Result<(), Refusal> {
        let visible = !text.trim().is_empty() && !text.chars().any(|c| c.is_control() && c != '\n');
        if text.len() <= max && visible {
            return Ok(());
        }
        Err(self.no(field, format!("1 to {max} bytes without control characters")))
    }

    /// A name that programs use: of a record type or a field.
    pub(super) fn name(self, name: &str, field: &str) -> Result<(), Refusal> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
        if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
            return Ok(());
        }
        Err(self.no(field, "a name is 1 to 64 of A-Z, a-z, 0-9, _, - and ."))
    }

    pub(super) fn count(self, count: usize, min: usize, max: usize, field: &str) -> Result<(), Refusal> {
        if (min..=max).contains(&count) {
            return Ok(());
        }
        Err(self.no(field, format!("{min} to {max} of them")))
    }

    /// Each once, in ascending order of bytes: so there is one way to write a set.
    pub(super) fn ascending(self, texts: &[String], field: &str) -> Result<(), Refusal> {
        if texts.is_sorted_by(|a, b| a < b) {
            return Ok(());
        }
        Err(self.no(field, "ascending, each once"))
    }

    /// The path of an API at this city's address.
    pub(super) fn path(self, path: &str, field: &str) -> Result<(), Refusal> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        let steps = path.split('/').skip(1);
        let sound = path.starts_with('/')
            && path.len() <= 256
            && path.bytes().all(fits)
            // An empty first step would name another host; . and .. are no names.
            && !path.starts_with("//")
            && !steps.into_iter().any(|step| matches!(step, "." | ".."));
        if sound {
            return Ok(());
        }
        Err(self.no(field, "a path from the root, of at most 256 of A-Z, a-z, 0-9, /, -, ., _ and ~"))
    }

    /// An absolute address of the web, of the characters that an IRI may have in ASCII.
    pub(super) fn iri(self, iri: &str, field: &str) -> Result<(), Refusal> {
        let rest = iri.strip_prefix("http://").or_else(|| iri.strip_prefix("https://"));
        let fits = |b: u8| b.is_ascii_graphic() && !b"<>\"{}|\\^`".contains(&b);
        let sound = rest.is_some_and(|rest| rest.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric()))
            && iri.len() <= 256
            && iri.bytes().all(fits);
        if sound {
            return Ok(());
        }
        Err(self.no(field, "an IRI that begins with http:// or https://, of at most 256 bytes"))
    }

    /// `type/subtype`, without parameters.
    pub(super) fn media_type(self, text: &str, field: &str) -> Result<(), Refusal> {
        let token = |token: &str| {
            (1..=63).contains(&token.len())
                && token.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
        };
        if text.split_once('/').is_some_and(|(kind, sub)| token(kind) && token(sub)) {
            return Ok(());
        }
        Err(self.no(field, "a media type, such as application/json"))
    }
}
