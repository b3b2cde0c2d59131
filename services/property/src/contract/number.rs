//! The real-estate unit number (GB/T 37346): 28 characters without a check digit.

use hutong_ledger::contract::Refusal;

/// What stands on the land or under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixture {
    /// F: houses and other buildings.
    Building,
    /// L: woods.
    Woods,
    /// Q: anything else.
    Other,
    /// W: nothing; its number is 00000000.
    None,
}

/// A number, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitNumber<'a> {
    pub county: &'a str,
    pub cadastral_district: &'a str,
    pub sub_district: &'a str,
    /// The kind of right (G, J or Z) and of use (A to Y).
    pub feature: &'a str,
    pub parcel: &'a str,
    pub fixture: Fixture,
    pub fixture_number: &'a str,
}

impl<'a> UnitNumber<'a> {
    pub fn parse(number: &'a str) -> Result<Self, Refusal> {
        let invalid = |why: &str| Refusal::new("unit_number_invalid", why.to_owned()).at("unit.number");
        if number.len() != 28 || !number.is_ascii() {
            return Err(invalid("a real-estate unit number has 28 characters"));
        }
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let parsed = Self {
            county: &number[..6],
            cadastral_district: &number[6..9],
            sub_district: &number[9..12],
            feature: &number[12..14],
            parcel: &number[14..19],
            fixture: match &number[19..20] {
                "F" => Fixture::Building,
                "L" => Fixture::Woods,
                "Q" => Fixture::Other,
                "W" => Fixture::None,
                _ => return Err(invalid("the fixture is F, L, Q or W")),
            },
            fixture_number: &number[20..],
        };
        if !digits(&number[..12]) || parsed.county.starts_with('0') {
            return Err(invalid("county, district and sub-district are 12 digits, the first not 0"));
        }
        if !matches!(parsed.feature.as_bytes(), [b'G' | b'J' | b'Z', b'A'..=b'Y']) {
            return Err(invalid("the feature of the parcel is G, J or Z and A to Y"));
        }
        if !digits(parsed.parcel) || parsed.parcel == "00000" {
            return Err(invalid("the parcel is 00001 to 99999"));
        }
        if !digits(parsed.fixture_number)
            || (parsed.fixture == Fixture::None) != (parsed.fixture_number == "00000000")
        {
            return Err(invalid("a fixture's number is 8 digits, and 00000000 exactly where there is none"));
        }
        Ok(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standards_example_is_taken_apart() {
        let number = UnitNumber::parse("110108001002GB00003F00010023").unwrap();
        assert_eq!((number.county, number.cadastral_district, number.sub_district), ("110108", "001", "002"));
        assert_eq!((number.feature, number.parcel), ("GB", "00003"));
        assert_eq!((number.fixture, number.fixture_number), (Fixture::Building, "00010023"));
        let bare = UnitNumber::parse("110108001002GB00003W00000000").unwrap();
        assert_eq!(bare.fixture, Fixture::None);
    }

    #[test]
    fn what_is_none_is_refused() {
        for number in [
            "",
            "110108001002GB00003F0001002",
            "110108001002GB00003F000100234",
            "010108001002GB00003F00010023",
            "1101080010O2GB00003F00010023",
            "110108001002AB00003F00010023",
            "110108001002GZ00003F00010023",
            "110108001002gb00003F00010023",
            "110108001002GB00000F00010023",
            "110108001002GB00003X00010023",
            "110108001002GB00003F0001002x",
            "110108001002GB00003W00000001",
            "110108001002GB00003F00000000",
            "110108001002GB0003岳F00010023",
        ] {
            assert_eq!(UnitNumber::parse(number).unwrap_err().code, "unit_number_invalid", "{number}");
        }
    }
}
