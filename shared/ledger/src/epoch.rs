//! Epochs: who may do what from a height on. An epoch is the membership domain's one record `epoch`; this module
//! holds its form and the questions asked of it, the membership contract decides how it changes.

use serde::{Deserialize, Serialize};

use crate::{
    canon::{Malformed, Reader, Writer, ascending},
    hash::{Hash, verify_ed25519},
    id::{AgencyId, Domain, KeyId, RecordId},
};

/// The most agencies that an epoch may list.
pub const AGENCIES_MAX: usize = 256;
/// The most keys that one agency may hold at a time, rotation included.
pub const KEYS_MAX: usize = 16;
/// The most domains of a city.
pub const DOMAINS_MAX: usize = 64;

/// A quorum of n: more than two thirds, so that two quorums share an honest member.
pub const fn quorum(n: usize) -> usize {
    n - faults(n)
}

/// How many of n may be faulty.
pub const fn faults(n: usize) -> usize {
    n.saturating_sub(1) / 3
}

/// What a key is for. A key serves one purpose: a stolen submit key must not be able to cosign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Transactions and tokens.
    Signing = 1,
    /// Votes, statuses and cosignatures of a validating agency.
    Host = 2,
    /// Proposals.
    Orderer = 3,
    /// Receives sealed fields (X25519).
    Sealing = 4,
    /// Acceptances of ingest.
    Ingest = 5,
    /// The log's own signature on checkpoints, by a domain's owner; never counted towards a quorum.
    Log = 6,
}

impl Purpose {
    pub const ALL: [Self; 6] =
        [Self::Signing, Self::Host, Self::Orderer, Self::Sealing, Self::Ingest, Self::Log];

    /// The name in files and documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Host => "host",
            Self::Orderer => "orderer",
            Self::Sealing => "sealing",
            Self::Ingest => "ingest",
            Self::Log => "log",
        }
    }

    fn from_u8(value: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| *purpose as u8 == value)
    }
}

impl std::fmt::Display for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A public key of an agency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub purpose: Purpose,
    #[serde(with = "public_hex")]
    pub public: [u8; 32],
}

impl Key {
    pub fn id(&self) -> KeyId {
        KeyId::of(&self.public)
    }
}

mod public_hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(key: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(key))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut key = [0; 32];
        crate::hash::decode_hex(&text, &mut key).map_err(D::Error::custom)?;
        Ok(key)
    }
}

/// A member organisation in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agency {
    pub id: AgencyId,
    pub name: String,
    /// Runs a node, hosts the platform domains, counts in quorums.
    pub validating: bool,
    /// Sorted by purpose, then key.
    pub keys: Vec<Key>,
}

/// A host of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    pub agency: AgencyId,
    /// Whether it counts: a new host first catches up and says so.
    pub ready: bool,
}

/// Who keeps a domain, and under which version of its contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainRules {
    pub domain: Domain,
    pub owner: AgencyId,
    pub contract: u32,
    /// Sorted by agency. Every validating agency hosts the platform domains, so those list no hosts; membership lists the
    /// validating agencies that do not count yet, none of them ready.
    pub hosts: Vec<Host>,
}

/// A membership record: agencies, keys, hosts, owners, contract versions, in force from a height.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    pub number: u64,
    pub from_height: u64,
    /// Sorted by id.
    pub agencies: Vec<Agency>,
    /// Sorted by domain.
    pub domains: Vec<DomainRules>,
    /// Agencies with an orderer key, by rank of take-over.
    pub orderers: Vec<AgencyId>,
}

impl Epoch {
    /// The record that holds the epoch in the membership domain.
    pub fn record() -> RecordId {
        "epoch".parse().unwrap_or_else(|_| unreachable!("the name of the record is valid"))
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u64(self.number).u64(self.from_height);
        w.list(&self.agencies, |w, agency| {
            w.text(agency.id.as_str()).text(&agency.name).u8(agency.validating.into());
            w.list(&agency.keys, |w, key| {
                w.u8(key.purpose as u8).raw(&key.public);
            });
        });
        w.list(&self.domains, |w, rules| {
            w.text(rules.domain.as_str()).text(rules.owner.as_str()).u32(rules.contract);
            w.list(&rules.hosts, |w, host| {
                w.text(host.agency.as_str()).u8(host.ready.into());
            });
        });
        w.list(&self.orderers, |w, orderer| {
            w.text(orderer.as_str());
        });
        w.finish()
    }

    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        Reader::all(bytes, |r| {
            let epoch = Self {
                number: r.u64()?,
                from_height: r.u64()?,
                agencies: r.list(AGENCIES_MAX, |r| {
                    Ok(Agency {
                        id: r.parsed()?,
                        name: r.text()?.to_owned(),
                        validating: r.flag()?,
                        keys: r.list(KEYS_MAX, |r| {
                            let purpose = r.u8()?;
                            let purpose =
                                Purpose::from_u8(purpose).ok_or_else(|| r.bad("an unknown purpose"))?;
                            Ok(Key { purpose, public: r.array()? })
                        })?,
                    })
                })?,
                domains: r.list(DOMAINS_MAX, |r| {
                    Ok(DomainRules {
                        domain: r.parsed()?,
                        owner: r.parsed()?,
                        contract: r.u32()?,
                        hosts: r
                            .list(AGENCIES_MAX, |r| Ok(Host { agency: r.parsed()?, ready: r.flag()? }))?,
                    })
                })?,
                orderers: r.list(AGENCIES_MAX, Reader::parsed)?,
            };
            epoch.check().map_err(|fault| r.bad(fault))?;
            Ok(epoch)
        })
    }

    /// The hash that a trust file may pin.
    pub fn hash(&self) -> Hash {
        crate::hash::sha256(&[&self.encode()])
    }

    /// Whether the epoch is well formed: sorted, without dangling names, with hosts that validate.
    pub fn check(&self) -> Result<(), String> {
        if !ascending(&self.agencies, |a| a.id) || !ascending(&self.domains, |d| d.domain) {
            return Err("agencies and domains must be sorted and without repeats".into());
        }
        let lists = [(self.agencies.len(), AGENCIES_MAX), (self.domains.len(), DOMAINS_MAX)];
        if lists.into_iter().any(|(found, max)| found > max) {
            return Err(format!("at most {AGENCIES_MAX} agencies and {DOMAINS_MAX} domains"));
        }
        if self.validating().next().is_none() {
            return Err("at least one agency must validate".into());
        }
        for agency in &self.agencies {
            if agency.name.is_empty() || agency.name.len() > 200 || agency.name.chars().any(char::is_control)
            {
                return Err(format!(
                    "agency {}: a name of 1 to 200 bytes without control characters",
                    agency.id
                ));
            }
            if agency.keys.len() > KEYS_MAX || !ascending(&agency.keys, |k| (k.purpose, k.public)) {
                return Err(format!("agency {}: at most {KEYS_MAX} keys, sorted, no repeats", agency.id));
            }
            if agency.validating && agency.key(Purpose::Host).is_none() {
                return Err(format!("agency {} validates and needs a host key", agency.id));
            }
        }
        if let Some(key) = self.shared_key() {
            return Err(format!("key {} is held by two agencies or for two purposes", KeyId::of(&key)));
        }
        for rules in &self.domains {
            let domain = rules.domain;
            if self.agency(&rules.owner).is_none() {
                return Err(format!("domain {domain}: owner {} is not a member", rules.owner));
            }
            if !ascending(&rules.hosts, |h| h.agency) {
                return Err(format!("domain {domain}: hosts must be sorted and without repeats"));
            }
            if let Some(host) =
                rules.hosts.iter().find(|h| !self.agency(&h.agency).is_some_and(|a| a.validating))
            {
                return Err(format!("domain {domain}: host {} does not validate", host.agency));
            }
            self.check_hosts(rules)?;
        }
        if self.rules(Domain::MEMBERSHIP).is_none() {
            return Err("the domain membership is missing".into());
        }
        let mut orderers = self.orderers.clone();
        orderers.sort();
        orderers.dedup();
        let keyed = |id: &AgencyId| self.agency(id).is_some_and(|a| a.key(Purpose::Orderer).is_some());
        if orderers.is_empty() || orderers.len() != self.orderers.len() || !orderers.iter().all(keyed) {
            return Err("orderers must be members with an orderer key, at least one, each once".into());
        }
        Ok(())
    }

    fn check_hosts(&self, rules: &DomainRules) -> Result<(), String> {
        let domain = rules.domain;
        if domain == Domain::MEMBERSHIP {
            return match rules.hosts.iter().find(|host| host.ready) {
                Some(host) => Err(format!(
                    "domain {domain}: only who does not count yet is listed, not {}",
                    host.agency
                )),
                None => Ok(()),
            };
        }
        if domain.is_platform() != rules.hosts.is_empty() {
            return Err(format!(
                "domain {domain}: platform domains list no hosts, city domains at least one"
            ));
        }
        if domain.is_platform() {
            return Ok(());
        }
        if !rules.hosts.iter().any(|h| h.ready) {
            return Err(format!("domain {domain}: no host is ready"));
        }
        match rules.hosts.iter().find(|host| host.ready && self.is_joining(&host.agency)) {
            Some(host) => {
                Err(format!("domain {domain}: {} would count before it counts in the city", host.agency))
            }
            None => Ok(()),
        }
    }

    fn shared_key(&self) -> Option<[u8; 32]> {
        let mut keys: Vec<_> = self.agencies.iter().flat_map(|a| a.keys.iter().map(|k| k.public)).collect();
        keys.sort_unstable();
        keys.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }

    pub fn agency(&self, id: &AgencyId) -> Option<&Agency> {
        self.agencies.binary_search_by(|a| a.id.cmp(id)).ok().map(|at| &self.agencies[at])
    }

    pub fn rules(&self, domain: Domain) -> Option<&DomainRules> {
        self.domains.binary_search_by(|d| d.domain.cmp(&domain)).ok().map(|at| &self.domains[at])
    }

    /// The agencies that count in quorums over the whole city.
    pub fn validating(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.iter().filter(|a| a.validating && !self.is_joining(&a.id))
    }

    /// Whether an agency is to validate and has not yet said that it has caught up: it stores and executes, and counts
    /// in no quorum.
    pub fn is_joining(&self, agency: &AgencyId) -> bool {
        self.rules(Domain::MEMBERSHIP).is_some_and(|rules| rules.hosts.iter().any(|h| h.agency == *agency))
    }

    /// The agencies that store and execute a domain and count for it.
    pub fn hosts(&self, domain: Domain) -> Vec<AgencyId> {
        if domain.is_platform() {
            return self.validating().map(|a| a.id).collect();
        }
        let hosts = self.rules(domain).map(|rules| rules.hosts.as_slice()).unwrap_or_default();
        hosts.iter().filter(|h| h.ready).map(|h| h.agency).collect()
    }

    /// Whether an agency stores and executes a domain, counted or not yet.
    pub fn stores(&self, agency: &AgencyId, domain: Domain) -> bool {
        if domain.is_platform() {
            return self.agency(agency).is_some_and(|a| a.validating);
        }
        self.rules(domain).is_some_and(|rules| rules.hosts.iter().any(|h| h.agency == *agency))
    }

    /// Whether an agency may read all of a domain: its records, their changes and whoever's transactions. That is who
    /// stores it, counted or not, and who owns it. The one rule for queries, streams and webhooks; beside it, an agency always
    /// sees the transactions that it submitted, and everyone what a domain publishes.
    pub fn may_read(&self, agency: &AgencyId, domain: Domain) -> bool {
        self.stores(agency, domain) || self.rules(domain).is_some_and(|rules| rules.owner == *agency)
    }

    /// A quorum over the whole city.
    pub fn quorum(&self) -> usize {
        quorum(self.validating().count())
    }

    /// Checks a signature against the named key of an agency, strictly; false if it holds no such key.
    pub fn signed(
        &self,
        agency: &AgencyId,
        purpose: Purpose,
        key: &KeyId,
        message: &[u8],
        signature: &[u8; 64],
    ) -> bool {
        self.key(agency, purpose, key).is_some_and(|public| verify_ed25519(&public, message, signature))
    }

    /// The public key that an agency holds for a purpose under an id.
    pub fn key(&self, agency: &AgencyId, purpose: Purpose, id: &KeyId) -> Option<[u8; 32]> {
        let keys = &self.agency(agency)?.keys;
        keys.iter().find(|k| k.purpose == purpose && k.id() == *id).map(|k| k.public)
    }
}

impl Agency {
    /// Its first key for a purpose.
    pub fn key(&self, purpose: Purpose) -> Option<&Key> {
        self.keys.iter().find(|k| k.purpose == purpose)
    }
}
