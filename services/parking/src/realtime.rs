//! Updates of occupancy: how they are sent, what is wrong with them, and the line that a day's digest counts.

use std::fmt::Write as _;

use hutong_ledger::contract::Refusal;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::contract::{is_site, iso};

/// The most spots that one update may tell of.
pub const SPOTS_MAX: usize = 1000;
/// No site is larger.
const CAPACITY_MAX: u32 = 1_000_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum OpeningStatus {
    Open,
    Closed,
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SpotStatus {
    Available,
    Taken,
    #[default]
    Unknown,
}

impl OpeningStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "OPEN",
            Self::Closed => "CLOSED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl SpotStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Available => "AVAILABLE",
            Self::Taken => "TAKEN",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// One spot of a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    pub uid: String,
    #[serde(default)]
    pub realtime_status: SpotStatus,
}

/// An update as it is sent, in the names of ParkAPI.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Sent {
    /// The site's name in the city; or else source and source_uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_uid: Option<String>,
    /// RFC 3339.
    pub realtime_data_updated_at: String,
    #[serde(default)]
    pub realtime_opening_status: Option<OpeningStatus>,
    #[serde(default)]
    pub realtime_capacity: Option<u32>,
    #[serde(default)]
    pub realtime_free_capacity: Option<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spots: Vec<Spot>,
}

/// An update of a site's occupancy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The site's name in the city.
    pub site: String,
    /// Unix milliseconds.
    pub updated_at_ms: u64,
    pub status: OpeningStatus,
    pub capacity: Option<u32>,
    pub free: Option<u32>,
    pub spots: Vec<Spot>,
}

/// Reads an RFC 3339 time.
pub fn parse_time_ms(text: &str) -> Option<u64> {
    let time: Timestamp = text.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}

impl Update {
    /// The update that was sent, if it is one.
    pub fn of(sent: &Sent) -> Result<Self, Refusal> {
        let invalid = |field: &str, why: &str| Refusal::new("update_invalid", why.to_owned()).at(field);
        let site = match (&sent.uid, &sent.source, &sent.source_uid) {
            (Some(uid), None, None) => uid.clone(),
            (None, Some(source), Some(uid)) => format!("{source}:{uid}"),
            _ => return Err(invalid("uid", "a site is named by uid, or by source and source_uid")),
        };
        if !is_site(&site) {
            return Err(invalid("uid", "this is no site's name"));
        }
        let updated_at_ms = parse_time_ms(&sent.realtime_data_updated_at)
            .ok_or_else(|| invalid("realtime_data_updated_at", "a time since 1970 in RFC 3339"))?;
        let update = Self {
            site,
            updated_at_ms,
            status: sent.realtime_opening_status.unwrap_or_default(),
            capacity: sent.realtime_capacity,
            free: sent.realtime_free_capacity,
            spots: sent.spots.clone(),
        };
        update.check()?;
        Ok(update)
    }

    /// What can be said without knowing the site.
    pub fn check(&self) -> Result<(), Refusal> {
        let invalid = |field: &str, why: &str| Refusal::new("update_invalid", why.to_owned()).at(field);
        if self.capacity.max(self.free).is_some_and(|number| number > CAPACITY_MAX) {
            return Err(invalid("realtime_capacity", "0 to 1,000,000"));
        }
        let named = |spot: &Spot| {
            (1..=64).contains(&spot.uid.len())
                && spot.uid.bytes().all(|b| b.is_ascii_graphic() && !b",=".contains(&b))
        };
        if self.spots.len() > SPOTS_MAX || !self.spots.iter().all(named) {
            return Err(invalid(
                "spots",
                "at most 1,000, named in 1 to 64 visible ASCII characters but , and =",
            ));
        }
        self.fits(self.capacity)
    }

    /// No more may be free than there is.
    pub fn fits(&self, capacity: Option<u32>) -> Result<(), Refusal> {
        match (self.free, capacity) {
            (Some(free), Some(capacity)) if free > capacity => {
                let message = format!("{free} cannot be free of {capacity}");
                Err(Refusal::new("free_above_capacity", message).at("realtime_free_capacity"))
            }
            _ => Ok(()),
        }
    }

    /// As it is sent.
    pub fn to_sent(&self) -> Sent {
        Sent {
            uid: Some(self.site.clone()),
            source: None,
            source_uid: None,
            realtime_data_updated_at: iso(self.updated_at_ms),
            realtime_opening_status: Some(self.status),
            realtime_capacity: self.capacity,
            realtime_free_capacity: self.free,
            spots: self.spots.clone(),
        }
    }

    /// The line that the digest of a day counts: fields apart by tabs, `-` for what is not told, a newline at the end.
    pub fn line(&self) -> String {
        let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let (capacity, free) = (number(self.capacity), number(self.free));
        let mut line =
            format!("{}\t{}\t{}\t{capacity}\t{free}\t", self.site, self.updated_at_ms, self.status.name());
        for (at, spot) in self.spots.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            let _ = write!(line, "{comma}{}={}", spot.uid, spot.realtime_status.name());
        }
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent() -> Sent {
        Sent {
            source: Some("basel".into()),
            source_uid: Some("anfos".into()),
            realtime_data_updated_at: "2024-07-28T12:06:00Z".into(),
            realtime_capacity: Some(162),
            realtime_free_capacity: Some(7),
            ..Sent::default()
        }
    }

    fn code(change: impl FnOnce(&mut Sent)) -> String {
        let mut sent = sent();
        change(&mut sent);
        Update::of(&sent).unwrap_err().code.into_owned()
    }

    #[test]
    fn an_update_has_one_line() {
        let mut update = Update::of(&sent()).unwrap();
        assert_eq!(update.line(), "basel:anfos\t1722168360000\tUNKNOWN\t162\t7\t\n");
        update.capacity = None;
        update.spots =
            ["a", "b"].map(|uid| Spot { uid: uid.into(), realtime_status: SpotStatus::Taken }).to_vec();
        assert_eq!(update.line(), "basel:anfos\t1722168360000\tUNKNOWN\t-\t7\ta=TAKEN,b=TAKEN\n");
        assert_eq!(Update::of(&update.to_sent()), Ok(update));
    }

    #[test]
    fn what_is_wrong_with_an_update_is_told() {
        assert_eq!(code(|sent| sent.realtime_free_capacity = Some(167)), "free_above_capacity");
        assert_eq!(code(|sent| sent.uid = Some("x".into())), "update_invalid");
        assert_eq!(code(|sent| sent.source_uid = None), "update_invalid");
        assert_eq!(code(|sent| sent.source_uid = Some("a b".into())), "update_invalid");
        assert_eq!(code(|sent| sent.realtime_data_updated_at = "yesterday".into()), "update_invalid");
        assert_eq!(
            code(|sent| sent.realtime_data_updated_at = "1969-12-31T23:59:59Z".into()),
            "update_invalid"
        );
        assert_eq!(code(|sent| sent.realtime_capacity = Some(1_000_001)), "update_invalid");
        let spot = Spot { uid: "a,b".into(), realtime_status: SpotStatus::Taken };
        assert_eq!(code(|sent| sent.spots = vec![spot]), "update_invalid");
        let spot = Spot { uid: "a".into(), realtime_status: SpotStatus::Taken };
        assert_eq!(code(|sent| sent.spots = vec![spot; SPOTS_MAX + 1]), "update_invalid");
    }
}
