//! A value that a parameter found in a resource.

use std::sync::Arc;

use super::{date::Interval, quantity::Quantity, reference::Reference, text::Text, token::Token};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Token(Token),
    Date(Interval),
    Text(Text),
    Reference(Reference),
    Quantity(Quantity),
    Uri(Arc<str>),
}

/// The values of a resource, each with its parameter's place among those of the type.
pub(crate) type Values = Vec<(u16, Value)>;
