//! What takes bytes from outside, by kind.

mod actions;
mod canonical;
mod documents;
mod files;
mod names;
mod tokens;

use crate::Target;

/// All targets but the HTTP surface, which is a city's.
pub fn all() -> Vec<Target> {
    [
        canonical::targets(),
        documents::targets(),
        tokens::targets(),
        files::targets(),
        names::targets(),
        actions::targets(),
    ]
    .concat()
}
