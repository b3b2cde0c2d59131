//! Codes of organisations: the unified social credit code (GB 32100), with the organisation code (GB 11714) in it. Pure.
//!
//! Only what the code itself says is looked at; whether anyone bears it, the register says.

use std::{fmt, str::FromStr};

/// The letters and digits of a unified social credit code, by value: no I, O, S, V or Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const BYTES: usize = 18;
const ORGANISATION_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
/// Where the organisation code stands in the unified one.
const ORGANISATION: std::ops::Range<usize> = 8..17;

/// A unified social credit code whose check character fits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CreditCode([u8; BYTES]);

/// What is wrong with a unified social credit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCode {
    #[error("a unified social credit code has 18 of 0-9 and A-Z without I, O, S, V and Z")]
    Form,
    #[error("characters 3 to 8 are the digits of a region")]
    Region,
    #[error("the check character does not fit the others")]
    Check,
}

impl InvalidCode {
    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Region => "region",
            Self::Check => "check_character",
        }
    }
}

impl CreditCode {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The organisation code in it.
    pub fn organisation(&self) -> &str {
        &self.as_str()[ORGANISATION]
    }

    /// Whether the organisation code in it has the check character of its own standard. All are made so; it is told apart
    /// from the code's own check since registers hold some that are not.
    pub fn organisation_fits(&self) -> bool {
        is_organisation_code(self.organisation())
    }
}

impl FromStr for CreditCode {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, InvalidCode> {
        let code: [u8; BYTES] = text.as_bytes().try_into().map_err(|_| InvalidCode::Form)?;
        let value = |byte: u8| ALPHABET.iter().position(|letter| *letter == byte);
        if !code.iter().all(|byte| value(*byte).is_some()) {
            return Err(InvalidCode::Form);
        }
        if !code[2..8].iter().all(u8::is_ascii_digit) {
            return Err(InvalidCode::Region);
        }
        let weighted = code.iter().zip(WEIGHTS).filter_map(|(byte, weight)| Some(value(*byte)? * weight));
        let sum: usize = weighted.sum();
        if ALPHABET[(31 - sum % 31) % 31] == code[BYTES - 1] {
            Ok(Self(code))
        } else {
            Err(InvalidCode::Check)
        }
    }
}

impl fmt::Display for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for CreditCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether this is an organisation code (GB 11714), written without its hyphen: eight of 0-9 and A-Z, and the check.
pub fn is_organisation_code(text: &str) -> bool {
    let Ok(code): Result<[u8; 9], _> = text.as_bytes().try_into() else { return false };
    let value = |byte: u8| match byte {
        b'0'..=b'9' => Some(u32::from(byte - b'0')),
        b'A'..=b'Z' => Some(u32::from(byte - b'A') + 10),
        _ => None,
    };
    let weighted: Option<u32> =
        code.iter().zip(ORGANISATION_WEIGHTS).map(|(b, weight)| Some(value(*b)? * weight)).sum();
    let check = weighted.map(|sum| match 11 - sum % 11 {
        10 => b'X',
        11 => b'0',
        digit => b'0' + digit as u8,
    });
    check == Some(code[8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALID: [&str; 3] = ["91110000600037341L", "91350100M000100Y43", "91110000802100433B"];

    #[test]
    fn codes_of_the_standard() {
        for text in VALID {
            let code: CreditCode = text.parse().unwrap();
            assert_eq!((code.as_str(), code.to_string()), (text, text.to_owned()));
            assert!(code.organisation_fits(), "{text}");
        }
        assert_eq!("91350100M000100Y43".parse::<CreditCode>().unwrap().organisation(), "M000100Y4");
        assert!("911100001011011130".parse::<CreditCode>().is_err());
    }

    #[test]
    fn wrong_forms() {
        for text in [
            "",
            "9111000060003734",
            "91110000600037341L0",
            "91110000600037341l",
            "9111000060003734 L",
            "一二三四五六",
        ] {
            assert_eq!(text.parse::<CreditCode>(), Err(InvalidCode::Form), "{text:?}");
        }
        for letter in "IOSVZ".chars() {
            let text = format!("9111000060003734{letter}L");
            assert_eq!(text.parse::<CreditCode>(), Err(InvalidCode::Form));
        }
        assert_eq!("9111A000600037341L".parse::<CreditCode>(), Err(InvalidCode::Region));
        assert_eq!("91110000600037341K".parse::<CreditCode>(), Err(InvalidCode::Check));
    }

    #[test]
    fn organisation_codes() {
        for text in ["600037341", "M000100Y4", "802100433"] {
            assert!(is_organisation_code(text), "{text}");
        }
        for text in ["600037342", "60003734", "6000373411", "", "60003734x", "m000100Y4"] {
            assert!(!is_organisation_code(text), "{text}");
        }
    }

    /// The code of 17 characters with the check that fits.
    fn checked(front: &str) -> String {
        let fits = ALPHABET.iter().map(|check| format!("{front}{}", char::from(*check)));
        let mut fits: Vec<_> = fits.filter(|text| text.parse::<CreditCode>().is_ok()).collect();
        assert_eq!(fits.len(), 1, "one check character fits {front}");
        fits.remove(0)
    }

    proptest! {
        #[test]
        fn one_check_fits_and_any_other_character_is_noticed(
            front in "[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{9}",
            place in 0_usize..18,
            by in 1_usize..31,
        ) {
            let code = checked(&front);
            let mut other = code.clone().into_bytes();
            let value = ALPHABET.iter().position(|letter| *letter == other[place]).unwrap();
            other[place] = ALPHABET[(value + by) % 31];
            // Every weight is prime to 31, so no single slip passes.
            let other = String::from_utf8(other).unwrap();
            prop_assert!(other.parse::<CreditCode>().is_err());
        }

        #[test]
        fn one_check_fits_an_organisation(front in "[0-9A-Z]{8}") {
            let fits = ('0'..='9').chain(['X']).filter(|check| is_organisation_code(&format!("{front}{check}")));
            prop_assert_eq!(fits.count(), 1);
        }

        #[test]
        fn any_text_is_read_quietly(text in ".{0,24}") {
            let _ = text.parse::<CreditCode>();
            let _ = is_organisation_code(&text);
        }
    }
}
