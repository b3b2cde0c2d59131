//! Actions of every domain, through the contract's own decoder and rules: each ends applied or refused, never in a fault.
//!
//! The state is what the corpus makes of an empty one, so that a change of an action meets records that are there.

use std::{collections::HashMap, sync::LazyLock};

use hutong::city::domains::{RECORD_TYPES, contracts};
use hutong_ledger::{
    block::Header,
    contract::{Contract, Record, Refusal},
    epoch::Epoch,
    execute::{Execution, Records, Step},
    genesis::Genesis,
    hash::Hash,
    id::{AgencyId, Domain},
    transaction::{Body, Transaction},
};

use crate::{Form, Target, corpus};

macro_rules! domains {
    ($($domain:literal),*) => {
        vec![$(Target { name: concat!("action_", $domain), check: |bytes| check($domain, bytes), form: Form::Fields }),*]
    };
}

pub(super) fn targets() -> Vec<Target> {
    domains!("membership", "catalogue", "property", "health", "parking", "requests", "epidemic", "licensing")
}

/// Of a real city: every contract finds its domain in it, with owner and hosts.
fn epoch() -> Epoch {
    let file = corpus("genesis_file").into_iter().find(|(name, _)| name == "genesis.json").unwrap().1;
    serde_json::from_slice::<Genesis>(&file).unwrap().epoch
}

struct Bench {
    contract: std::sync::Arc<dyn Contract>,
    epoch: Epoch,
    header: Header,
    records: Records,
}

fn bench(domain: &str) -> &'static Bench {
    static BENCHES: LazyLock<HashMap<String, Bench>> = LazyLock::new(|| {
        let one = |contract: std::sync::Arc<dyn Contract>| {
            let domain = contract.domain();
            let mut bench = Bench { contract, epoch: epoch(), header: header(), records: Records::new() };
            let epoch = Record { version: 1, value: Some(bench.epoch.encode().into()) };
            let key = hutong_ledger::id::RecordKey { domain: Domain::MEMBERSHIP, record: Epoch::record() };
            bench.records.insert(key, Some(epoch));
            let owner = bench.owner();
            let mut records = std::mem::take(&mut bench.records);
            for (_, action) in corpus(&format!("action_{domain}")) {
                bench.execute(&mut records, &action, owner);
            }
            bench.records = records;
            (domain.as_str().to_owned(), bench)
        };
        contracts(RECORD_TYPES).into_iter().map(one).collect()
    });
    &BENCHES[domain]
}

fn header() -> Header {
    Header {
        chain: "riverton-0011223344556677".parse().unwrap(),
        rules: 1,
        epoch: 0,
        height: 9,
        prev: Hash::ZERO,
        time_ms: 1_763_900_000_000,
        cursors: Vec::new(),
        segments: Vec::new(),
    }
}

impl Bench {
    fn owner(&self) -> AgencyId {
        let rules = self.epoch.domains.iter().find(|rules| rules.domain == self.contract.domain());
        rules.unwrap().owner
    }

    fn execute(&self, records: &mut Records, action: &[u8], agency: AgencyId) {
        let mut signers: Vec<AgencyId> = self.epoch.agencies.iter().map(|agency| agency.id).collect();
        signers.sort_unstable();
        let body = Body {
            chain: self.header.chain,
            domain: self.contract.domain(),
            agency,
            signers,
            actor: "clerk".into(),
            nonce: [7; 16],
            not_after_ms: self.header.time_ms + 60_000,
            action: action.to_vec().into(),
        };
        let transactions = [Transaction::new(hutong_wire::transaction::encode_body(&body), body, Vec::new())];
        let mut execution =
            Execution::new(&*self.contract, &self.epoch, &self.header, &transactions, &[None]);
        let done = loop {
            match execution.run(records) {
                Step::Need(keys) => records.extend(keys.into_iter().map(|key| (key, None))),
                Step::Done(done) => break done,
            }
        };
        for executed in &done.executed {
            let fault = executed.refusal.as_ref().filter(|refusal| refusal.code == Refusal::CONTRACT_FAULT);
            assert_eq!(fault, None, "the contract is at fault");
            for change in &executed.changes {
                if let Some(value) = &change.value {
                    // What was put can be shown: a record that nobody can read is lost.
                    assert!(
                        self.contract.render(&change.record, value).is_some(),
                        "{} cannot be shown",
                        change.record
                    );
                }
            }
        }
    }
}

fn check(domain: &str, action: &[u8]) {
    let bench = bench(domain);
    let other = bench.epoch.agencies.iter().map(|agency| agency.id).find(|id| *id != bench.owner());
    for agency in [bench.owner()].into_iter().chain(other) {
        bench.execute(&mut bench.records.clone(), action, agency);
    }
}
