//! Certificates of erasure about a person, each with those who had read what was erased.

use hutong_disclosure::Handle;
use hutong_ledger::id::{AgencyId, Domain, RecordId, TxId};
use hutong_runtime::http::Problem;
use hutong_wire::{
    prost::Message,
    v1::disclosure::{Erasure, ErasureStatus},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{PortalService, accesses::Seen, own::Own, receipts};

/// Readers looked for behind one certificate: the newest accesses before it.
const READERS_AMONG: u64 = 2000;

/// A certificate as the person sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Certificate {
    pub(crate) domain: String,
    pub(crate) record: String,
    /// `erased`: keys and salts are destroyed; `unrecoverable`: so is what wrapped them, in every copy.
    pub(crate) status: &'static str,
    pub(crate) requested_by: String,
    pub(crate) basis: String,
    pub(crate) erased_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unrecoverable_ms: Option<u64>,
    pub(crate) fields: Vec<String>,
    /// Whether the vault forgot the person too.
    pub(crate) handle_destroyed: bool,
    /// Those who had read it before, as far as no court keeps it sealed.
    pub(crate) read_by: Vec<Seen>,
    /// How many accesses to the person's data a court keeps sealed: one of them may have been to this record.
    pub(crate) sealed_accesses: u64,
    /// Address of the offline receipt of the certificate.
    pub(crate) receipt: String,
}

/// All certificates about a person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Erasures {
    pub(crate) erasures: Vec<Certificate>,
    /// Agencies whose vaults do not answer now: what was erased there is not listed.
    pub(crate) unreachable: Vec<String>,
}

impl PortalService {
    /// The certificates about a person, by domain and record.
    pub(crate) async fn erasures(&self, own: &Own) -> Result<Erasures, Problem> {
        let mut erasures = Vec::new();
        for (domain, (_, handle)) in &own.handles {
            let erased = self.view.read().erased(*domain, handle);
            for record in erased {
                erasures.extend(self.certificate(*domain, handle, record).await?.map(|(shown, _)| shown));
            }
        }
        let unreachable = own.unreachable.iter().map(AgencyId::to_string).collect();
        Ok(Erasures { erasures, unreachable })
    }

    /// A certificate with the transaction that made it what it is.
    pub(crate) async fn certificate(
        &self,
        domain: Domain,
        handle: &Handle,
        certificate: RecordId,
    ) -> Result<Option<(Certificate, TxId)>, Problem> {
        let Some(stored) = self.stored(domain, certificate).await? else { return Ok(None) };
        let erasure = Erasure::decode(stored.value.unwrap_or_default()).map_err(Problem::internal)?;
        let counted = erasure.read_by.iter().find(|read| read.handle[..] == handle[..]);
        let count = counted.map_or(0, |read| read.count);
        let mut seen = Vec::new();
        if count > 0 {
            let from = count.saturating_sub(READERS_AMONG) + 1;
            seen = self.seen(domain, handle, from..=count, self.now_ms().await?).await?;
        }
        let sealed_accesses = seen.iter().filter(|seen| seen.sealed).count() as u64;
        let fields: Vec<String> = erasure.fields.iter().map(|field| field.name.clone()).collect();
        seen.retain(|seen| {
            seen.opened.as_ref().is_some_and(|opened| {
                opened.record == erasure.record && opened.fields.iter().any(|field| fields.contains(field))
            })
        });
        let shown = Certificate {
            domain: domain.to_string(),
            status: match erasure.status() {
                ErasureStatus::Unrecoverable => "unrecoverable",
                ErasureStatus::Erased | ErasureStatus::Unspecified => "erased",
            },
            record: erasure.record,
            requested_by: erasure.requested_by,
            basis: erasure.basis,
            erased_ms: erasure.erased_ms,
            unrecoverable_ms: (erasure.unrecoverable_ms != 0).then_some(erasure.unrecoverable_ms),
            fields,
            handle_destroyed: erasure.handle_destroyed,
            read_by: seen,
            sealed_accesses,
            receipt: receipts::address(&stored.transaction),
        };
        Ok(Some((shown, stored.transaction)))
    }
}
