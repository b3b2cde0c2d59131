//! The city's chain, its agencies and domains, and the headers of its blocks.

use hutong_ledger::{
    block::Header,
    epoch::{Agency, DomainRules, Epoch},
    hash::Hash,
    id::ChainId,
};

pub const CHAIN: &str = "riverton-0011223344556677";

pub fn chain() -> ChainId {
    CHAIN.parse().unwrap()
}

/// Its only epoch: agencies, and domains with their owners, both in any order.
pub fn epoch(agencies: &[&str], domains: &[(&str, &str)]) -> Epoch {
    let agency = |id: &&str| Agency {
        id: id.parse().unwrap(),
        name: (*id).into(),
        validating: true,
        keys: Vec::new(),
    };
    let rules = |(domain, owner): &(&str, &str)| DomainRules {
        domain: domain.parse().unwrap(),
        owner: owner.parse().unwrap(),
        contract: 1,
        hosts: Vec::new(),
    };
    let mut agencies: Vec<_> = agencies.iter().map(agency).collect();
    agencies.sort_by_key(|agency| agency.id);
    let mut domains: Vec<_> = domains.iter().map(rules).collect();
    domains.sort_by_key(|rules| rules.domain);
    Epoch { number: 7, from_height: 1, agencies, domains, orderers: Vec::new() }
}

pub fn header(height: u64, time_ms: u64) -> Header {
    Header {
        chain: chain(),
        rules: 1,
        epoch: 7,
        height,
        prev: Hash::ZERO,
        time_ms,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}
