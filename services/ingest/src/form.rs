//! What an action must not carry: anything beyond its domain's form, where a sealed value could hide, and a resident's
//! id in the clear. It is refused here, before it is appended anywhere, since nothing is ever taken back from a ledger.

use std::{collections::BTreeMap, sync::Arc};

use hutong_disclosure::find_resident_id;
use hutong_ledger::{contract::Contract, epoch::Epoch, id::Domain, transaction::Transaction};
use hutong_peer::ingest::{Code, Rejected};

/// The forms of all domains' actions, as their contracts know them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forms(BTreeMap<(Domain, u32), Arc<dyn Contract>>);

impl Forms {
    pub(crate) fn new(contracts: impl IntoIterator<Item = Arc<dyn Contract>>) -> Self {
        let named = contracts.into_iter().map(|contract| ((contract.domain(), contract.version()), contract));
        Self(named.collect())
    }

    pub(crate) fn check(&self, epoch: &Epoch, tx: &Transaction) -> Result<(), Rejected> {
        if find_resident_id(&tx.body_bytes) {
            let detail = "it carries a resident's id in the clear; give it to the vault of the domain's owner, and \
                          name the person by handle";
            return Err(Rejected::new(Code::SealedInClear, detail));
        }
        let version = epoch.rules(tx.body.domain).map(|rules| rules.contract).unwrap_or_default();
        match self.0.get(&(tx.body.domain, version)) {
            Some(contract) => contract
                .decode(&tx.body.action)
                .map(drop)
                .map_err(|refusal| Rejected::new(Code::Malformed, refusal.message)),
            // Another version's form is another: those who execute it decide.
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use hutong_ledger::{
        contract::{Action, Change, Refusal, Verified, View},
        epoch::DomainRules,
        id::{RecordId, RecordKey},
        transaction::Body,
    };

    use super::*;

    /// Takes nothing but the action `form`.
    #[derive(Debug)]
    struct Strict;

    impl Contract for Strict {
        fn domain(&self) -> Domain {
            "property".parse().unwrap()
        }

        fn version(&self) -> u32 {
            1
        }

        fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
            if action == b"form" { Ok(Arc::new(())) } else { Err(Refusal::malformed("more than the form")) }
        }

        fn reads(&self, _: &Verified<'_>, _: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
            unreachable!("ingest executes nothing")
        }

        fn decide(&self, _: &Verified<'_>, _: &View<'_>) -> Result<Vec<Change>, Refusal> {
            unreachable!("ingest executes nothing")
        }

        fn render(&self, _: &RecordId, _: &[u8]) -> Option<serde_json::Value> {
            None
        }
    }

    fn check(version: u32, action: &'static [u8]) -> Option<Code> {
        let owner = "alpha".parse().unwrap();
        let rules =
            DomainRules { domain: "property".parse().unwrap(), owner, contract: version, hosts: Vec::new() };
        let epoch = Epoch {
            number: 0,
            from_height: 1,
            agencies: Vec::new(),
            domains: vec![rules],
            orderers: Vec::new(),
        };
        let body = Body {
            chain: "city-0011223344556677".parse().unwrap(),
            domain: "property".parse().unwrap(),
            agency: owner,
            signers: vec![owner],
            actor: String::new(),
            nonce: [1; 16],
            not_after_ms: 1,
            action: Bytes::from_static(action),
        };
        let bytes = hutong_wire::transaction::encode_body(&body);
        let forms = Forms::new([Arc::new(Strict) as Arc<dyn Contract>]);
        forms.check(&epoch, &Transaction::new(bytes, body, Vec::new())).err().map(|rejected| rejected.code)
    }

    #[test]
    fn more_than_the_form_is_refused_under_the_version_that_is_known() {
        assert_eq!(check(1, b"form"), None);
        assert_eq!(check(1, b"form and a name"), Some(Code::Malformed));
        assert_eq!(check(2, b"form and a name"), None, "who executes version 2 knows its form");
    }

    #[test]
    fn a_residents_id_is_refused_whatever_the_version() {
        for version in [1, 2] {
            assert_eq!(check(version, b"id 11010519491231002X."), Some(Code::SealedInClear));
        }
    }
}
