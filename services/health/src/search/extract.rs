//! What the parameters of a type find in a resource.

use super::{
    date::Interval,
    params::{self, Param, Type},
    quantity::Quantity,
    reference::Reference,
    text::Text,
    token::Token,
    value::{Value, Values},
};
use crate::{
    json::{Json, items, list, text},
    kind::Kind,
};

/// All values by which a resource is found. `base` is the base URL of this server, if it is known.
pub(crate) fn values(kind: Kind, resource: &Json, base: Option<&str>) -> Values {
    let mut values = Values::new();
    for (place, param) in params::all(kind) {
        for path in param.paths {
            let mut found = Vec::new();
            let (path, presence) = path.strip_suffix('?').map_or((*path, false), |path| (path, true));
            let (path, system) =
                path.split_once('#').map_or((path, None), |(path, system)| (path, Some(system)));
            reach(resource, path, &mut found);
            if presence {
                if !found.is_empty() {
                    values.push((place, Value::Token(Token::new(None, Some("true"), None))));
                }
                continue;
            }
            found.retain(|json| system.is_none() || text(json, "system") == system);
            for json in found {
                take(param, json, base, &mut |value| values.push((place, value)));
            }
        }
    }
    values
}

/// The elements at a path, looked up through arrays.
fn reach<'a>(json: &'a Json, path: &str, found: &mut Vec<&'a Json>) {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    for item in list(json, name) {
        match rest {
            None => found.push(item),
            Some(rest) => reach(item, rest, found),
        }
    }
}

fn take(param: &Param, json: &Json, base: Option<&str>, give: &mut dyn FnMut(Value)) {
    match param.of {
        Type::Token => tokens(json, give),
        Type::Date => dates(json, give),
        Type::Text => texts(json, give),
        Type::Quantity => give_all(Quantity::of(json).map(Value::Quantity), give),
        Type::Uri => give_all(json.as_str().map(|uri| Value::Uri(uri.into())), give),
        Type::Reference => {
            let found = Reference::of(json, base);
            // A reference that shows no type may be to any.
            let counts = |found: &Reference| {
                param.targets.is_empty() || found.kind().is_none_or(|kind| param.targets.contains(&kind))
            };
            give_all(found.filter(counts).map(Value::Reference), give);
        }
    }
}

fn give_all(found: impl IntoIterator<Item = Value>, give: &mut dyn FnMut(Value)) {
    found.into_iter().for_each(give);
}

/// Codes, flags, concepts, codings, identifiers and contacts, told apart by their form.
fn tokens(json: &Json, give: &mut dyn FnMut(Value)) {
    let mut token = |system: Option<&str>, code: Option<&str>, words: Option<&str>| {
        give(Value::Token(Token::new(system, code, words)));
    };
    match json {
        Json::String(code) => token(None, Some(code), None),
        Json::Bool(flag) => token(None, Some(if *flag { "true" } else { "false" }), None),
        Json::Object(_) if json.get("coding").is_some() => {
            for coding in list(json, "coding") {
                let words = text(coding, "display").or_else(|| text(json, "text"));
                token(text(coding, "system"), text(coding, "code"), words);
            }
            if let Some(words) = text(json, "text") {
                token(None, None, Some(words));
            }
        }
        Json::Object(_) if json.get("value").is_some() => {
            let words = json.get("type").and_then(|kind| text(kind, "text"));
            // How to reach someone is no system of codes.
            let contact = matches!(
                text(json, "system"),
                Some("phone" | "fax" | "email" | "pager" | "url" | "sms" | "other")
            );
            let system = text(json, "system");
            token(system, text(json, "value"), words);
            if contact {
                token(None, text(json, "value"), words);
            }
        }
        Json::Object(_) if json.get("code").is_some() || json.get("system").is_some() => {
            token(text(json, "system"), text(json, "code"), text(json, "display"));
        }
        Json::Object(_) => {
            if let Some(words) = text(json, "text") {
                token(None, None, Some(words));
            }
        }
        Json::Null | Json::Number(_) | Json::Array(_) => {}
    }
}

fn dates(json: &Json, give: &mut dyn FnMut(Value)) {
    match json {
        Json::String(date) => give_all(Interval::parse(date).map(Value::Date), give),
        // A timing has events; their bounds are when it is.
        Json::Object(_) if json.get("event").is_some() => {
            let events = list(json, "event").iter().filter_map(Json::as_str);
            give_all(events.filter_map(Interval::parse).map(Value::Date), give);
        }
        Json::Object(_) => {
            let bounds = json.get("repeat").and_then(|repeat| repeat.get("boundsPeriod")).unwrap_or(json);
            let period = Interval::of_period(text(bounds, "start"), text(bounds, "end"));
            give_all(period.map(Value::Date), give);
        }
        _ => {}
    }
}

/// A string, or the parts of a name or address.
fn texts(json: &Json, give: &mut dyn FnMut(Value)) {
    let parts = [
        "text",
        "family",
        "given",
        "prefix",
        "suffix",
        "line",
        "city",
        "district",
        "state",
        "postalCode",
        "country",
    ];
    match json {
        Json::String(text) => give(Value::Text(Text::of(text))),
        Json::Object(_) => {
            let strings = parts.iter().filter_map(|part| json.get(part)).flat_map(items);
            give_all(strings.filter_map(Json::as_str).map(|text| Value::Text(Text::of(text))), give);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, json: &str, name: &str) -> Vec<Value> {
        let (place, _) = params::find(kind, name).unwrap();
        let all = values(kind, &Json::parse(json).unwrap(), None);
        all.into_iter().filter(|(at, _)| *at == place).map(|(_, value)| value).collect()
    }

    #[test]
    fn elements_of_every_form_give_their_values() {
        let patient = r#"{"name":[{"family":"Zhang","given":["San","A"]},{"text":"Lao San"}],"active":true,
            "deceasedDateTime":"2020","telecom":[{"system":"phone","value":"1"},{"system":"email","value":"a@b"}],
            "identifier":[{"system":"urn:s","value":"9"}],"meta":{"tag":[{"system":"t","code":"c"}]}}"#;
        let count = |name| found(Kind::Patient, patient, name).len();
        assert_eq!((count("name"), count("given"), count("family"), count("identifier")), (4, 2, 1, 1));
        assert_eq!((count("phone"), count("email"), count("active"), count("_tag")), (2, 2, 1, 1));
        assert_eq!(
            found(Kind::Patient, patient, "deceased"),
            [Value::Token(Token::new(None, Some("true"), None))]
        );
        let observation = r#"{"code":{"coding":[{"system":"l","code":"1"},{"code":"2"}],"text":"Weight"},
            "subject":{"reference":"Group/1"},"effectivePeriod":{"start":"2020"},
            "valueQuantity":{"value":72.50,"code":"kg"},"component":[{"code":{"text":"x"}}]}"#;
        let count = |name| found(Kind::Observation, observation, name).len();
        assert_eq!(
            (count("code"), count("combo-code"), count("value-quantity"), count("date")),
            (3, 4, 1, 1)
        );
        assert_eq!((count("subject"), count("patient")), (1, 0));
    }
}
