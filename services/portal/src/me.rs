//! Where data of a person lies: their handles by domain, with counts.

use hutong_disclosure::records;
use hutong_ledger::id::AgencyId;
use hutong_runtime::{auth::Person, http::Problem};
use hutong_wire::v1::disclosure;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{PortalService, own::Own};

/// What the city has under the person's name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// Whether you are made up, in a development city.
    pub(crate) persona: bool,
    pub(crate) domains: Vec<InDomain>,
    /// Agencies whose vaults do not answer now: you may have data there.
    pub(crate) unreachable: Vec<String>,
}

/// What a domain has.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InDomain {
    pub(crate) domain: String,
    /// The agency that owns the domain, and keeps what is sealed.
    pub(crate) owner: String,
    /// Your name in this domain: random, and nowhere else the same.
    pub(crate) handle: String,
    /// Since when you are registered, if you are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) registered_ms: Option<u64>,
    /// Names of the sealed fields of your own entry.
    pub(crate) sealed: Vec<String>,
    pub(crate) accesses: u64,
    pub(crate) consents: usize,
    pub(crate) erasures: usize,
}

impl PortalService {
    pub(crate) async fn me(&self, person: &Person, own: &Own) -> Result<Me, Problem> {
        let consents = self.consents(own).await?.consents;
        let mut domains = Vec::new();
        for (domain, (owner, handle)) in &own.handles {
            let entry = self.read::<disclosure::Person>(*domain, records::person(handle)).await?;
            let name = domain.to_string();
            domains.push(InDomain {
                owner: owner.to_string(),
                handle: hex::encode(handle),
                registered_ms: entry.as_ref().map(|entry| entry.since_ms),
                sealed: entry.into_iter().flat_map(|entry| entry.sealed).map(|field| field.name).collect(),
                accesses: self.count(*domain, handle).await?,
                consents: consents.iter().filter(|consent| consent.domain == name).count(),
                erasures: self.view.read().erased(*domain, handle).len(),
                domain: name,
            });
        }
        let unreachable = own.unreachable.iter().map(AgencyId::to_string).collect();
        Ok(Me { persona: person.persona, domains, unreachable })
    }
}
