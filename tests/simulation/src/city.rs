//! The city of every run: four agencies that host one simple domain, two orderers, one of which operates ingest.

use std::sync::Arc;

use bytes::Bytes;
use hutong_keys::SigningKey;
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::Genesis,
    id::{AgencyId, Domain, KeyId, RecordId, RecordKey},
    transaction::{Body, Signature, Transaction},
};

pub(crate) const AGENCIES: usize = 4;
pub(crate) const ORDERERS: usize = 2;
pub(crate) const GENESIS_MS: u64 = 1_700_000_000_000;

/// `key=value` puts; a key that has a value already is refused every third time, by its length.
#[derive(Debug)]
struct Notes(Domain);

impl Notes {
    fn change(&self, action: &[u8]) -> Result<Change, Refusal> {
        let text = std::str::from_utf8(action).map_err(|_| Refusal::new("not_text", "not text"))?;
        let (key, value) = text.split_once('=').ok_or_else(|| Refusal::new("no_value", "key=value"))?;
        let key = key.parse().map_err(|_| Refusal::new("no_key", "key=value"))?;
        Ok(Change::put(key, value.as_bytes().to_vec()))
    }
}

impl Contract for Notes {
    fn domain(&self) -> Domain {
        self.0
    }

    fn version(&self) -> u32 {
        1
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        Ok(Arc::new(self.change(action)?))
    }

    fn reads(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        let change: &Change = tx.action()?;
        Ok(vec![RecordKey { domain: self.0, record: change.record.clone() }])
    }

    fn decide(&self, tx: &Verified<'_>, _: &View<'_>) -> Result<Vec<Change>, Refusal> {
        let change = tx.action::<Change>()?.clone();
        if change.value.as_ref().is_some_and(|value| value.len() % 3 == 0) {
            return Err(Refusal::new("third", "every third length is refused"));
        }
        Ok(vec![change])
    }

    fn render(&self, _: &RecordId, _: &[u8]) -> Option<serde_json::Value> {
        None
    }
}

pub(crate) fn key(agency: usize, purpose: Purpose) -> SigningKey {
    let mut seed = [agency as u8 + 1; 32];
    seed[0] = purpose as u8;
    SigningKey::from_seed(&seed)
}

pub(crate) fn name(agency: usize) -> AgencyId {
    format!("agency-{agency}").parse().unwrap()
}

/// The agency that a subject belongs to: `vote.<agency>` and the like.
pub(crate) fn of_subject(subject: &str) -> Option<usize> {
    let agency = subject.rsplit_once(".agency-")?.1.parse().ok()?;
    (agency < AGENCIES).then_some(agency)
}

pub(crate) fn notes() -> Domain {
    "notes".parse().unwrap()
}

pub(crate) fn contracts() -> Vec<Arc<dyn Contract>> {
    vec![Arc::new(Notes(notes())), Arc::new(Notes(Domain::MEMBERSHIP))]
}

pub(crate) fn genesis() -> Genesis {
    let agency = |at: usize| {
        let purposes = [Purpose::Signing, Purpose::Host, Purpose::Orderer, Purpose::Ingest, Purpose::Log];
        let keys = purposes.map(|purpose| Key { purpose, public: key(at, purpose).public().0 });
        Agency { id: name(at), name: format!("Agency {at}"), validating: true, keys: keys.to_vec() }
    };
    let hosts = (0..AGENCIES).map(|at| Host { agency: name(at), ready: true }).collect();
    let rules = |domain, hosts| DomainRules { domain, owner: name(0), contract: 1, hosts };
    let epoch = Epoch {
        number: 0,
        from_height: 1,
        agencies: (0..AGENCIES).map(agency).collect(),
        domains: vec![rules(Domain::MEMBERSHIP, Vec::new()), rules(notes(), hosts)],
        orderers: (0..ORDERERS).map(name).collect(),
    };
    let genesis = Genesis { name: "harbour".parse().unwrap(), time_ms: GENESIS_MS, epoch };
    genesis.check().unwrap();
    genesis
}

/// A transaction of an agency, signed.
pub(crate) fn transaction(agency: usize, nonce: [u8; 16], not_after_ms: u64, action: String) -> Transaction {
    let body = Body {
        chain: genesis().chain(),
        domain: notes(),
        agency: name(agency),
        signers: vec![name(agency)],
        actor: "clerk".into(),
        nonce,
        not_after_ms,
        action: Bytes::from(action),
    };
    let mut tx = Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new());
    let signer = key(agency, Purpose::Signing);
    let bytes = signer.sign(&tx.message());
    tx.signatures.push(Signature { agency: name(agency), key: KeyId::of(&signer.public().0), bytes });
    tx
}
