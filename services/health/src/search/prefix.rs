//! Prefixes of ordered values: eq, ne, gt, lt, ge, le, sa, eb, ap.

/// How a found value must stand to the wanted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
}

impl Prefix {
    /// The prefix of a value, and the rest.
    pub(crate) fn split(text: &str) -> (Self, &str) {
        let known = [
            ("eq", Self::Eq),
            ("ne", Self::Ne),
            ("gt", Self::Gt),
            ("lt", Self::Lt),
            ("ge", Self::Ge),
            ("le", Self::Le),
            ("sa", Self::Sa),
            ("eb", Self::Eb),
            ("ap", Self::Ap),
        ];
        let found = known.into_iter().find_map(|(name, prefix)| Some((prefix, text.strip_prefix(name)?)));
        found.unwrap_or((Self::Eq, text))
    }
}
