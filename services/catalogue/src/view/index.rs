//! What datasets and agreements are found by.

pub(crate) use hutong_index::{Id, Page};

pub(crate) type Index = hutong_index::Index<Key>;

/// What an id is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Everything that is found at all.
    All,
    Domain(String),
    RecordType(String),
    Class(i32),
    Owner(String),
    Consumer(String),
    /// Whether an agreement may be relied on now.
    Active(bool),
    /// The beginning of a word of its text.
    Word(String),
}
