//! Transactions: signed requests to act on the records of one domain.
//!
//! The body is kept as the bytes that were signed; nothing is ever encoded again. Whoever decodes the body (the
//! wire crate) hands both to [`Transaction::new`].

use bytes::Bytes;

use crate::{
    epoch::{Epoch, Purpose},
    hash::Tag,
    id::{AgencyId, ChainId, Domain, KeyId, TxId},
};

/// How far ahead of block time a transaction may expire: joint signatures take time.
pub const NOT_AFTER_AHEAD_MS_MAX: u64 = 30 * 24 * 3600 * 1000;
/// The largest body, in bytes.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// The most agencies that may have to sign one transaction.
pub const SIGNERS_MAX: usize = 64;
/// The longest name of an actor, in bytes.
pub const ACTOR_BYTES_MAX: usize = 128;

/// What is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    pub chain: ChainId,
    pub domain: Domain,
    /// Who submits.
    pub agency: AgencyId,
    /// Who must sign, the submitting agency among them; sorted.
    pub signers: Vec<AgencyId>,
    /// The pseudonym of the official or system that acts.
    pub actor: String,
    pub nonce: [u8; 16],
    /// Unix milliseconds, against block time.
    pub not_after_ms: u64,
    /// The domain's action, encoded.
    pub action: Bytes,
}

/// One agency's signature on a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    pub agency: AgencyId,
    pub key: KeyId,
    pub bytes: [u8; 64],
}

/// A public key and the signature that is to be verified with it.
pub type KeyAndSignature = ([u8; 32], [u8; 64]);

/// A transaction as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    pub id: TxId,
    pub body_bytes: Bytes,
    pub body: Body,
    pub signatures: Vec<Signature>,
}

/// A public key and the signature that must verify under it.
pub type Wanted = ([u8; 32], [u8; 64]);

/// Why a transaction is void: it gets no log entry and consumes no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, thiserror::Error)]
pub enum Void {
    #[error("the body is malformed")]
    Malformed,
    #[error("it belongs to another chain")]
    WrongChain,
    #[error("it belongs to another domain")]
    WrongDomain,
    #[error("it expired before the block's time")]
    Expired,
    #[error("it expires more than 30 days after the block's time")]
    TooFarAhead,
    #[error("its id was used before")]
    Repeat,
    #[error("a listed signer's valid signature is missing")]
    Unsigned,
}

impl Void {
    /// The stable code in problem documents and metrics.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::WrongChain => "wrong_chain",
            Self::WrongDomain => "wrong_domain",
            Self::Expired => "expired",
            Self::TooFarAhead => "too_far_ahead",
            Self::Repeat => "repeat",
            Self::Unsigned => "unsigned",
        }
    }
}

impl Transaction {
    pub fn new(body_bytes: Bytes, body: Body, signatures: Vec<Signature>) -> Self {
        Self { id: TxId::new(body.not_after_ms, &body_bytes), body_bytes, body, signatures }
    }

    /// The message that each signer signs.
    pub fn message(&self) -> Vec<u8> {
        Tag::Transaction.message(&self.body_bytes)
    }

    /// Everything that can be checked without a signature, a clock or state.
    pub fn check_form(&self, chain: ChainId, domain: Domain) -> Result<(), Void> {
        let body = &self.body;
        if body.chain != chain {
            return Err(Void::WrongChain);
        }
        if body.domain != domain {
            return Err(Void::WrongDomain);
        }
        let signers_fit = body.signers.len() <= SIGNERS_MAX
            && crate::canon::ascending(&body.signers, |s| *s)
            && body.signers.binary_search(&body.agency).is_ok()
            && self.signatures.len() <= SIGNERS_MAX;
        let actor_fits = body.actor.len() <= ACTOR_BYTES_MAX && !body.actor.chars().any(char::is_control);
        let time_fits = body.not_after_ms <= TxId::TIME_MS_MAX;
        if signers_fit && actor_fits && time_fits && self.body_bytes.len() <= BODY_BYTES_MAX {
            Ok(())
        } else {
            Err(Void::Malformed)
        }
    }

    /// Whether the transaction may stand in a block of this time.
    pub fn check_time(&self, block_time_ms: u64) -> Result<(), Void> {
        if self.body.not_after_ms < block_time_ms {
            Err(Void::Expired)
        } else if self.body.not_after_ms > block_time_ms.saturating_add(NOT_AFTER_AHEAD_MS_MAX) {
            Err(Void::TooFarAhead)
        } else {
            Ok(())
        }
    }

    /// For each listed signer, the public key and signature to verify: the one signature under its name with a
    /// key that the epoch lists. `Unsigned` if a signer has none. Signatures of others are ignored.
    pub fn to_verify(&self, epoch: &Epoch) -> Result<Vec<KeyAndSignature>, Void> {
        let wanted = self.body.signers.iter().map(|signer| {
            let mut own = self.signatures.iter().filter(|s| s.agency == *signer);
            // Exactly one: with two, which one counts would depend on who looks.
            let (Some(signature), None) = (own.next(), own.next()) else { return Err(Void::Unsigned) };
            let public = epoch.key(signer, Purpose::Signing, &signature.key).ok_or(Void::Unsigned)?;
            Ok((public, signature.bytes))
        });
        wanted.collect()
    }
}
