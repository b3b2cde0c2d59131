//! The wire contract: the messages of `proto/hutong/v1` and their conversions into ledger types.
//!
//! This is the only place where bytes from outside become transactions and segments. It checks form, never
//! meaning, and never encodes again what was signed.

#[allow(missing_docs, unreachable_pub, clippy::all)]
mod generated {
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/hutong.v1.rs"));
        pub mod catalogue {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.catalogue.rs"));
        }
        pub mod disclosure {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.disclosure.rs"));
        }
        pub mod epidemic {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.epidemic.rs"));
        }
        pub mod health {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.health.rs"));
        }
        pub mod licensing {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.licensing.rs"));
        }
        pub mod parking {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.parking.rs"));
        }
        pub mod requests {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.requests.rs"));
        }
        pub mod vault {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.vault.rs"));
        }
        pub mod property {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.property.rs"));
        }
        pub mod storage {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.storage.rs"));
        }
        pub mod membership {
            include!(concat!(env!("OUT_DIR"), "/hutong.v1.membership.rs"));
        }
    }
}

pub mod transaction;

pub use generated::v1;
pub use prost;

/// Bytes or fields from outside that are not what they should be.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    #[error("not a {message} message: {source}")]
    Decode { message: &'static str, source: prost::DecodeError },
    #[error("{message}.{field}: {reason}")]
    Field { message: &'static str, field: &'static str, reason: String },
}

impl Error {
    fn field(message: &'static str, field: &'static str, reason: impl ToString) -> Self {
        Self::Field { message, field, reason: reason.to_string() }
    }
}
