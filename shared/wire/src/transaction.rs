//! Transactions, groups and segments between their messages and the ledger's types.

use bytes::Bytes;
use hutong_ledger::{
    block::{SEGMENT_TRANSACTIONS_MAX, Segment},
    hash::Hash,
    id::KeyId,
    transaction::{BODY_BYTES_MAX, Body, SIGNERS_MAX, Signature, Transaction},
};
use prost::Message;

use crate::{Error, v1};

const TRANSACTION: &str = "Transaction";
const BODY: &str = "TransactionBody";
const SIGNATURE: &str = "Signature";
const GROUP: &str = "TransactionGroup";
const SEGMENT: &str = "Segment";

/// Encodes a body for signing. The bytes are the body from now on.
pub fn encode_body(body: &Body) -> Bytes {
    let message = v1::TransactionBody {
        chain: body.chain.to_string(),
        domain: body.domain.to_string(),
        agency: body.agency.to_string(),
        signers: body.signers.iter().map(ToString::to_string).collect(),
        actor: body.actor.clone(),
        nonce: Bytes::copy_from_slice(&body.nonce),
        not_after_ms: body.not_after_ms,
        action: body.action.clone(),
    };
    message.encode_to_vec().into()
}

fn decode_body(bytes: &Bytes) -> Result<Body, Error> {
    if bytes.len() > BODY_BYTES_MAX {
        return Err(Error::field(TRANSACTION, "body", format!("over {BODY_BYTES_MAX} bytes")));
    }
    let message = v1::TransactionBody::decode(bytes.clone())
        .map_err(|source| Error::Decode { message: BODY, source })?;
    if message.signers.len() > SIGNERS_MAX {
        return Err(Error::field(BODY, "signers", format!("more than {SIGNERS_MAX}")));
    }
    let signers = message.signers.iter().map(|signer| signer.parse());
    Ok(Body {
        chain: message.chain.parse().map_err(|e| Error::field(BODY, "chain", e))?,
        domain: message.domain.parse().map_err(|e| Error::field(BODY, "domain", e))?,
        agency: message.agency.parse().map_err(|e| Error::field(BODY, "agency", e))?,
        signers: signers.collect::<Result<_, _>>().map_err(|e| Error::field(BODY, "signers", e))?,
        actor: message.actor,
        nonce: message.nonce[..].try_into().map_err(|_| Error::field(BODY, "nonce", "16 bytes expected"))?,
        not_after_ms: message.not_after_ms,
        action: message.action,
    })
}

impl TryFrom<v1::Transaction> for Transaction {
    type Error = Error;

    fn try_from(message: v1::Transaction) -> Result<Self, Error> {
        let body = decode_body(&message.body)?;
        if message.signatures.len() > SIGNERS_MAX {
            return Err(Error::field(TRANSACTION, "signatures", format!("more than {SIGNERS_MAX}")));
        }
        let signatures = message.signatures.into_iter().map(Signature::try_from).collect::<Result<_, _>>()?;
        Ok(Self::new(message.body, body, signatures))
    }
}

impl TryFrom<v1::Signature> for Signature {
    type Error = Error;

    fn try_from(message: v1::Signature) -> Result<Self, Error> {
        let key = message.key_id[..]
            .try_into()
            .map_err(|_| Error::field(SIGNATURE, "key_id", "8 bytes expected"))?;
        let bytes = message.bytes[..]
            .try_into()
            .map_err(|_| Error::field(SIGNATURE, "bytes", "64 bytes expected"))?;
        let agency = message.agency.parse().map_err(|e| Error::field(SIGNATURE, "agency", e))?;
        Ok(Self { agency, key: KeyId(key), bytes })
    }
}

impl From<&Transaction> for v1::Transaction {
    fn from(tx: &Transaction) -> Self {
        let signatures = tx.signatures.iter().map(|s| v1::Signature {
            agency: s.agency.to_string(),
            key_id: Bytes::copy_from_slice(&s.key.0),
            bytes: Bytes::copy_from_slice(&s.bytes),
        });
        Self { body: tx.body_bytes.clone(), signatures: signatures.collect() }
    }
}

/// Decodes one transaction.
pub fn decode_transaction(bytes: Bytes) -> Result<Transaction, Error> {
    v1::Transaction::decode(bytes)
        .map_err(|source| Error::Decode { message: TRANSACTION, source })?
        .try_into()
}

/// Decodes a group, each transaction on its own: one that is malformed does not spoil the others.
pub fn decode_group(bytes: Bytes) -> Result<Vec<Result<Transaction, Error>>, Error> {
    let group =
        v1::TransactionGroup::decode(bytes).map_err(|source| Error::Decode { message: GROUP, source })?;
    if group.transactions.len() > SEGMENT_TRANSACTIONS_MAX {
        return Err(Error::field(GROUP, "transactions", format!("more than {SEGMENT_TRANSACTIONS_MAX}")));
    }
    Ok(group.transactions.into_iter().map(Transaction::try_from).collect())
}

pub fn encode_group<'a>(transactions: impl IntoIterator<Item = &'a Transaction>) -> Bytes {
    let transactions = transactions.into_iter().map(v1::Transaction::from).collect();
    v1::TransactionGroup { transactions }.encode_to_vec().into()
}

/// A segment with the block that it was proposed for. Its transactions must all be well formed: ordering leaves
/// out what is not.
pub fn decode_segment(bytes: Bytes) -> Result<(Hash, Segment), Error> {
    let message = v1::Segment::decode(bytes).map_err(|source| Error::Decode { message: SEGMENT, source })?;
    if message.transactions.len() > SEGMENT_TRANSACTIONS_MAX {
        let reason = format!("more than {SEGMENT_TRANSACTIONS_MAX}");
        return Err(Error::field(SEGMENT, "transactions", reason));
    }
    let block =
        message.block[..].try_into().map_err(|_| Error::field(SEGMENT, "block", "32 bytes expected"))?;
    let domain = message.domain.parse().map_err(|e| Error::field(SEGMENT, "domain", e))?;
    let transactions =
        message.transactions.into_iter().map(Transaction::try_from).collect::<Result<_, _>>()?;
    Ok((Hash(block), Segment { domain, transactions }))
}

pub fn encode_segment(block: &Hash, segment: &Segment) -> Bytes {
    let message = v1::Segment {
        block: Bytes::copy_from_slice(&block.0),
        domain: segment.domain.to_string(),
        transactions: segment.transactions.iter().map(v1::Transaction::from).collect(),
    };
    message.encode_to_vec().into()
}
