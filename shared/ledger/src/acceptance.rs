//! Acceptances: what ingest signs when it has a transaction safe and under way, one signature for a whole group.
//!
//! With it the submitter can show, offline, that the operator of ingest promised to have the transaction ordered
//! before a time. It says nothing of what will become of the transaction: that is the receipt's to say.

use serde::{Deserialize, Serialize};

use crate::{
    block::SEGMENT_TRANSACTIONS_MAX,
    canon::{Malformed, Reader, Writer},
    epoch::{Epoch, Purpose},
    hash::{Hash, Tag},
    id::{AgencyId, ChainId, Domain, KeyId, TxId},
    log::{self, Unproven, proof::PATH_HASHES_MAX},
};

/// What is signed: a group of transactions, by the root over their ids, and where and until when it is to be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub chain: ChainId,
    pub domain: Domain,
    /// The agency that operates ingest.
    pub agency: AgencyId,
    /// Its ingest key that signed.
    pub key: KeyId,
    /// RFC 6962 over the ids of the group.
    pub root: Hash,
    pub size: u64,
    /// The life of the TRANSACTIONS stream that the sequence belongs to.
    pub incarnation: u64,
    pub sequence: u64,
    /// Each transaction of the group is ordered in a block of at most this time (Unix milliseconds), or of at most
    /// its own not_after where that is earlier.
    pub deadline_ms: u64,
}

impl Statement {
    fn write(&self, w: &mut Writer) {
        w.text(self.chain.as_str()).text(self.domain.as_str()).text(self.agency.as_str()).raw(&self.key.0);
        w.hash(&self.root).u64(self.size).u64(self.incarnation).u64(self.sequence).u64(self.deadline_ms);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            chain: r.parsed()?,
            domain: r.parsed()?,
            agency: r.parsed()?,
            key: KeyId(r.array()?),
            root: r.hash()?,
            size: r.u64()?,
            incarnation: r.u64()?,
            sequence: r.u64()?,
            deadline_ms: r.u64()?,
        })
    }

    /// The message that the ingest key signs.
    pub fn message(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        Tag::Acceptance.message(&w.finish())
    }
}

/// The acceptance of one transaction: its group's signed statement, and the path from its id to the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    #[serde(flatten)]
    pub statement: Statement,
    #[serde(with = "signature_hex")]
    pub signature: [u8; 64],
    /// The transaction's place in the group, from 0.
    pub index: u64,
    pub path: Vec<Hash>,
}

/// Why an acceptance does not bind its signer to a transaction.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unaccepted {
    #[error("it is for chain {found}")]
    Chain { found: ChainId },
    #[error("agency {agency} has no ingest key {key} in this epoch, or the signature is not that key's")]
    Signature { agency: AgencyId, key: KeyId },
    #[error("it is not for transaction {id}: {reason}")]
    Inclusion {
        id: TxId,
        #[source]
        reason: Unproven,
    },
}

impl Acceptance {
    /// Checks, offline, that ingest accepted exactly this transaction. The epoch is the one in force when it did.
    pub fn verify(&self, chain: ChainId, epoch: &Epoch, id: &TxId) -> Result<(), Unaccepted> {
        let Statement { agency, key, root, size, .. } = &self.statement;
        if self.statement.chain != chain {
            return Err(Unaccepted::Chain { found: self.statement.chain });
        }
        if !epoch.signed(agency, Purpose::Ingest, key, &self.statement.message(), &self.signature) {
            return Err(Unaccepted::Signature { agency: *agency, key: *key });
        }
        log::verify_inclusion(root, *size, self.index, &log::leaf_hash(&id.0), &self.path)
            .map_err(|reason| Unaccepted::Inclusion { id: *id, reason })
    }

    /// The time by which a transaction is promised to be ordered.
    pub fn deadline_ms(&self, id: &TxId) -> u64 {
        self.statement.deadline_ms.min(id.not_after_ms())
    }

    pub fn write(&self, w: &mut Writer) {
        self.statement.write(w);
        w.raw(&self.signature).u64(self.index);
        w.list(&self.path, |w, hash| {
            w.hash(hash);
        });
    }

    pub fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let acceptance = Self {
            statement: Statement::read(r)?,
            signature: r.array()?,
            index: r.u64()?,
            path: r.list(PATH_HASHES_MAX, Reader::hash)?,
        };
        if acceptance.statement.size > SEGMENT_TRANSACTIONS_MAX as u64 {
            return Err(r.bad("a group larger than any segment"));
        }
        Ok(acceptance)
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        self.write(&mut w);
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, Self::read)
    }
}

mod signature_hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 64], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 64], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        crate::hash::decode_hex(&text, &mut bytes).map_err(D::Error::custom)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    use super::*;
    use crate::epoch::{Agency, DomainRules, Key};

    fn pair(seed: u8) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
    }

    fn epoch() -> Epoch {
        let key =
            |purpose, seed| Key { purpose, public: pair(seed).public_key().as_ref().try_into().unwrap() };
        let agency = "data-bureau".parse().unwrap();
        let keys = vec![key(Purpose::Host, 1), key(Purpose::Orderer, 2), key(Purpose::Ingest, 3)];
        let owner = Agency { id: agency, name: "Data".into(), validating: true, keys };
        let rules = DomainRules { domain: Domain::MEMBERSHIP, owner: agency, contract: 1, hosts: vec![] };
        Epoch {
            number: 0,
            from_height: 1,
            agencies: vec![owner],
            domains: vec![rules],
            orderers: vec![agency],
        }
    }

    fn chain() -> ChainId {
        "city-0011223344556677".parse().unwrap()
    }

    fn accepted(ids: &[TxId], index: usize) -> Acceptance {
        let tree = log::Tree::new(ids.iter().map(|id| log::leaf_hash(&id.0)));
        let key = epoch().agencies[0].key(Purpose::Ingest).unwrap().id();
        let statement = Statement {
            chain: chain(),
            domain: "property".parse().unwrap(),
            agency: "data-bureau".parse().unwrap(),
            key,
            root: tree.root(),
            size: ids.len() as u64,
            incarnation: 7,
            sequence: 41,
            deadline_ms: 2_000,
        };
        let signature = pair(3).sign(&statement.message()).as_ref().try_into().unwrap();
        Acceptance { statement, signature, index: index as u64, path: tree.path(index).unwrap() }
    }

    fn ids(count: u64) -> Vec<TxId> {
        (0..count).map(|n| TxId::new(1_000 + n * 1_000, &n.to_be_bytes())).collect()
    }

    #[test]
    fn binds_the_signer_to_each_transaction_of_the_group_and_to_no_other() {
        let (ids, epoch) = (ids(5), epoch());
        for (index, id) in ids.iter().enumerate() {
            let acceptance = accepted(&ids, index);
            acceptance.verify(chain(), &epoch, id).unwrap();
            let other = TxId::new(9, b"other");
            assert!(matches!(acceptance.verify(chain(), &epoch, &other), Err(Unaccepted::Inclusion { .. })));
        }
        let acceptance = accepted(&ids, 0);
        let foreign = "other-0011223344556677".parse().unwrap();
        assert!(matches!(acceptance.verify(foreign, &epoch, &ids[0]), Err(Unaccepted::Chain { .. })));
        let mut forged = acceptance.clone();
        forged.statement.deadline_ms += 1;
        assert!(matches!(forged.verify(chain(), &epoch, &ids[0]), Err(Unaccepted::Signature { .. })));
        assert_eq!((acceptance.deadline_ms(&ids[0]), acceptance.deadline_ms(&ids[4])), (1_000, 2_000));
    }

    #[test]
    fn the_signed_message_never_changes() {
        let message = accepted(&ids(2), 1).statement.message();
        assert_eq!(hex::encode(&message[..21]), hex::encode(Tag::Acceptance.prefix()),);
        let statement = [
            "00000015636974792d30303131323233333434353536363737",
            "0000000870726f7065727479",
            "0000000b646174612d627572656175",
            "b62e867fa2f33afe",
            "63e46d7ff3de902e503c0103894406fa6e0e06a98e132a5e02b405e42ba8c75e",
            "000000000000000200000000000000070000000000000029",
            "00000000000007d0",
        ];
        assert_eq!(hex::encode(&message[21..]), statement.concat());
    }

    #[test]
    fn reads_back_from_bytes_and_json() {
        let acceptance = accepted(&ids(3), 2);
        assert_eq!(Acceptance::decode(&acceptance.encode()).unwrap(), acceptance);
        let json = serde_json::to_string(&acceptance).unwrap();
        assert_eq!(serde_json::from_str::<Acceptance>(&json).unwrap(), acceptance);
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(cut in 0..600_usize, at in 0..600_usize, value: u8, noise: Vec<u8>) {
            let mut bytes = accepted(&ids(9), 4).encode();
            let length = bytes.len();
            bytes[at % length] = value;
            if let Ok(changed) = Acceptance::decode(&bytes) {
                let genuine = changed == accepted(&ids(9), 4);
                prop_assert_eq!(changed.verify(chain(), &epoch(), &ids(9)[4]).is_ok(), genuine);
            }
            prop_assert!(Acceptance::decode(&bytes[..cut.min(length - 1)]).is_err());
            let _ = Acceptance::decode(&noise);
        }
    }
}
