//! Names on the bus: the three streams, their subjects, and filters over them.

use std::fmt;

/// The streams of a city. Each keeps the subjects that start with its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// Accepted transactions, in groups of one domain: `tx.<domain>`.
    Transactions,
    /// Proposals and their segments: `block.header`, `block.segment.<domain>`.
    Blocks,
    /// Record changes for subscribers, as CloudEvents: `event.<agency>.<domain>`.
    Events,
}

impl Stream {
    pub const ALL: [Self; 3] = [Self::Transactions, Self::Blocks, Self::Events];

    /// The stream's name at the broker.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transactions => "TRANSACTIONS",
            Self::Blocks => "BLOCKS",
            Self::Events => "EVENTS",
        }
    }

    /// The first token of its subjects.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Transactions => "tx",
            Self::Blocks => "block",
            Self::Events => "event",
        }
    }

    /// Whether a subject belongs to this stream.
    pub fn holds(self, subject: &str) -> bool {
        subject.strip_prefix(self.prefix()).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of subjects: exact ones, or patterns with `*` for one token and a last `>` for one or more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Vec<String>);

impl Filter {
    pub fn one(pattern: impl Into<String>) -> Self {
        Self(vec![pattern.into()])
    }

    pub fn any<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Self {
        Self(patterns.into_iter().map(Into::into).collect())
    }

    pub fn patterns(&self) -> &[String] {
        &self.0
    }

    pub fn matches(&self, subject: &str) -> bool {
        self.0.iter().any(|pattern| pattern_matches(pattern, subject))
    }
}

fn pattern_matches(pattern: &str, subject: &str) -> bool {
    let mut subject_tokens = subject.split('.');
    for token in pattern.split('.') {
        match (token, subject_tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (exact, Some(found)) if exact == found => {}
            _ => return false,
        }
    }
    subject_tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_at_the_broker() {
        for (pattern, subject, expected) in [
            ("tx.property", "tx.property", true),
            ("tx.property", "tx.propert", false),
            ("tx.*", "tx.property", true),
            ("tx.*", "tx.property.more", false),
            ("tx.>", "tx.property.more", true),
            ("tx.>", "tx", false),
            ("tx", "tx.property", false),
        ] {
            assert_eq!(Filter::one(pattern).matches(subject), expected, "{pattern} on {subject}");
        }
    }
}
