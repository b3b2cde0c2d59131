//! A person's own handles: the one way to anything about a person.
//!
//! Each vault is shown the person's token and tells the handles in its domains. A vault is believed about the domains of
//! its own agency alone.

use std::collections::BTreeMap;

use futures::future::join_all;
use http::{HeaderValue, StatusCode, header};
use hutong_disclosure::Handle;
use hutong_ledger::{
    epoch::Epoch,
    id::{AgencyId, Domain},
};
use hutong_peer::vault::VaultError;
use hutong_runtime::{auth::Person, http::Problem};

use crate::{PortalService, ledger::unavailable};

/// What of a person is where.
#[derive(Debug)]
pub(crate) struct Own {
    /// By domain: whose domain it is, and the person's handle in it.
    pub(crate) handles: BTreeMap<Domain, (AgencyId, Handle)>,
    /// Owners whose vaults do not answer now: the person may have data there.
    pub(crate) unreachable: Vec<AgencyId>,
}

impl PortalService {
    /// The person's handles, in one domain or in all. In one domain it is an error if its vault does not answer.
    pub(crate) async fn own(&self, person: &Person, only: Option<Domain>) -> Result<Own, Problem> {
        if person.resident_id.is_none() {
            let detail = "The token does not say who you are in the city: it has no resident id.";
            return Err(Problem::new("resident_id_missing", StatusCode::FORBIDDEN, detail));
        }
        let epoch = self.ports.storage.standing().await.map_err(unavailable)?.epoch;
        let owner = match only {
            Some(domain) => Some(owner_of(&epoch, domain)?),
            None => None,
        };
        let asked =
            self.ports.vaults.iter().filter(|(agency, _)| owner.is_none_or(|owner| owner == **agency));
        let token = person.token.expose();
        let answers =
            join_all(asked.map(|(agency, vault)| async move { (*agency, vault.own_handles(token).await) }));
        let mut own = Own { handles: BTreeMap::new(), unreachable: self.without_vault(&epoch, owner) };
        for (agency, answer) in answers.await {
            let told = match answer {
                Ok(told) => told,
                Err(VaultError::Unavailable(why)) => {
                    tracing::warn!(%agency, why, "a vault does not answer the portal");
                    own.unreachable.push(agency);
                    continue;
                }
                Err(VaultError::Refused { code, message }) => return Err(refused(&code, message)),
            };
            for (domain, handle) in told {
                let owned = owner_of(&epoch, domain).is_ok_and(|owner| owner == agency);
                if owned && only.is_none_or(|only| only == domain) {
                    own.handles.insert(domain, (agency, handle));
                }
            }
        }
        if owner.is_some() && !own.unreachable.is_empty() {
            return Err(no_vault(&own.unreachable));
        }
        Ok(own)
    }

    /// The person's handle in a domain.
    pub(crate) async fn own_in(
        &self,
        person: &Person,
        domain: Domain,
    ) -> Result<(AgencyId, Handle), Problem> {
        let own = self.own(person, Some(domain)).await?;
        own.handles.get(&domain).copied().ok_or_else(|| {
            let detail = format!("Nothing of yours lies in the domain {domain}.");
            Problem::new("person_unknown", StatusCode::NOT_FOUND, detail).field("domain")
        })
    }

    /// Owners of city domains of which no vault is known here.
    fn without_vault(&self, epoch: &Epoch, only: Option<AgencyId>) -> Vec<AgencyId> {
        let city = epoch.domains.iter().filter(|rules| !rules.domain.is_platform());
        let mut owners: Vec<AgencyId> = city.map(|rules| rules.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        owners
            .retain(|owner| only.is_none_or(|only| only == *owner) && !self.ports.vaults.contains_key(owner));
        owners
    }
}

impl Own {
    /// All handles, if all vaults answered.
    pub(crate) fn whole(self) -> Result<BTreeMap<Domain, (AgencyId, Handle)>, Problem> {
        if self.unreachable.is_empty() { Ok(self.handles) } else { Err(no_vault(&self.unreachable)) }
    }
}

/// The owner of a city domain.
fn owner_of(epoch: &Epoch, domain: Domain) -> Result<AgencyId, Problem> {
    let rules = epoch.rules(domain).filter(|_| !domain.is_platform());
    let unknown = || {
        let detail = format!("No persons are in a domain {domain}.");
        Problem::new("unknown_domain", StatusCode::NOT_FOUND, detail).field("domain")
    };
    Ok(rules.ok_or_else(unknown)?.owner)
}

fn no_vault(agencies: &[AgencyId]) -> Problem {
    let names = agencies.iter().map(AgencyId::as_str).collect::<Vec<_>>().join(", ");
    let detail = format!("The vault of {names} does not answer now; try again.");
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(2)
}

/// What a vault says no to.
fn refused(code: &str, message: String) -> Problem {
    match code {
        "invalid_token" => {
            let detail = format!("A vault does not take the token: {message}.");
            let challenge = HeaderValue::from_static("Bearer realm=\"hutong\", error=\"invalid_token\"");
            Problem::new("invalid_token", StatusCode::UNAUTHORIZED, detail)
                .header(header::WWW_AUTHENTICATE, challenge)
        }
        "rate_limited" => {
            Problem::new("rate_limited", StatusCode::TOO_MANY_REQUESTS, message).retry_after_s(60)
        }
        code => Problem::internal(format!("a vault refuses a person's handles: {code}")),
    }
}
