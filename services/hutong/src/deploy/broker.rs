//! Who may do what at the broker: its users, made from membership, and what each of them may publish and listen to.
//!
//! A user is an agency in one of three roles. What an agency says may come from nobody else, blocks only from orderers,
//! transactions only from ingest; a segment goes only to its domain's hosts. Streams are made by one keeper, and no
//! user here may change, purge or delete them. The names of subjects are those of `hutong_peer::subjects`: this must
//! not invent any.

use hutong_bus::Stream;
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::AgencyId,
};
use hutong_peer::{ingest::SUBMIT, subjects};

/// In which role somebody comes to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// An agency's storage, validation, notification, vault, portal and domain services.
    Agency(AgencyId),
    /// An agency's orderer.
    Orderer(AgencyId),
    /// Ingest, run by this agency.
    Ingest(AgencyId),
    /// Makes the streams, once.
    Keeper,
}

/// What a user may publish to and listen to; everything else the broker refuses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    pub publish: Vec<String>,
    pub subscribe: Vec<String>,
    /// Whether it may answer who asks it.
    pub answers: bool,
}

impl Role {
    /// Every user of a city under an epoch.
    pub fn all(epoch: &Epoch) -> Vec<Self> {
        let mut roles = vec![Self::Keeper];
        roles.extend(epoch.agencies.iter().map(|agency| Self::Agency(agency.id)));
        roles.extend(epoch.orderers.iter().map(|agency| Self::Orderer(*agency)));
        let takes_in = epoch.agencies.iter().filter(|a| a.keys.iter().any(|k| k.purpose == Purpose::Ingest));
        roles.extend(takes_in.map(|agency| Self::Ingest(agency.id)));
        roles
    }

    pub fn name(&self) -> String {
        match self {
            Self::Agency(agency) => format!("agency-{agency}"),
            Self::Orderer(agency) => format!("orderer-{agency}"),
            Self::Ingest(agency) => format!("ingest-{agency}"),
            Self::Keeper => "keeper".into(),
        }
    }

    /// Where answers to this user go. Nobody else may listen there.
    pub fn inbox(&self) -> String {
        format!("_INBOX_{}", self.name())
    }

    /// Whether the broker lets it read only subject by subject.
    pub fn reads_by_subject(&self) -> bool {
        matches!(self, Self::Agency(_))
    }

    pub fn permissions(&self, epoch: &Epoch) -> Permissions {
        let mut permissions = match self {
            Self::Agency(agency) => of_agency(agency, epoch),
            Self::Orderer(agency) => of_orderer(agency),
            Self::Ingest(agency) => of_ingest(agency),
            Self::Keeper => Permissions {
                publish: Stream::ALL.map(|stream| api(&["STREAM.CREATE", stream.name()])).into(),
                ..Permissions::default()
            },
        };
        permissions.publish.push(api(&["INFO"]));
        permissions.publish.extend(Stream::ALL.map(|stream| api(&["STREAM.INFO", stream.name()])));
        permissions.subscribe.push(format!("{}.>", self.inbox()));
        permissions
    }
}

fn of_agency(agency: &AgencyId, epoch: &Epoch) -> Permissions {
    let events = format!("event.{agency}");
    let mut publish = vec![
        subjects::vote(agency),
        subjects::cosign(agency),
        subjects::tip(agency),
        format!("telemetry.parking.{agency}"),
        // An append to EVENTS.
        format!("{events}.*"),
        // What it asks: ingest, other agencies, the vaults of owners, its own storage.
        SUBMIT.into(),
        "agency.*".into(),
        "vault.*".into(),
        subjects::storage(agency),
    ];
    publish.extend(readable(agency, epoch).iter().map(|subject| create(Stream::Blocks, subject)));
    publish.extend([
        api(&["DIRECT.GET", "BLOCKS", subjects::HEADER]),
        api(&["CONSUMER.MSG.NEXT", "BLOCKS", "*"]),
        create(Stream::Events, &format!("{events}.>")),
        api(&["DIRECT.GET", "EVENTS", &events, ">"]),
        api(&["CONSUMER.MSG.NEXT", "EVENTS", "*"]),
    ]);
    let subscribe = vec![
        subjects::VOTES.into(),
        subjects::COSIGNATURES.into(),
        subjects::TIPS.into(),
        "telemetry.parking.*".into(),
        subjects::agency(agency),
        subjects::storage(agency),
        subjects::vault(agency),
    ];
    Permissions { publish, subscribe, answers: true }
}

fn of_orderer(agency: &AgencyId) -> Permissions {
    let mut publish =
        vec![subjects::HEADER.into(), "block.segment.*".into(), "agency.*".into(), subjects::storage(agency)];
    publish.extend([Stream::Transactions, Stream::Blocks].into_iter().flat_map(reads_all));
    Permissions { publish, subscribe: vec![subjects::TIPS.into()], answers: false }
}

fn of_ingest(agency: &AgencyId) -> Permissions {
    let mut publish = vec![subjects::TRANSACTIONS.into(), subjects::storage(agency)];
    publish.extend(reads_all(Stream::Transactions));
    Permissions { publish, subscribe: vec![SUBMIT.into()], answers: true }
}

/// Headers, and the segments of the domains that the agency hosts: also while it is not ready, since it executes before
/// it counts.
fn readable(agency: &AgencyId, epoch: &Epoch) -> Vec<String> {
    let hosted = epoch.domains.iter().map(|rules| rules.domain).filter(|d| epoch.stores(agency, *d));
    std::iter::once(subjects::HEADER.to_owned()).chain(hosted.map(subjects::segment)).collect()
}

fn api(tokens: &[&str]) -> String {
    format!("$JS.API.{}", tokens.join("."))
}

/// A consumer of what matches one filter. The broker compares the filter in this subject with the request's.
fn create(stream: Stream, filter: &str) -> String {
    api(&["CONSUMER.CREATE", stream.name(), "*", filter])
}

fn reads_all(stream: Stream) -> Vec<String> {
    let name = stream.name();
    vec![
        api(&["CONSUMER.CREATE", name, "*", ">"]),
        api(&["CONSUMER.MSG.NEXT", name, "*"]),
        api(&["STREAM.MSG.GET", name]),
    ]
}
