//! Contracts: a domain's rules as a pure function from state and transaction to record changes or a refusal.

use std::{any::Any, borrow::Cow, collections::HashMap, fmt, sync::Arc};

use bytes::Bytes;

use crate::{
    epoch::Epoch,
    hash::{Hash, Tag},
    id::{AgencyId, Domain, RecordId, RecordKey, TxId},
    transaction::Body,
};

/// The most rounds in which a contract may ask for more records.
pub const READ_ROUNDS_MAX: usize = 3;
/// The most records that deciding one transaction may read.
pub const READS_MAX: usize = 256;
/// The most records that one transaction may change.
pub const CHANGES_MAX: usize = 256;
/// The largest value of a record, in bytes.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// A decoded action, as the contract that decoded it knows it.
pub type Action = Arc<dyn Any + Send + Sync>;

/// The rules of a domain. Pure: same state, same transaction, same answer, on every host, forever.
pub trait Contract: Send + Sync + 'static {
    fn domain(&self) -> Domain;

    /// Epochs name the version that decides.
    fn version(&self) -> u32;

    /// Decodes an action; a refusal (`malformed_action`) if it is not one.
    fn decode(&self, action: &[u8]) -> Result<Action, Refusal>;

    /// Records that deciding may read, given those it named the round before (in the first: none); called until it
    /// adds nothing (at most [`READ_ROUNDS_MAX`] rounds, [`READS_MAX`] records). Other domains than the own may only be
    /// platform ones.
    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal>;

    /// Decides. Reading a record that `reads` did not name is a fault of the contract.
    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal>;

    /// A record's value as JSON, for people; nothing is decided by it.
    fn render(&self, record: &RecordId, value: &[u8]) -> Option<serde_json::Value>;
}

impl fmt::Debug for dyn Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} contract v{}", self.domain(), self.version())
    }
}

/// A transaction whose form, time, signatures and freshness were checked.
#[derive(Clone, Debug)]
pub struct Verified<'a> {
    pub id: TxId,
    pub body: &'a Body,
    pub action: Action,
}

impl Verified<'_> {
    /// The action as the contract's own type.
    pub fn action<T: 'static>(&self) -> Result<&T, Refusal> {
        self.action.downcast_ref().ok_or_else(|| Refusal::fault("the action was decoded by another contract"))
    }

    /// Refuses (`owner_required`) unless the agency that the domain belongs to submits.
    pub fn submitted_by_owner(&self, state: &View<'_>) -> Result<(), Refusal> {
        let owner = state.owner()?;
        if self.body.agency == owner {
            return Ok(());
        }
        Err(Refusal::new("owner_required", format!("{owner} owns the domain and alone may do this"))
            .at("agency"))
    }

    /// Refuses (`owner_required`) unless the agency that the domain belongs to is among those who sign.
    pub fn signed_by_owner(&self, state: &View<'_>) -> Result<(), Refusal> {
        let owner = state.owner()?;
        if self.body.signers.contains(&owner) {
            return Ok(());
        }
        Err(Refusal::new("owner_required", format!("{owner} owns the domain and has to sign")).at("signers"))
    }
}

/// Why a contract says no. The code alone enters a hash; message and field help people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    pub code: Cow<'static, str>,
    pub message: String,
    /// The field of the action that is at fault, if one is.
    pub field: Option<String>,
}

impl Refusal {
    /// A contract that broke its own rules: counted and alarmed.
    pub const CONTRACT_FAULT: &'static str = "contract_fault";
    /// An action that does not decode.
    pub const MALFORMED_ACTION: &'static str = "malformed_action";

    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), message: message.into(), field: None }
    }

    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    pub fn fault(message: impl Into<String>) -> Self {
        Self::new(Self::CONTRACT_FAULT, message)
    }

    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(Self::MALFORMED_ACTION, message)
    }
}

/// A record's current version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// 1 for the first; deleting a record counts as a version too.
    pub version: u64,
    /// None: deleted.
    pub value: Option<Bytes>,
}

/// What a contract does to a record of its domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub record: RecordId,
    /// None deletes.
    pub value: Option<Bytes>,
}

impl Change {
    pub fn put(record: RecordId, value: impl Into<Bytes>) -> Self {
        Self { record, value: Some(value.into()) }
    }

    pub fn delete(record: RecordId) -> Self {
        Self { record, value: None }
    }
}

/// A change with the version it makes and the hash that the state tree holds for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    pub record: RecordId,
    pub version: u64,
    pub value: Option<Bytes>,
    pub hash: Hash,
}

impl Versioned {
    pub fn new(domain: Domain, nonce: &[u8; 16], change: Change, version: u64) -> Self {
        let salt = record_salt(nonce, &change.record);
        let hash = record_hash(domain, &change.record, version, &salt, change.value.as_deref());
        Self { record: change.record, version, value: change.value, hash }
    }
}

/// The salt of a record version: from the transaction's nonce, so that who knows the domain's public bytes cannot
/// guess a record's content, and from the record, so that opening one record opens no other.
pub fn record_salt(nonce: &[u8; 16], record: &RecordId) -> [u8; 16] {
    let hash = Tag::RecordSalt.hash(&[nonce, record.as_str().as_bytes()]);
    let mut salt = [0; 16];
    salt.copy_from_slice(&hash.0[..16]);
    salt
}

/// The hash of a record version, held in the state tree and named by the log entry.
pub fn record_hash(
    domain: Domain,
    record: &RecordId,
    version: u64,
    salt: &[u8; 16],
    value: Option<&[u8]>,
) -> Hash {
    let mut w = crate::canon::Writer::new();
    w.text(domain.as_str()).text(record.as_str()).u64(version).raw(salt).u8(value.is_some().into());
    Tag::Record.hash(&[&w.finish(), value.unwrap_or_default()])
}

/// What a contract sees: the records it asked for, the epoch, the block's height and time. Nothing else.
#[derive(Debug)]
pub struct View<'a> {
    pub(crate) records: &'a HashMap<RecordKey, Option<Record>>,
    pub(crate) allowed: Option<&'a [RecordKey]>,
    pub(crate) undeclared: std::cell::Cell<bool>,
    pub domain: Domain,
    pub epoch: &'a Epoch,
    pub height: u64,
    pub time_ms: u64,
}

impl<'a> View<'a> {
    /// For tests of contracts: a view over given records in which everything may be read.
    pub fn over(
        records: &'a HashMap<RecordKey, Option<Record>>,
        domain: Domain,
        epoch: &'a Epoch,
        height: u64,
        time_ms: u64,
    ) -> Self {
        Self { records, allowed: None, undeclared: false.into(), domain, epoch, height, time_ms }
    }

    /// The agency that the own domain belongs to.
    pub fn owner(&self) -> Result<AgencyId, Refusal> {
        let rules = self.epoch.rules(self.domain);
        rules.map(|rules| rules.owner).ok_or_else(|| Refusal::fault("the epoch does not know the domain"))
    }

    /// The live value of a record of the own domain.
    pub fn get(&self, record: &RecordId) -> Option<&'a Bytes> {
        self.get_in(&RecordKey { domain: self.domain, record: record.clone() })
    }

    /// The live value of a record of any domain that may be read.
    pub fn get_in(&self, key: &RecordKey) -> Option<&'a Bytes> {
        if !self.allows(key) {
            self.undeclared.set(true);
            return None;
        }
        self.records.get(key)?.as_ref()?.value.as_ref()
    }

    /// The version of a record of the own domain: 0 if it never existed.
    pub fn version(&self, record: &RecordId) -> u64 {
        let key = RecordKey { domain: self.domain, record: record.clone() };
        if !self.allows(&key) {
            self.undeclared.set(true);
            return 0;
        }
        self.records.get(&key).and_then(Option::as_ref).map_or(0, |record| record.version)
    }

    /// Whether the record was asked for and answered, be it with nothing. What others asked for does not show: it
    /// differs from host to host.
    pub fn is_loaded(&self, key: &RecordKey) -> bool {
        self.allows(key) && self.records.contains_key(key)
    }

    fn allows(&self, key: &RecordKey) -> bool {
        self.allowed.is_none_or(|allowed| allowed.contains(key))
    }
}
