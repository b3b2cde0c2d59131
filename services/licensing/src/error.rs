//! What keeps the service from starting.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error(
        "the issuer {0:?} is no https URL of a host and a path without query, fragment and last slash; set `issuer` so"
    )]
    Issuer(String),
    #[error("{0:?} in `retired_keys` is no Ed25519 public key in hex")]
    RetiredKey(String),
}
