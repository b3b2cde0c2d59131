//! The city that all forms belong to: three agencies with keys from fixed seeds. Its genesis and epoch.

use hutong_keys::SigningKey;
use hutong_ledger::{
    epoch::{Agency, DomainRules, Epoch, Host, Key, Purpose},
    genesis::Genesis,
    hash::sha256,
    id::{AgencyId, Domain, KeyId},
    receipt::TrustFile,
    vote::HostSignature,
};

use crate::Form;

/// A name or number that is written down here and so is valid.
pub fn parse<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid name")
}

pub fn agency(name: &str) -> AgencyId {
    parse(name)
}

pub fn property() -> Domain {
    parse("property")
}

/// An agency's key for a purpose.
pub fn key(agency: &str, purpose: Purpose) -> SigningKey {
    SigningKey::from_seed(&sha256(&[b"golden", agency.as_bytes(), &[purpose as u8]]).0)
}

pub fn key_id(agency: &str, purpose: Purpose) -> KeyId {
    KeyId::of(key(agency, purpose).public().as_bytes())
}

pub fn host_signature(name: &str, message: &[u8]) -> HostSignature {
    let bytes = key(name, Purpose::Host).sign(message);
    HostSignature { agency: agency(name), key: key_id(name, Purpose::Host), bytes }
}

pub fn genesis() -> Genesis {
    let member = |name: &str, label: &str, validating: bool, purposes: &[Purpose]| {
        let key =
            |purpose: &Purpose| Key { purpose: *purpose, public: *key(name, *purpose).public().as_bytes() };
        Agency { id: agency(name), name: label.into(), validating, keys: purposes.iter().map(key).collect() }
    };
    let all =
        [Purpose::Signing, Purpose::Host, Purpose::Orderer, Purpose::Sealing, Purpose::Ingest, Purpose::Log];
    let host = |name: &str, ready| Host { agency: agency(name), ready };
    let epoch = Epoch {
        number: 0,
        from_height: 1,
        agencies: vec![
            member("data-bureau", "数据局", true, &all),
            member("land-registry", "Land Registry", true, &[Purpose::Signing, Purpose::Host, Purpose::Log]),
            member("notary", "Chamber of Notaries", false, &[Purpose::Signing]),
        ],
        domains: vec![
            DomainRules {
                domain: Domain::MEMBERSHIP,
                owner: agency("data-bureau"),
                contract: 1,
                hosts: Vec::new(),
            },
            DomainRules {
                domain: property(),
                owner: agency("land-registry"),
                contract: 1,
                hosts: vec![host("data-bureau", false), host("land-registry", true)],
            },
        ],
        orderers: vec![agency("data-bureau")],
    };
    Genesis { name: parse("hutong"), time_ms: 1_700_000_000_000, epoch }
}

pub(crate) fn forms() -> Vec<Form> {
    let genesis = genesis();
    genesis.check().expect("the golden city is well formed");
    vec![
        Form::new("epoch")
            .bytes("bytes", genesis.epoch.encode())
            .text("hash", genesis.epoch.hash())
            .document("json", &genesis.epoch),
        Form::new("genesis")
            .bytes("bytes", genesis.encode())
            .text("hash", genesis.hash())
            .text("chain", genesis.chain())
            .bytes("header", genesis.header().encode())
            .text("header_hash", genesis.header().hash())
            .document("json", &genesis),
        Form::new("trust").document("json", &TrustFile::of(&genesis)),
    ]
}
