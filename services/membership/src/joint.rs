//! A change of membership on its way from desk to desk: the file that carries it, who has signed it and who still has to.
//! Pure. A file is a stranger's word: nothing in it counts but the transaction's own bytes and the signatures on them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hutong_keys::{Claim, PublicKey, VerifierCache, verify_zip215};
use hutong_ledger::{
    contract::Refusal,
    epoch::{Epoch, Purpose},
    hash::Tag,
    id::{AgencyId, ChainId, Domain},
    transaction::Transaction,
};
use hutong_wire::{
    prost::Message,
    v1::{self, membership as wire},
};
use serde::{Deserialize, Serialize};

use crate::next_epoch;

/// What a file says that it is.
pub const FORMAT: &str = "hutong-membership-1";

/// The file. All but the transaction's bytes is for people and for who hands it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    pub format: String,
    pub chain: ChainId,
    /// The transaction's message, in base64.
    pub transaction: String,
    /// The newcomer's user at the broker, in its own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker_user: Option<String>,
}

/// Why a file cannot be signed or submitted.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it is of the form {0}, not {FORMAT}")]
    Format(String),
    #[error("it carries no transaction: {0}")]
    Transaction(String),
    #[error("it is for chain {found}; this city is {city}")]
    Chain { found: ChainId, city: ChainId },
    #[error("it is a transaction of {0}, not of membership")]
    Domain(Domain),
    #[error("it ended at {0} (Unix milliseconds); have it made again")]
    Expired(u64),
    #[error("the signature of {0} does not fit: the file was changed after it signed, or its key is void")]
    Signature(AgencyId),
    #[error("{0} is not among those who are asked to sign")]
    NotAsked(AgencyId),
    #[error("{0} has signed already")]
    Signed(AgencyId),
    #[error("the signing key of {0} that is here is not one that membership names")]
    Key(AgencyId),
    #[error("{} still have to sign: {}", .0.len(), list(.0))]
    Missing(Vec<AgencyId>),
    #[error("the city would refuse it ({}): {}", .0.code, .0.message)]
    Refused(Refusal),
}

fn list(agencies: &[AgencyId]) -> String {
    agencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A change that was looked at under the epoch in force.
#[derive(Clone, Debug)]
pub struct Joint {
    pub transaction: Transaction,
    /// What it makes of the epoch.
    pub next: Epoch,
    /// Who signed, validly.
    pub signed: Vec<AgencyId>,
    /// Who is asked to sign and has not.
    pub missing: Vec<AgencyId>,
}

impl File {
    pub fn new(transaction: &Transaction, broker_user: Option<String>) -> Self {
        let bytes = v1::Transaction::from(transaction).encode_to_vec();
        let chain = transaction.body.chain;
        Self { format: FORMAT.into(), chain, transaction: STANDARD.encode(bytes), broker_user }
    }

    /// The file with another state of its transaction.
    #[must_use]
    pub fn with(&self, transaction: &Transaction) -> Self {
        Self::new(transaction, self.broker_user.clone())
    }

    /// The transaction, looked at by who knows chain, epoch and time: whatever is wrong with it is said before anything
    /// of it is shown, signed or sent.
    pub fn open(&self, chain: ChainId, epoch: &Epoch, now_ms: u64) -> Result<Joint, Fault> {
        if self.format != FORMAT {
            return Err(Fault::Format(self.format.clone()));
        }
        let bytes =
            STANDARD.decode(&self.transaction).map_err(|error| Fault::Transaction(error.to_string()))?;
        let decoded = hutong_wire::transaction::decode_transaction(Bytes::from(bytes));
        let transaction = decoded.map_err(|error| Fault::Transaction(error.to_string()))?;
        let body = &transaction.body;
        if body.chain != chain || self.chain != chain {
            let found = if body.chain == chain { self.chain } else { body.chain };
            return Err(Fault::Chain { found, city: chain });
        }
        if body.domain != Domain::MEMBERSHIP {
            return Err(Fault::Domain(body.domain));
        }
        transaction
            .check_form(chain, Domain::MEMBERSHIP)
            .map_err(|void| Fault::Transaction(void.to_string()))?;
        if body.not_after_ms <= now_ms {
            return Err(Fault::Expired(body.not_after_ms));
        }
        let action = wire::Action::decode(body.action.clone());
        let action = action.map_err(|error| Fault::Transaction(error.to_string()))?;
        let kind = action.kind.ok_or_else(|| Fault::Transaction("the action is empty".into()))?;
        let mut signed: Vec<AgencyId> = Vec::new();
        for signature in &transaction.signatures {
            let agency = signature.agency;
            let key = epoch.key(&agency, Purpose::Signing, &signature.key);
            let fits = key.is_some_and(|key| {
                let (prefix, message) = (Tag::Transaction.prefix(), &transaction.body_bytes);
                let claim = Claim { key: PublicKey(key), prefix, message, signature: signature.bytes };
                verify_zip215(&claim, &VerifierCache::default())
            });
            if !fits || signed.contains(&agency) || !body.signers.contains(&agency) {
                return Err(Fault::Signature(agency));
            }
            signed.push(agency);
        }
        let next = next_epoch(&kind, epoch, body).map_err(Fault::Refused)?;
        let missing = body.signers.iter().filter(|agency| !signed.contains(agency)).copied().collect();
        Ok(Joint { transaction, next, signed, missing })
    }
}

impl Joint {
    /// Whether an agency, with the key that it holds, may add its signature.
    pub fn may_sign(&self, epoch: &Epoch, agency: &AgencyId, public: &[u8; 32]) -> Result<(), Fault> {
        if self.signed.contains(agency) {
            return Err(Fault::Signed(*agency));
        }
        if !self.transaction.body.signers.contains(agency) {
            return Err(Fault::NotAsked(*agency));
        }
        let keys = epoch.agency(agency).map(|agency| agency.keys.as_slice()).unwrap_or_default();
        match keys.iter().any(|key| key.purpose == Purpose::Signing && key.public == *public) {
            true => Ok(()),
            false => Err(Fault::Key(*agency)),
        }
    }

    /// Whether all have signed who were asked to.
    pub fn complete(&self) -> Result<(), Fault> {
        if self.missing.is_empty() { Ok(()) } else { Err(Fault::Missing(self.missing.clone())) }
    }
}
