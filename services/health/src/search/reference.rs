//! References: to a resource here, elsewhere, or to one known by its identifier alone.

use std::sync::Arc;

use super::token::{Token, Wanted as WantedToken};
use crate::{
    json::{Json, text},
    kind::is_id,
};

/// A found reference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reference {
    /// `Type/id` of what is here, else as it is written.
    pub(crate) target: Option<Arc<str>>,
    pub(crate) identifier: Option<Token>,
}

/// A wanted reference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// `Type/id`, or an address as it is written.
    To(String),
    /// An id of any type, or of these.
    Id(String, Vec<String>),
    Identified(WantedToken),
}

impl Reference {
    /// The reference of an element; None for one that names nothing.
    pub(crate) fn of(json: &Json, base: Option<&str>) -> Option<Self> {
        let target = match json {
            Json::String(uri) => Some(uri.as_str()),
            other => text(other, "reference"),
        };
        let target =
            target.filter(|target| !target.starts_with('#')).map(|target| local(target, base).into());
        let identifier = json.get("identifier").filter(|it| matches!(it, Json::Object(_)));
        let identifier = identifier.map(|it| Token::new(text(it, "system"), text(it, "value"), None));
        (target.is_some() || identifier.is_some()).then_some(Self { target, identifier })
    }

    /// The type that it refers to, if that can be seen.
    pub(crate) fn kind(&self) -> Option<&str> {
        let target = self.target.as_deref()?;
        split(target).map(|(_, kind, _)| kind)
    }
}

/// `Type/id` for a reference to this base, with or without version; anything else as it is.
pub(crate) fn local(target: &str, base: Option<&str>) -> String {
    match split(target) {
        Some((before, kind, id)) if before.is_empty() || base == Some(before) => format!("{kind}/{id}"),
        _ => target.to_owned(),
    }
}

/// What stands before type and id, and the two.
fn split(target: &str) -> Option<(&str, &str, &str)> {
    let whole = target.split_once("/_history/").map_or(target, |(whole, _)| whole);
    let (rest, id) = whole.rsplit_once('/')?;
    let (before, kind) = rest.rsplit_once('/').unwrap_or(("", rest));
    let named =
        kind.starts_with(|c: char| c.is_ascii_uppercase()) && kind.bytes().all(|b| b.is_ascii_alphabetic());
    (named && is_id(id)).then_some((before, kind, id))
}

impl Wanted {
    /// A value of a parameter; `kinds` are the types that its ids may be of (none: any).
    pub(crate) fn parse(given: &str, kinds: &[&str], base: &str) -> Option<Self> {
        if given.is_empty() {
            return None;
        }
        if is_id(given) && !given.contains('/') {
            return Some(Self::Id(given.to_owned(), kinds.iter().map(|kind| (*kind).to_owned()).collect()));
        }
        Some(Self::To(local(given, Some(base))))
    }

    pub(crate) fn matches(&self, found: &Reference) -> bool {
        let target = found.target.as_deref();
        match self {
            Self::To(wanted) => target == Some(wanted),
            Self::Id(id, kinds) => {
                target.and_then(|target| target.split_once('/')).is_some_and(|(kind, found)| {
                    found == id && (kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
                })
            }
            Self::Identified(wanted) => found.identifier.as_ref().is_some_and(|token| wanted.matches(token)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "http://city/fhir/R4";

    fn found(target: &str) -> Reference {
        Reference::of(&Json::String(target.to_owned()), Some(BASE)).unwrap()
    }

    #[test]
    fn one_resource_has_many_names() {
        for written in ["Patient/1", "http://city/fhir/R4/Patient/1", "Patient/1/_history/3"] {
            let found = found(written);
            for wanted in ["Patient/1", "1", "http://city/fhir/R4/Patient/1"] {
                assert!(
                    Wanted::parse(wanted, &["Patient"], BASE).unwrap().matches(&found),
                    "{written} {wanted}"
                );
            }
            assert!(!Wanted::parse("1", &["Group"], BASE).unwrap().matches(&found));
            assert!(!Wanted::parse("Patient/2", &[], BASE).unwrap().matches(&found));
            assert_eq!(found.kind(), Some("Patient"));
        }
    }

    #[test]
    fn what_is_elsewhere_is_no_one_here() {
        let there = found("http://other/fhir/Patient/1");
        assert!(!Wanted::parse("Patient/1", &[], BASE).unwrap().matches(&there));
        assert!(Wanted::parse("http://other/fhir/Patient/1", &[], BASE).unwrap().matches(&there));
        assert_eq!(there.kind(), Some("Patient"));
        assert_eq!(Reference::of(&Json::parse(r##"{"reference":"#p"}"##).unwrap(), None), None);
        assert_eq!(found("urn:uuid:0").kind(), None);
    }

    #[test]
    fn an_identifier_refers_too() {
        let json = Json::parse(r#"{"identifier":{"system":"urn:s","value":"9"}}"#).unwrap();
        let found = Reference::of(&json, None).unwrap();
        assert!(Wanted::Identified(WantedToken::parse("urn:s|9").unwrap()).matches(&found));
        assert!(!Wanted::Identified(WantedToken::parse("urn:s|8").unwrap()).matches(&found));
    }
}
