//! What the clients submit: first registrations of parcels, each its own record, padded to the size asked for.

use std::sync::Arc;

use bytes::Bytes;
use hutong_keys::{KeyFile, SigningKey};
use hutong_ledger::{
    epoch::Purpose,
    hash::sha256,
    id::{AgencyId, ChainId, KeyId},
    transaction::{Body, Signature, Transaction},
};
use hutong_property::build;
use hutong_runtime::SharedClock;
use hutong_wire::v1::property::Unit;

use super::BenchError as Error;
use crate::city::layout::Layout;

/// How long a transaction may take before it is void.
const NOT_AFTER_MS: u64 = 600_000;

/// Makes and signs transactions, as a client would.
pub(super) struct Workload {
    chain: ChainId,
    agency: AgencyId,
    key: SigningKey,
    key_id: KeyId,
    clock: SharedClock,
    body_bytes: usize,
    /// Different in every run: the store may hold the records of an earlier one.
    run: u64,
}

impl Workload {
    pub(super) fn new(
        layout: &Layout,
        chain: ChainId,
        owner: AgencyId,
        clock: SharedClock,
        body_bytes: usize,
    ) -> Result<Arc<Self>, Error> {
        let key = KeyFile::load(&layout.key(&owner, Purpose::Signing))?.signing_key()?;
        let key_id = KeyId::of(&key.public().0);
        let run = clock.unix_ms();
        Ok(Arc::new(Self { chain, agency: owner, key, key_id, clock, body_bytes, run }))
    }

    pub(super) fn transactions(&self, first: u64, count: u32) -> Vec<Transaction> {
        (first..first + u64::from(count)).map(|number| self.transaction(number)).collect()
    }

    fn transaction(&self, number: u64) -> Transaction {
        let unique = sha256(&[&self.run.to_be_bytes(), &number.to_be_bytes()]);
        let mut nonce = [0; 16];
        nonce.copy_from_slice(&unique.0[..16]);
        let parcel = hex::encode(&unique.0[16..]);
        let bare = self.body(nonce, self.action(&parcel, unique.0, 0));
        let padding = self.body_bytes.saturating_sub(hutong_wire::transaction::encode_body(&bare).len() + 4);
        let body = self.body(nonce, self.action(&parcel, unique.0, padding));
        let bytes = hutong_wire::transaction::encode_body(&body);
        let mut tx = Transaction::new(bytes, body, Vec::new());
        let bytes = self.key.sign(&tx.message());
        tx.signatures.push(Signature { agency: self.agency, key: self.key_id, bytes });
        tx
    }

    fn body(&self, nonce: [u8; 16], action: Bytes) -> Body {
        Body {
            chain: self.chain,
            domain: hutong_property::domain(),
            agency: self.agency,
            signers: vec![self.agency],
            actor: "bench".into(),
            nonce,
            not_after_ms: self.clock.unix_ms() + NOT_AFTER_MS,
            action,
        }
    }

    fn action(&self, parcel: &str, unique: [u8; 32], padding: usize) -> Bytes {
        let unit = Unit {
            place: "bench".into(),
            r#use: "RL".into(),
            area_centi_mm2: 1,
            description: "x".repeat(padding),
            ..Unit::default()
        };
        let mut handle = [0; 16];
        handle.copy_from_slice(&unique[..16]);
        let party = build::party(handle, &self.agency);
        build::register(parcel, unit, vec![build::ownership(party, build::WHOLE)])
    }
}
