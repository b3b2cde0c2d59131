//! Fields of a JSON row. A value may be plain, or wrapped as NGSI does: `{"type": …, "value": …}`.

use hutong_wire::v1::parking::{self as wire, Audience};
use serde_json::Value;

use super::{time, utm};

pub(super) struct Fields<'a>(pub(super) &'a Value);

impl<'a> Fields<'a> {
    /// The value, if there is one that says something.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        let value = self.0.get(name)?;
        let value = if value.is_object() { value.get("value").unwrap_or(value) } else { value };
        let empty = value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
        (!empty).then_some(value)
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, String> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(clean(text))),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("{name} is no text")),
        }
    }

    pub(super) fn need_text(&self, name: &str) -> Result<String, String> {
        self.text(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// A number, plain or as a text.
    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, String> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            Some(Value::String(text)) => text.trim().replace(',', ".").parse().ok(),
            Some(_) => None,
        };
        number.filter(|n| n.is_finite()).map(Some).ok_or_else(|| format!("{name} is no number"))
    }

    /// A whole number.
    pub(super) fn whole(&self, name: &str) -> Result<Option<i64>, String> {
        let Some(number) = self.number(name)? else { return Ok(None) };
        if number.fract() != 0.0 || number.abs() > 1e15 {
            return Err(format!("{name} is no whole number"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
        let whole = number as i64;
        Ok(Some(whole))
    }

    /// A whole number from 0 on.
    pub(super) fn count(&self, name: &str) -> Result<Option<u32>, String> {
        let whole = self.whole(name)?;
        let count = whole.map(u32::try_from).transpose();
        count.map_err(|_| format!("{name} is below 0 or far too large"))
    }

    pub(super) fn need_count(&self, name: &str) -> Result<u32, String> {
        self.count(name)?.ok_or_else(|| format!("{name} is missing"))
    }

    /// Metres as centimetres; 0 stands for none.
    pub(super) fn centimetres(&self, name: &str) -> Result<u32, String> {
        // "-" is how spreadsheets leave a cell empty.
        if self.get(name).and_then(Value::as_str).is_some_and(|text| text.trim() == "-") {
            return Ok(0);
        }
        let Some(metres) = self.number(name)? else { return Ok(0) };
        centimetres(metres).ok_or_else(|| format!("{name} is no height"))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<u64>, String> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        time::parse_ms(&text).map(Some).ok_or_else(|| format!("{name} is no time"))
    }

    /// Of a GeoJSON point.
    pub(super) fn place(&self) -> Result<(i64, i64), String> {
        let coordinates = self.0["geometry"]["coordinates"].as_array();
        let [x, y] = match coordinates.map(Vec::as_slice) {
            Some([x, y, ..]) => [x.as_f64(), y.as_f64()],
            _ => [None, None],
        };
        let (x, y) = x.zip(y).ok_or("the position is missing")?;
        place(y, x)
    }
}

pub(super) fn centimetres(metres: f64) -> Option<u32> {
    let fits = (0.0..=100.0).contains(&metres);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 10,000")]
    fits.then(|| (metres * 100.0).round() as u32)
}

/// A position in units of 10^-7 degrees. What cannot be degrees is northing and easting in UTM zone 32.
pub(super) fn place(lat: f64, lon: f64) -> Result<(i64, i64), String> {
    let (lat, lon) = if lat.abs() > 90.0 || lon.abs() > 180.0 { utm::degrees(lon, lat) } else { (lat, lon) };
    if !(lat.is_finite() && lon.is_finite()) || lat.abs() > 90.0 || lon.abs() > 180.0 {
        return Err("the position is nowhere".into());
    }
    if lat == 0.0 && lon == 0.0 {
        return Err("the position is 0, 0".into());
    }
    #[expect(clippy::cast_possible_truncation, reason = "at most 1.8 thousand million")]
    Ok(((lat * 1e7).round() as i64, (lon * 1e7).round() as i64))
}

/// A text on one line.
pub(super) fn clean(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_control() || c == '\u{a0}' { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

pub(super) fn restriction(kind: Audience, capacity: u32) -> wire::Restriction {
    wire::Restriction { r#type: kind.into(), capacity }
}

/// Street, postcode and town, as far as they are known.
pub(super) fn address(street: Option<String>, postcode: Option<String>, town: Option<String>) -> String {
    match (street, postcode, town) {
        (Some(street), Some(postcode), Some(town)) => format!("{street}, {postcode} {town}"),
        (Some(street), None, Some(town)) => format!("{street}, {town}"),
        (Some(street), _, None) => street,
        _ => String::new(),
    }
}
