//! A person, as their token tells. Nothing here shows itself in a log: neither the token nor who it is of.

use std::fmt;

use crate::config::Secret;

/// The person behind a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// Who says so: the address of an identity provider.
    pub issuer: String,
    /// The person's name there.
    pub subject: String,
    /// As the token has it; whoever uses it checks its form.
    pub resident_id: Option<String>,
    /// The token itself, for a service that checks it again.
    pub token: Secret,
    /// Not a real person: one of a development city.
    pub persona: bool,
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Person")
            .field("issuer", &self.issuer)
            .field("persona", &self.persona)
            .finish_non_exhaustive()
    }
}
