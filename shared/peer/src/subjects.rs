//! Subjects outside the streams. Each starts with the kind, then the agency that alone may publish or serve it.

use hutong_ledger::id::{AgencyId, Domain};

/// Votes as they are cast: canonical [`hutong_ledger::vote::Vote`].
pub fn vote(agency: &AgencyId) -> String {
    format!("vote.{agency}")
}

/// Cosignatures as they are given: [`crate::agency::Cosigned`].
pub fn cosign(agency: &AgencyId) -> String {
    format!("cosign.{agency}")
}

/// Final heights as they are reached: [`crate::agency::AgencyTip`].
pub fn tip(agency: &AgencyId) -> String {
    format!("tip.{agency}")
}

/// Requests that other agencies and orderers may make.
pub fn agency(agency: &AgencyId) -> String {
    format!("agency.{agency}")
}

/// Requests that only the agency's own services may make.
pub fn storage(agency: &AgencyId) -> String {
    format!("storage.{agency}")
}

pub const VOTES: &str = "vote.*";
pub const COSIGNATURES: &str = "cosign.*";
pub const TIPS: &str = "tip.*";

/// Accepted transactions of a domain.
pub fn transactions(domain: Domain) -> String {
    format!("tx.{domain}")
}

pub const TRANSACTIONS: &str = "tx.*";
/// Proposals.
pub const HEADER: &str = "block.header";

/// A block's segment of a domain.
pub fn segment(domain: Domain) -> String {
    format!("block.segment.{domain}")
}

/// Final changes for subscribers.
pub fn event(agency: &AgencyId, domain: Domain) -> String {
    format!("event.{agency}.{domain}")
}

/// Requests to an agency's vault.
pub fn vault(agency: &AgencyId) -> String {
    format!("vault.{agency}")
}
