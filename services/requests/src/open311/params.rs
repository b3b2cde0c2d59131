//! Parameters of a call: of the query and of a form's body, each at most once unless it says the same.

use std::collections::BTreeMap;

use super::Fault;

/// The most parameters of one call.
const PARAMS_MAX: usize = 1000;

#[derive(Clone, Debug, Default)]
pub(super) struct Params(BTreeMap<String, Vec<String>>);

impl Params {
    /// Reads `application/x-www-form-urlencoded`, as in a query and in a form's body.
    pub(super) fn read(encoded: &[u8]) -> Result<Self, Fault> {
        let mut params = Self::default();
        for (count, (name, value)) in form_urlencoded::parse(encoded).enumerate() {
            if count == PARAMS_MAX {
                return Err(Fault::bad(format!("At most {PARAMS_MAX} parameters.")));
            }
            // What was no UTF-8 was replaced; who really writes this character loses nothing that means anything.
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(Fault::bad("The parameters are not UTF-8."));
            }
            params.0.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(params)
    }

    /// Adds those of a form's body.
    pub(super) fn merge(&mut self, other: Self) {
        for (name, values) in other.0 {
            self.0.entry(name).or_default().extend(values);
        }
    }

    /// A parameter that is there and not empty.
    pub(super) fn one(&self, name: &str) -> Result<Option<&str>, Fault> {
        let values = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let mut values = values.iter().map(|value| value.trim()).filter(|value| !value.is_empty());
        let first = values.next();
        if values.any(|other| Some(other) != first) {
            return Err(Fault::bad(format!("{name}: it is there twice and differs.")));
        }
        Ok(first)
    }

    /// A list separated by commas; also the parameter several times.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let values = self.0.get(name).map(Vec::as_slice).unwrap_or_default();
        let items = values.iter().flat_map(|value| value.split(',')).map(str::trim);
        items.filter(|item| !item.is_empty()).collect()
    }

    /// `attribute[code]` and `attribute[code][]`: values by code.
    pub(super) fn attributes(&self) -> Result<BTreeMap<&str, Vec<&str>>, Fault> {
        let mut attributes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, values) in &self.0 {
            let Some(rest) = name.strip_prefix("attribute") else { continue };
            let code = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
            let (code, many) = match code {
                Some((code, "")) if !code.is_empty() => (code, false),
                Some((code, "[]")) if !code.is_empty() => (code, true),
                _ => {
                    let told =
                        "An attribute is attribute[code]=value, several values attribute[code][]=value.";
                    return Err(Fault::bad(told));
                }
            };
            let values: Vec<_> =
                values.iter().map(String::as_str).filter(|value| !value.is_empty()).collect();
            if !many && values.len() > 1 {
                return Err(Fault::bad(format!(
                    "attribute[{code}]: several values are attribute[{code}][]=value."
                )));
            }
            if !values.is_empty() {
                attributes.entry(code).or_default().extend(values);
            }
        }
        Ok(attributes)
    }

    /// As a query again, with one parameter replaced.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        // A key is not to stand in addresses that are handed on.
        let others = self.0.iter().filter(|(other, _)| *other != name && *other != "api_key");
        for (other, values) in others {
            values.iter().for_each(|value| {
                query.append_pair(other, value);
            });
        }
        query.append_pair(name, value);
        query.finish()
    }
}
