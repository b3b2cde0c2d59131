//! Consents: given and withdrawn by the person in one call, through the desk of the domain's owner. The contract decides.

use http::StatusCode;
use hutong_desk::Desk;
use hutong_disclosure::records;
use hutong_ledger::id::{AgencyId, Domain, TxId};
use hutong_runtime::{auth::Person, http::Problem};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Action, Consent, Envelope, GiveConsent, WithdrawConsent, action::Kind},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{PortalService, own::Own, receipts};

/// The name under which the portal acts for persons.
pub(crate) const ACTOR: &str = "portal";
/// More consents than one person gives in a domain.
const CONSENTS_MAX: usize = 1000;

/// A consent as its giver sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Given {
    pub(crate) domain: String,
    pub(crate) id: String,
    /// The agency that may read.
    pub(crate) consumer: String,
    pub(crate) record_type: String,
    pub(crate) fields: Vec<String>,
    pub(crate) purposes: Vec<String>,
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
    pub(crate) given_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) withdrawn_ms: Option<u64>,
    /// `stands`, `not_yet`, `expired` or `withdrawn`.
    pub(crate) state: &'static str,
    /// What the agency names as its basis.
    pub(crate) basis: String,
    /// Address of the offline receipt of the last change.
    pub(crate) receipt: String,
}

/// All consents of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Consents {
    pub(crate) consents: Vec<Given>,
    /// Agencies whose vaults do not answer now: what you consented to there is not listed.
    pub(crate) unreachable: Vec<String>,
}

/// A consent to be given.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The domain of the records.
    #[schema(value_type = String)]
    pub(crate) domain: Domain,
    /// The agency that may read.
    pub(crate) consumer: String,
    pub(crate) record_type: String,
    pub(crate) fields: Vec<String>,
    pub(crate) purposes: Vec<String>,
    /// Unix milliseconds; at once unless told.
    pub(crate) from_ms: Option<u64>,
    pub(crate) until_ms: u64,
}

impl PortalService {
    /// The person's consents, by domain.
    pub(crate) async fn consents(&self, own: &Own) -> Result<Consents, Problem> {
        let now_ms = self.ports.clock.unix_ms();
        let mut consents = Vec::new();
        for (domain, (_, handle)) in &own.handles {
            let prefix = format!("consent/{}/", hex::encode(handle));
            for (stored, consent) in self.list::<Consent>(*domain, &prefix, CONSENTS_MAX).await? {
                consents.push(given(*domain, consent, &stored.transaction, now_ms));
            }
        }
        let unreachable = own.unreachable.iter().map(AgencyId::to_string).collect();
        Ok(Consents { consents, unreachable })
    }

    /// Gives a consent; it holds when this returns.
    pub(crate) async fn give(&self, person: &Person, wanted: Wanted) -> Result<Given, Problem> {
        let domain = wanted.domain;
        let (owner, handle) = self.own_in(person, domain).await?;
        let id = hex::encode(hutong_keys::random_bytes::<8>().map_err(Problem::internal)?);
        let action = GiveConsent {
            handle: handle.to_vec().into(),
            id: id.clone(),
            consumer: wanted.consumer,
            record_type: wanted.record_type,
            fields: ascending(wanted.fields),
            purposes: ascending(wanted.purposes),
            from_ms: wanted.from_ms.unwrap_or_else(|| self.ports.clock.unix_ms()),
            until_ms: wanted.until_ms,
        };
        self.act(owner, domain, Kind::GiveConsent(action)).await?;
        self.given(domain, &handle, &id).await
    }

    /// Withdraws a consent; it is withdrawn when this returns.
    pub(crate) async fn withdraw(&self, person: &Person, domain: Domain, id: &str) -> Result<Given, Problem> {
        let (owner, handle) = self.own_in(person, domain).await?;
        // Looked up under the person's own handle: nobody learns of another's, nor withdraws it.
        self.given(domain, &handle, id).await?;
        let action = WithdrawConsent { handle: handle.to_vec().into(), id: id.to_owned() };
        self.act(owner, domain, Kind::WithdrawConsent(action)).await?;
        self.given(domain, &handle, id).await
    }

    async fn given(
        &self,
        domain: Domain,
        handle: &hutong_disclosure::Handle,
        id: &str,
    ) -> Result<Given, Problem> {
        let unknown = || {
            let detail = format!("You have given no such consent in the domain {domain}.");
            Problem::new("consent_unknown", StatusCode::NOT_FOUND, detail).field("id")
        };
        let record = records::consent(handle, id).ok_or_else(unknown)?;
        let stored = self.stored(domain, record).await?.ok_or_else(unknown)?;
        let consent = Consent::decode(stored.value.unwrap_or_default()).map_err(Problem::internal)?;
        Ok(given(domain, consent, &stored.transaction, self.ports.clock.unix_ms()))
    }

    /// Submits an action of disclosure at the owner's desk, and waits until it is final and shown here.
    pub(crate) async fn act(&self, owner: AgencyId, domain: Domain, kind: Kind) -> Result<TxId, Problem> {
        let done = self.try_act(owner, domain, kind).await?;
        done.map_err(Problem::from)
    }

    /// As [`Self::act`], with the desk's own word on a refusal.
    pub(crate) async fn try_act(
        &self,
        owner: AgencyId,
        domain: Domain,
        kind: Kind,
    ) -> Result<Result<TxId, hutong_desk::Error>, Problem> {
        let desk: &Desk = self.ports.desks.get(&owner).ok_or_else(|| {
            let detail = format!("This portal does not sign for {owner}: use the portal of that agency.");
            Problem::new("not_the_owner", StatusCode::FORBIDDEN, detail).with("owner", owner)
        })?;
        let action = Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec();
        let done = match desk.submit(domain, action.into(), ACTOR).await {
            Ok(done) => done,
            Err(error) => return Ok(Err(error)),
        };
        self.settle(done.height).await;
        Ok(Ok(done.id))
    }
}

/// The rules take names in order, each once; people need not.
fn ascending(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    names
}

fn given(domain: Domain, consent: Consent, transaction: &TxId, now_ms: u64) -> Given {
    let state = match &consent {
        consent if consent.withdrawn_ms != 0 => "withdrawn",
        consent if now_ms < consent.from_ms => "not_yet",
        consent if now_ms >= consent.until_ms => "expired",
        _ => "stands",
    };
    Given {
        domain: domain.to_string(),
        basis: format!("{}/{}", hex::encode(&consent.handle), consent.id),
        id: consent.id,
        consumer: consent.consumer,
        record_type: consent.record_type,
        fields: consent.fields,
        purposes: consent.purposes,
        from_ms: consent.from_ms,
        until_ms: consent.until_ms,
        given_ms: consent.given_ms,
        withdrawn_ms: (consent.withdrawn_ms != 0).then_some(consent.withdrawn_ms),
        state,
        receipt: receipts::address(transaction),
    }
}
