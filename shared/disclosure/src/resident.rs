//! Resident ids (GB 11643): 17 digits and a check character, with a date of birth in them.
//!
//! The one thing that names a person everywhere, and so the one that must stand nowhere: not on the ledger, not in a
//! log line, a trace, a URL or an event. [`ResidentId`] shows itself to nobody who does not ask for it by name;
//! [`find_resident_id`] finds one in bytes that should hold none.

use std::{fmt, str::FromStr};

/// The length of an id, in bytes.
const BYTES: usize = 18;
const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const CHECKS: &[u8; 11] = b"10X98765432";
/// Years of birth that can be meant.
const YEARS: std::ops::RangeInclusive<u32> = 1800..=2199;
/// How deep messages within messages are looked into.
const DEPTH_MAX: usize = 16;

/// A resident id whose check character and date are right. The region is not looked at: regions come and go.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ResidentId([u8; BYTES]);

/// What is wrong with a resident id. It does not say the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidResidentId {
    #[error("a resident id has 17 digits and a last character of 0-9 or X")]
    Form,
    #[error("the resident id's date of birth is no day")]
    Date,
    #[error("the resident id's check character does not fit its digits")]
    Check,
}

impl ResidentId {
    /// The id itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn new(bytes: &[u8]) -> Result<Self, InvalidResidentId> {
        let mut id: [u8; BYTES] = bytes.try_into().map_err(|_| InvalidResidentId::Form)?;
        id[17].make_ascii_uppercase();
        if !id[..17].iter().all(u8::is_ascii_digit) || !(id[17].is_ascii_digit() || id[17] == b'X') {
            return Err(InvalidResidentId::Form);
        }
        let number = |part: &[u8]| part.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        if !is_day(number(&id[6..10]), number(&id[10..12]), number(&id[12..14])) {
            return Err(InvalidResidentId::Date);
        }
        let weighted = id.iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight);
        if CHECKS[weighted.sum::<u32>() as usize % CHECKS.len()] != id[17] {
            return Err(InvalidResidentId::Check);
        }
        Ok(Self(id))
    }
}

fn is_day(year: u32, month: u32, day: u32) -> bool {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    YEARS.contains(&year) && (1..=days).contains(&day)
}

impl FromStr for ResidentId {
    type Err = InvalidResidentId;

    /// A small x is read as X: one person has one id.
    fn from_str(text: &str) -> Result<Self, InvalidResidentId> {
        Self::new(text.as_bytes())
    }
}

impl fmt::Debug for ResidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResidentId(…)")
    }
}

/// Whether a valid resident id stands in the bytes by itself: letters or digits neither before nor after it. Bytes that
/// are protobuf messages are looked into, since there the tag of the next field may look like a letter or digit.
pub fn find_resident_id(bytes: &[u8]) -> bool {
    find(bytes, DEPTH_MAX)
}

fn find(bytes: &[u8], depth: usize) -> bool {
    bytes.len() >= BYTES
        && (stands_in(bytes) || depth > 0 && Fields(bytes).any(|field| find(field, depth - 1)))
}

fn stands_in(bytes: &[u8]) -> bool {
    let mut start = 0;
    while let Some(last) = bytes.get(start + 16) {
        // Mostly there is no digit here, and none of the 17 places up to here can begin an id.
        if !last.is_ascii_digit() {
            start += 17;
            continue;
        }
        if let Some(other) = bytes[start..start + 16].iter().rposition(|b| !b.is_ascii_digit()) {
            start += other + 1;
            continue;
        }
        let run = bytes[start..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        let alone = start == 0 || !bytes[start - 1].is_ascii_alphanumeric();
        if alone && run == BYTES && ResidentId::new(&bytes[start..start + BYTES]).is_ok() {
            return true;
        }
        start += run;
    }
    false
}

/// The length-delimited fields of a protobuf message, as far as the bytes are one.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let skip = match varint(&mut self.0)? & 7 {
                0 => varint(&mut self.0).map(|_| 0)?,
                1 => 8,
                2 => {
                    let length = usize::try_from(varint(&mut self.0)?).ok()?;
                    let (field, rest) = self.0.split_at_checked(length)?;
                    self.0 = rest;
                    return Some(field);
                }
                // Groups: what is in them follows.
                3 | 4 => 0,
                5 => 4,
                _ => return None,
            };
            self.0 = self.0.get(skip..)?;
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use hutong_wire::{
        prost::Message,
        v1::disclosure::{Access, Action, Envelope, RequestAccess, action::Kind},
    };
    use proptest::prelude::*;

    use super::*;

    const VALID: [&str; 2] = ["11010519491231002X", "110101199003070054"];

    #[test]
    fn ids_are_checked() {
        for id in VALID {
            assert_eq!(id.parse::<ResidentId>().unwrap().expose(), id);
        }
        let parse = |text: &str| text.parse::<ResidentId>();
        assert_eq!(parse("11010519491231002x").unwrap(), parse(VALID[0]).unwrap());
        assert_eq!(parse("11010119900307005X"), Err(InvalidResidentId::Check));
        assert_eq!(parse("110101202002300019"), Err(InvalidResidentId::Date));
        for form in
            ["", "11010519491231002", "11010519491231002X0", "X1010519491231002X", "11010519491231002Y"]
        {
            assert_eq!(parse(form), Err(InvalidResidentId::Form), "{form}");
        }
        assert_eq!(parse("１１0105194912310"), Err(InvalidResidentId::Form));
    }

    #[test]
    fn days() {
        for (year, month, day) in [(2000, 2, 29), (2024, 2, 29), (1999, 12, 31), (1990, 4, 30)] {
            assert!(is_day(year, month, day), "{year}-{month}-{day}");
        }
        let none = [(1900, 2, 29), (2023, 2, 29), (2024, 2, 30), (1990, 4, 31), (1990, 13, 1), (1990, 0, 1)];
        for (year, month, day) in
            none.into_iter().chain([(1990, 1, 0), (1990, 1, 32), (0, 1, 1), (9999, 1, 1)])
        {
            assert!(!is_day(year, month, day), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn it_is_shown_to_nobody() {
        let id: ResidentId = VALID[0].parse().unwrap();
        assert_eq!(format!("{id:?}"), "ResidentId(…)");
        for wrong in ["11010119900307005X", "110101202002300019", "1101"] {
            let told = format!("{0} {0:?}", wrong.parse::<ResidentId>().unwrap_err());
            assert!(!told.contains("1101"), "{told}");
        }
    }

    #[test]
    fn ids_are_found_where_they_stand_alone() {
        for id in VALID {
            for (before, after) in
                [("", ""), ("id: ", "."), ("\"", "\""), ("身份证", "号"), ("12 ", " 3"), ("a-", "-7")]
            {
                assert!(find_resident_id(format!("{before}{id}{after}").as_bytes()), "{before}{id}{after}");
            }
            for (before, after) in [("1", ""), ("", "1"), ("a", ""), ("", "f"), ("", "X")] {
                assert!(!find_resident_id(format!("{before}{id}{after}").as_bytes()), "{before}{id}{after}");
            }
        }
        assert!(find_resident_id(b"11010119900307005X 11010519491231002x"), "the second one");
        for none in ["11010119900307005X", "110101202002300019", "110105-19491231-002X", ""] {
            assert!(!find_resident_id(none.as_bytes()), "{none}");
        }
    }

    /// The tag of a field may be a digit or letter, and so may the length of a text.
    #[test]
    fn ids_are_found_in_messages() {
        for (id, before) in VALID.into_iter().flat_map(|id| (0..60).map(move |n| (id, "-".repeat(n)))) {
            let access = Access {
                official: format!("{before}{id}"),
                purpose: "0".into(),
                time_ms: 1,
                requester: id.into(),
                ..Access::default()
            };
            assert!(find_resident_id(&access.encode_to_vec()), "{id}");
            let kind = Kind::RequestAccess(RequestAccess {
                purpose: format!("{before}{id}"),
                sealed_until_ms: 1,
                ..RequestAccess::default()
            });
            let envelope = Envelope { disclosure: Some(Action { kind: Some(kind) }) };
            assert!(find_resident_id(&envelope.encode_to_vec()), "{id}");
        }
    }

    /// The plainest way to look.
    fn plainly(bytes: &[u8]) -> bool {
        let edge = |at: Option<&u8>| at.is_none_or(|b| !b.is_ascii_alphanumeric());
        (0..bytes.len().saturating_sub(BYTES - 1)).any(|at| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            ResidentId::new(&bytes[at..at + BYTES]).is_ok() && edge(before) && edge(bytes.get(at + BYTES))
        })
    }

    proptest! {
        #[test]
        fn leaping_finds_what_looking_everywhere_finds(text in "([0-9]{0,20}|[ -z]{0,3}|11010519491231002X|110101199003070054){0,8}") {
            prop_assert_eq!(stands_in(text.as_bytes()), plainly(text.as_bytes()));
        }

        #[test]
        fn any_bytes_are_looked_into_quietly(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = find_resident_id(&bytes);
        }

        #[test]
        fn any_wrong_digit_shows(at in 0..18_usize, digit in 0..10_u8) {
            let mut id = VALID[1].as_bytes().to_vec();
            let other = b'0' + digit;
            prop_assume!(id[at] != other);
            id[at] = other;
            prop_assert!(ResidentId::new(&id).is_err());
        }
    }

    /// Nested messages cost no more than their depth allows.
    #[test]
    fn deep_nesting_is_bounded() {
        let mut bytes = vec![b'1'; 1000];
        for _ in 0..10_000 {
            let length = bytes.len();
            let mut outer = vec![0x0a];
            let mut rest = length;
            while rest >= 0x80 {
                outer.push(rest as u8 | 0x80);
                rest >>= 7;
            }
            outer.push(rest as u8);
            outer.extend(&bytes);
            bytes = outer;
            if bytes.len() > 60_000 {
                break;
            }
        }
        assert!(!find_resident_id(&bytes));
    }
}
