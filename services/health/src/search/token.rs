//! Tokens: a code, alone or in a system. `code`, `system|code`, `|code` (without system), `system|`.

use std::sync::Arc;

use super::text::fold;

/// A found code, identifier, flag or contact.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) system: Option<Arc<str>>,
    /// In lower case: codes match in any case.
    pub(crate) code: Option<Arc<str>>,
    /// Folded words beside it, for `:text`.
    pub(crate) words: Option<Arc<str>>,
}

/// A wanted token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) system: System,
    pub(crate) code: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum System {
    Any,
    None,
    Is(String),
}

impl Token {
    pub(crate) fn new(system: Option<&str>, code: Option<&str>, words: Option<&str>) -> Self {
        let lower = |code: &str| Arc::from(code.to_lowercase());
        Self {
            system: system.map(Arc::from),
            code: code.map(lower),
            words: words.map(|words| fold(words).into()),
        }
    }
}

impl Wanted {
    /// None for a token of nothing.
    pub(crate) fn parse(given: &str) -> Option<Self> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_lowercase());
        match given.split_once('|') {
            None => Some(Self { system: System::Any, code: Some(some(given)?) }),
            Some(("", code)) => Some(Self { system: System::None, code: Some(some(code)?) }),
            Some((system, code)) => Some(Self { system: System::Is(system.to_owned()), code: some(code) }),
        }
    }

    pub(crate) fn matches(&self, found: &Token) -> bool {
        let system = match &self.system {
            System::Any => true,
            System::None => found.system.is_none(),
            System::Is(wanted) => found.system.as_deref() == Some(wanted),
        };
        system && self.code.as_ref().is_none_or(|code| found.code.as_deref() == Some(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms() {
        let with = Token::new(Some("urn:s"), Some("ABC"), None);
        let without = Token::new(None, Some("ABC"), None);
        let is = |text: &str, token| Wanted::parse(text).unwrap().matches(token);
        assert!(is("abc", &with) && is("ABC", &without));
        assert!(is("urn:s|ABC", &with) && !is("urn:s|ABC", &without) && !is("urn:t|ABC", &with));
        assert!(!is("|ABC", &with) && is("|ABC", &without));
        assert!(is("urn:s|", &with) && !is("urn:s|", &without));
        assert_eq!((Wanted::parse(""), Wanted::parse("|")), (None, None));
    }
}
