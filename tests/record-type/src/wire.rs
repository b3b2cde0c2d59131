//! What is said: the actions, and the record that they change.

use bytes::Bytes;
use hutong_wire::v1::disclosure::{self, SealedField};
use prost::{Message, Oneof};

#[derive(Clone, PartialEq, Message)]
pub struct Action {
    // Field 15 is for disclosure in every city domain.
    #[prost(oneof = "action::Kind", tags = "1, 2, 15")]
    pub kind: Option<action::Kind>,
}

pub mod action {
    //! The kinds of action.

    use super::{Let, Oneof, Open, disclosure};

    #[derive(Clone, PartialEq, Oneof)]
    pub enum Kind {
        #[prost(message, tag = "1")]
        Open(Open),
        #[prost(message, tag = "2")]
        Let(Let),
        #[prost(message, tag = "15")]
        Disclosure(disclosure::Action),
    }
}

/// A new plot.
#[derive(Clone, PartialEq, Message)]
pub struct Open {
    #[prost(string, tag = "1")]
    pub id: String,
    #[prost(uint32, tag = "2")]
    pub area_m2: u32,
}

/// A plot gets a tenant, until a day.
#[derive(Clone, PartialEq, Message)]
pub struct Let {
    #[prost(string, tag = "1")]
    pub id: String,
    /// A handle.
    #[prost(bytes = "bytes", tag = "2")]
    pub tenant: Bytes,
    #[prost(uint64, tag = "3")]
    pub until_ms: u64,
    #[prost(message, repeated, tag = "4")]
    pub sealed: Vec<SealedField>,
}

/// The record plot/<id>.
#[derive(Clone, PartialEq, Message)]
pub struct Plot {
    #[prost(uint32, tag = "1")]
    pub area_m2: u32,
    /// Empty: nobody's.
    #[prost(bytes = "bytes", tag = "2")]
    pub tenant: Bytes,
    #[prost(uint64, tag = "3")]
    pub until_ms: u64,
    #[prost(message, repeated, tag = "4")]
    pub sealed: Vec<SealedField>,
}
