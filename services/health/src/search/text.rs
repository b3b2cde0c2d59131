//! Strings: without case and accents, by their beginning; exactly; or anywhere inside.

use std::sync::Arc;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A found string.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) folded: Arc<str>,
    pub(crate) exact: Arc<str>,
}

/// A wanted string.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// Folded.
    Begins(String),
    /// Folded.
    Contains(String),
    Exactly(String),
}

/// Without case, accents and repeated spaces.
pub(crate) fn fold(text: &str) -> String {
    let plain: String = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Text {
    pub(crate) fn of(text: &str) -> Self {
        Self { folded: fold(text).into(), exact: text.into() }
    }
}

impl Wanted {
    pub(crate) fn matches(&self, found: &Text) -> bool {
        match self {
            Self::Begins(wanted) => found.folded.starts_with(wanted),
            Self::Contains(wanted) => found.folded.contains(wanted),
            Self::Exactly(wanted) => *found.exact == **wanted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_accents_do_not_count_unless_told() {
        let found = Text::of("Müller  Élan");
        assert_eq!(&*found.folded, "muller elan");
        assert!(Wanted::Begins(fold("MULLER e")).matches(&found));
        assert!(!Wanted::Begins(fold("elan")).matches(&found));
        assert!(Wanted::Contains(fold("Elan")).matches(&found));
        assert!(Wanted::Exactly("Müller  Élan".into()).matches(&found));
        assert!(!Wanted::Exactly("müller  élan".into()).matches(&found));
        assert!(Wanted::Begins(fold("张")).matches(&Text::of("张三")));
    }
}
