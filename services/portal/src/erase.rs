//! Erasure on the person's request: of a record that is about them alone, through the desk of the domain's owner. The
//! contract decides; a legal hold's reason is told.

use http::StatusCode;
use hutong_disclosure::{Handle, records};
use hutong_ledger::id::{Domain, RecordId};
use hutong_runtime::{auth::Person, http::Problem};
use hutong_wire::v1::disclosure::{Erase, Hold, action::Kind};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::{PortalService, erasures::Certificate, ledger::unavailable};

const BASIS: &str = "request of the person";

/// What is to be erased.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    #[schema(value_type = String)]
    pub(crate) domain: Domain,
    /// A record about you alone; your own entry in the domain unless told.
    pub(crate) record: Option<String>,
    /// On what the wish rests, in words.
    pub(crate) basis: Option<String>,
    /// For your own entry: the vault forgets who you are in this domain too. You then see nothing of it here any more.
    #[serde(default)]
    pub(crate) forget_person: bool,
}

/// The certificate, with its proof: whoever is forgotten can't come back for it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Erased {
    #[serde(flatten)]
    pub(crate) certificate: Certificate,
    /// The offline receipt itself.
    pub(crate) receipt_document: Value,
}

impl PortalService {
    /// Erases; the certificate is on the ledger when this returns.
    pub(crate) async fn erase(&self, person: &Person, wish: Wish) -> Result<Erased, Problem> {
        let domain = wish.domain;
        let (owner, handle) = self.own_in(person, domain).await?;
        let record = match &wish.record {
            None => records::person(&handle),
            Some(name) => name.parse::<RecordId>().map_err(|error| {
                let detail = format!("It is no name of a record: {error}.");
                Problem::new("record_id_invalid", StatusCode::UNPROCESSABLE_ENTITY, detail).field("record")
            })?,
        };
        self.about_alone(domain, &handle, &record).await?;
        let action = Erase {
            record: record.to_string(),
            requested_by: "person".into(),
            basis: wish.basis.unwrap_or_else(|| BASIS.into()),
            destroy_handle: wish.forget_person,
        };
        if let Err(error) = self.try_act(owner, domain, Kind::Erase(action)).await? {
            return Err(self.refusal(domain, &record, error).await);
        }
        let missing = || Problem::internal("a certificate is final and not to be found");
        let certificate = records::erasure(&record).ok_or_else(missing)?;
        let (certificate, id) = self.certificate(domain, &handle, certificate).await?.ok_or_else(missing)?;
        let receipt = self.ports.storage.receipt(id).await.map_err(unavailable)?.ok_or_else(missing)?;
        let receipt_document = serde_json::from_slice(&receipt).map_err(Problem::internal)?;
        Ok(Erased { certificate, receipt_document })
    }

    /// Refuses unless the record is about the person, and about nobody else. Of records about others, it is not told
    /// whether they are there.
    async fn about_alone(&self, domain: Domain, handle: &Handle, record: &RecordId) -> Result<(), Problem> {
        let unknown = || {
            let detail = format!("There is no record {record} about you in the domain {domain}.");
            Problem::new("record_unknown", StatusCode::NOT_FOUND, detail).field("record")
        };
        if let Some(other) = records::person_of(record) {
            return if other == *handle { Ok(()) } else { Err(unknown()) };
        }
        if records::is_reserved(record) {
            return Err(unknown());
        }
        let rules = self.ports.sealed.iter().find(|rules| rules.domain() == domain).ok_or_else(unknown)?;
        let value = self.stored(domain, record.clone()).await?.and_then(|stored| stored.value);
        let sealed = rules.sealed(record, &value.ok_or_else(unknown)?).ok_or_else(unknown)?;
        if !sealed.subjects.contains(handle) {
            return Err(unknown());
        }
        if sealed.subjects.iter().any(|subject| subject != handle) {
            let detail = "The record is about others too; ask the domain's owner, who has to hear them.";
            return Err(
                Problem::new("shared_record", StatusCode::UNPROCESSABLE_ENTITY, detail).field("record")
            );
        }
        Ok(())
    }

    /// What the contract said, with the reason where a hold stands.
    async fn refusal(&self, domain: Domain, record: &RecordId, error: hutong_desk::Error) -> Problem {
        let held = matches!(&error, hutong_desk::Error::Refused { code, .. } if code == "legal_hold");
        let problem = Problem::from(error);
        let Some(name) = records::hold(record).filter(|_| held) else { return problem };
        match self.read::<Hold>(domain, name).await {
            Ok(Some(hold)) => {
                let detail = format!("{} holds it: {}.", hold.agency, hold.reason.trim_end_matches('.'));
                let problem = Problem::new("legal_hold", problem.status(), detail).field("record");
                let problem = problem.with("reason", hold.reason).with("held_by", hold.agency);
                if hold.until_ms == 0 { problem } else { problem.with("held_until_ms", hold.until_ms) }
            }
            _ => problem,
        }
    }
}
