//! The seam for seeded faults: what a simulation may do to messages and acknowledgements.
//!
//! The bus asks; the caller decides, from its own seed. A bus without faults never asks.

use hutong_bus::{Batch, Message, Stream};

/// Decides the fate of what passes the bus.
pub trait Faults: Send + Sync + std::fmt::Debug + 'static {
    /// A published message, before it reaches any subscriber.
    fn publish(&self, _message: &Message) -> Delivery {
        Delivery::Deliver
    }

    /// A batch that is acceptable, before anything is appended.
    fn append(&self, _stream: Stream, _batch: &Batch) -> Fate {
        Fate::Accept
    }

    /// A request: whether its asker waits in vain.
    fn lose_request(&self, _message: &Message) -> bool {
        false
    }
}

/// What becomes of a published message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Deliver,
    Drop,
    Duplicate,
    /// It arrives after the next message that is published, whatever its subject.
    Delay,
}

/// What becomes of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Accept,
    /// It is appended, and the answer is [`AppendError::Unknown`](hutong_bus::AppendError::Unknown).
    LoseAck,
    /// It is not appended, and the answer is [`AppendError::Unknown`](hutong_bus::AppendError::Unknown).
    LoseBatch,
    /// It is not appended, and the answer is [`AppendError::Full`](hutong_bus::AppendError::Full).
    Refuse,
}
