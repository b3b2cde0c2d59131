//! Answers to what a service asks. The form of numbers and times is checked here, by hand: a rule of the ledger must not
//! change with a library.

use hutong_ledger::{canon::ascending, contract::Refusal};
use hutong_wire::v1::requests::{self as wire, Datatype};

use super::form;

const ANSWERS_BYTES_MAX: usize = 16 * 1024;
const VALUE_CHARS_MAX: usize = 1024;

/// Whether answers fit what the service asks. They ascend by code.
pub fn check_answers(service: &wire::Service, answers: &[wire::AttributeAnswer]) -> Result<(), Refusal> {
    let bytes: usize = answers.iter().flat_map(|answer| &answer.values).map(String::len).sum();
    if !ascending(answers, |answer| answer.code.clone()) || bytes > ANSWERS_BYTES_MAX {
        let told = "answers ascend by code, each once, and take at most 16 KiB";
        return Err(Refusal::new("attribute_invalid", told).at("attributes"));
    }
    for answer in answers {
        let asked = service.attributes.iter().find(|asked| asked.code == answer.code && asked.variable);
        let unknown = || {
            let told = format!("{} does not ask for {:?}", service.code, answer.code);
            Refusal::new("attribute_unknown", told).at(field(&answer.code))
        };
        check(asked.ok_or_else(unknown)?, &answer.values)?;
    }
    let answered = |code: &str| answers.iter().any(|answer| answer.code == code);
    let missing = service.attributes.iter().find(|asked| asked.required && !answered(&asked.code));
    missing.map_or(Ok(()), |asked| {
        let told = format!("{} needs {:?}", service.code, asked.code);
        Err(Refusal::new("attribute_missing", told).at(field(&asked.code)))
    })
}

fn check(asked: &wire::Attribute, values: &[String]) -> Result<(), Refusal> {
    let invalid = |told: String| Refusal::new("attribute_invalid", told).at(field(&asked.code));
    let datatype = asked.datatype();
    if values.is_empty() || values.len() > 1 && datatype != Datatype::Multivaluelist {
        return Err(invalid("one value, or for a multivaluelist at least one".into()));
    }
    for (at, value) in values.iter().enumerate() {
        let lines = datatype == Datatype::Text;
        if value.is_empty() || !form::is_text(value, VALUE_CHARS_MAX, lines) {
            return Err(invalid(format!("1 to {VALUE_CHARS_MAX} characters without control characters")));
        }
        let fits = match datatype {
            Datatype::Number => is_number(value),
            Datatype::Datetime => is_datetime(value),
            Datatype::Singlevaluelist | Datatype::Multivaluelist => {
                asked.values.iter().any(|choice| choice.key == *value) && !values[..at].contains(value)
            }
            Datatype::String | Datatype::Text | Datatype::Unspecified => true,
        };
        if !fits {
            let told = match datatype {
                Datatype::Number => "a decimal number, such as -12.5".to_owned(),
                Datatype::Datetime => {
                    "a date and time with its zone, such as 2026-01-31T08:00:00+08:00".to_owned()
                }
                _ => {
                    let keys: Vec<_> = asked.values.iter().map(|choice| choice.key.as_str()).collect();
                    format!("each once of {}", keys.join(", "))
                }
            };
            return Err(invalid(told));
        }
    }
    Ok(())
}

fn field(code: &str) -> String {
    format!("attribute[{code}]")
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, part].iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// RFC 3339: a day of the calendar, a time, a zone.
fn is_datetime(text: &str) -> bool {
    read_datetime(text.as_bytes()).is_some()
}

fn read_datetime(text: &[u8]) -> Option<()> {
    let number = |from: usize, digits: usize, range: std::ops::RangeInclusive<u32>| {
        let digits = text.get(from..from + digits)?;
        let all = digits.iter().all(u8::is_ascii_digit);
        let number = digits.iter().fold(0, |n, digit| n * 10 + u32::from(digit.wrapping_sub(b'0')));
        (all && range.contains(&number)).then_some(number)
    };
    let is = |at: usize, wanted: &[u8]| text.get(at).filter(|b| wanted.contains(b)).map(|_| ());
    let year = number(0, 4, 0..=9999)?;
    is(4, b"-")?;
    let month = number(5, 2, 1..=12)?;
    is(7, b"-")?;
    number(8, 2, 1..=days(year, month))?;
    is(10, b"Tt")?;
    number(11, 2, 0..=23)?;
    is(13, b":")?;
    number(14, 2, 0..=59)?;
    is(16, b":")?;
    number(17, 2, 0..=59)?;
    let mut at = 19;
    if is(at, b".").is_some() {
        let digits = text[at + 1..].iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=9).contains(&digits) {
            return None;
        }
        at += 1 + digits;
    }
    if is(at, b"Zz").is_some() {
        return (text.len() == at + 1).then_some(());
    }
    is(at, b"+-")?;
    number(at + 1, 2, 0..=23)?;
    is(at + 3, b":")?;
    number(at + 4, 2, 0..=59)?;
    (text.len() == at + 6).then_some(())
}

const fn days(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        for text in ["0", "12", "-12.5", "007", "1.0"] {
            assert!(is_number(text), "{text}");
        }
        for text in ["", "-", "1.", ".5", "1e3", "+1", "1,5", "NaN", "١"] {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn datetimes() {
        for text in ["2026-01-31T08:00:00Z", "2024-02-29t08:00:00.123+08:00", "2000-02-29T23:59:59-04:30"] {
            assert!(is_datetime(text), "{text}");
        }
        for text in [
            "2026-01-31",
            "2026-02-29T08:00:00Z",
            "1900-02-29T08:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T08:00:00",
            "2026-01-31T08:00:00Zx",
            "2026-01-31T08:00:00.Z",
            "2026-01-31T08:00:00+08",
            "２026-01-31T08:00:00Z",
        ] {
            assert!(!is_datetime(text), "{text}");
        }
    }
}
