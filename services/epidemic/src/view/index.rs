//! What cases are found by.

use crate::day::Day;

pub(crate) use hutong_index::{Id, Page};

pub(crate) type Index = hutong_index::Index<Key>;

/// What a case is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Every case.
    All,
    Disease(String),
    Status(i32),
    Origin(i32),
    Sex(i32),
    District(String),
    AgeBand(String),
    Agency(String),
    Facility(String),
    /// Day of report.
    Report(Day),
    /// Day of onset.
    Onset(Day),
    /// Whether it counts: it was not discarded.
    Counts(bool),
}
