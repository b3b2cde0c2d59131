//! What licences are found by.

use crate::contract::Standing;

pub(crate) use hutong_index::{Id, Page};

pub(crate) type Index = hutong_index::Index<Key>;

/// What a licence is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// Everything that is found at all.
    All,
    Business(String),
    Kind(String),
    /// As it stands at the view's time.
    Standing(Standing),
}
