//! Who looked at a person's data: the entries of the person's indexes, each with what its access says.
//!
//! What a court sealed is counted and shows its date; it opens by the later of our clock and the last block's time.

use hutong_disclosure::{Handle, is_open, records};
use hutong_ledger::id::{AgencyId, Domain, TxId};
use hutong_runtime::{auth::Person, http::Problem};
use hutong_wire::v1::disclosure::{Access, AccessEntry, AccessIndex, Basis, basis::Kind};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::{PortalService, ledger::unavailable, own::Own, receipts};

/// One access as its subject sees it. While a court keeps it sealed, only domain, number and date are there.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub(crate) struct Seen {
    pub(crate) domain: String,
    /// Counts the accesses to your data in this domain, from 1.
    pub(crate) number: u64,
    pub(crate) sealed: bool,
    /// Until then a court keeps it sealed, or kept it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sealed_until_ms: Option<u64>,
    #[serde(flatten)]
    pub(crate) opened: Option<Opened>,
}

/// What an access says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Opened {
    /// Id of its transaction.
    pub(crate) access: String,
    pub(crate) time_ms: u64,
    /// The agency that looked, and the pseudonym of its official.
    pub(crate) agency: String,
    pub(crate) official: String,
    pub(crate) purpose: String,
    /// On what it rests: `agreement`, `consent`, `emergency` or `duty`, and `court_order` if there was one.
    pub(crate) basis: Value,
    pub(crate) emergency: bool,
    pub(crate) record: String,
    pub(crate) record_type: String,
    pub(crate) fields: Vec<String>,
    /// Address of its offline receipt.
    pub(crate) receipt: String,
}

/// One page.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page {
    pub(crate) accesses: Vec<Seen>,
    /// Address of the next page, if there is one.
    pub(crate) next: Option<String>,
    /// Agencies whose vaults do not answer now: what of yours lies there is not listed.
    pub(crate) unreachable: Vec<String>,
}

/// After which access a page begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct After {
    pub(crate) domain: Domain,
    pub(crate) number: u64,
}

impl PortalService {
    /// A page of the accesses to a person's data, by domain and number, and after which the next begins.
    pub(crate) async fn accesses(
        &self,
        own: &Own,
        after: Option<After>,
        limit: usize,
    ) -> Result<(Vec<Seen>, Option<After>), Problem> {
        let now_ms = self.now_ms().await?;
        let mut seen: Vec<Seen> = Vec::new();
        for (domain, (_, handle)) in &own.handles {
            let from = match after {
                Some(after) if *domain < after.domain => continue,
                Some(after) if *domain == after.domain => after.number,
                _ => 0,
            };
            let room = (limit + 1).saturating_sub(seen.len()) as u64;
            let to = self.count(*domain, handle).await?.min(from.saturating_add(room));
            if from < to {
                seen.extend(self.seen(*domain, handle, from + 1..=to, now_ms).await?);
            }
            if seen.len() > limit {
                break;
            }
        }
        let more = seen.len() > limit;
        seen.truncate(limit);
        let last = seen.last().filter(|_| more);
        let next =
            last.and_then(|last| Some(After { domain: last.domain.parse().ok()?, number: last.number }));
        Ok((seen, next))
    }

    /// The newest accesses, so many of each domain, and whether there are more. Those that a court seals come last.
    pub(crate) async fn newest(&self, own: &Own, of_each: u64) -> Result<(Vec<Seen>, bool), Problem> {
        let now_ms = self.now_ms().await?;
        let (mut seen, mut more) = (Vec::new(), false);
        for (domain, (_, handle)) in &own.handles {
            let count = self.count(*domain, handle).await?;
            let before = count.saturating_sub(of_each);
            more |= before > 0;
            if count > 0 {
                seen.extend(self.seen(*domain, handle, before + 1..=count, now_ms).await?);
            }
        }
        seen.sort_by_key(|seen: &Seen| std::cmp::Reverse(seen.opened.as_ref().map(|opened| opened.time_ms)));
        Ok((seen, more))
    }

    /// How many accesses there were to a person's data in a domain.
    pub(crate) async fn count(&self, domain: Domain, handle: &Handle) -> Result<u64, Problem> {
        let index: Option<AccessIndex> = self.read(domain, records::index(handle)).await?;
        Ok(index.map_or(0, |index| index.count))
    }

    /// Accesses by number, all of which are there.
    pub(crate) async fn seen(
        &self,
        domain: Domain,
        handle: &Handle,
        numbers: std::ops::RangeInclusive<u64>,
        now_ms: u64,
    ) -> Result<Vec<Seen>, Problem> {
        let entries = self.entries(domain, handle, numbers).await?;
        let open = entries.iter().filter(|entry| is_open(entry.sealed_until_ms, now_ms));
        let ids = open.map(id_of).collect::<Result<Vec<_>, _>>()?;
        let details = self.read_all::<Access>(domain, ids.iter().map(records::access).collect()).await?;
        let mut details = ids.iter().zip(details);
        let shown = entries.iter().map(|entry| {
            let sealed_until_ms = (entry.sealed_until_ms != 0).then_some(entry.sealed_until_ms);
            let sealed = !is_open(entry.sealed_until_ms, now_ms);
            let opened = match if sealed { None } else { details.next() } {
                Some((id, Some((_, access)))) => Some(opened(id, access)),
                Some((_, None)) => {
                    return Err(Problem::internal("an access that an index counts is missing"));
                }
                None => None,
            };
            Ok(Seen { domain: domain.to_string(), number: entry.number, sealed, sealed_until_ms, opened })
        });
        shown.collect()
    }

    /// Entries of an index by number.
    pub(crate) async fn entries(
        &self,
        domain: Domain,
        handle: &Handle,
        numbers: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<AccessEntry>, Problem> {
        let names = numbers.map(|number| records::entry(handle, number)).collect();
        let entries = self.read_all::<AccessEntry>(domain, names).await?;
        let missing = || Problem::internal("an entry that an index counts is missing");
        entries.into_iter().map(|entry| entry.map(|(_, entry)| entry).ok_or_else(missing)).collect()
    }

    /// The time by which sealed accesses open.
    pub(crate) async fn now_ms(&self) -> Result<u64, Problem> {
        let standing = self.ports.storage.standing().await.map_err(unavailable)?;
        Ok(self.ports.clock.unix_ms().max(standing.final_header.time_ms))
    }

    /// The page that `GET /v1/subjects/me/accesses` shows.
    pub(crate) async fn accesses_page(
        &self,
        person: &Person,
        domain: Option<Domain>,
        after: Option<After>,
        limit: usize,
    ) -> Result<Page, Problem> {
        let own = self.own(person, domain).await?;
        let (accesses, next) = self.accesses(&own, after, limit).await?;
        let next = next.map(|After { domain: last, number }| {
            let only = domain.map(|domain| format!("domain={domain}&")).unwrap_or_default();
            format!("/v1/subjects/me/accesses?{only}after={last}.{number}&limit={limit}")
        });
        let unreachable = own.unreachable.iter().map(AgencyId::to_string).collect();
        Ok(Page { accesses, next, unreachable })
    }
}

pub(crate) fn id_of(entry: &AccessEntry) -> Result<TxId, Problem> {
    let id = entry.access[..].try_into().map(TxId);
    id.map_err(|_| Problem::internal("an entry of an index names no transaction"))
}

fn opened(id: &TxId, access: Access) -> Opened {
    Opened {
        access: id.to_string(),
        time_ms: access.time_ms,
        agency: access.requester,
        official: access.official,
        purpose: access.purpose,
        emergency: matches!(&access.basis, Some(Basis { kind: Some(Kind::Emergency(_)), .. })),
        basis: access.basis.as_ref().map_or(Value::Null, basis),
        record: access.record,
        record_type: access.record_type,
        fields: access.fields.into_iter().map(|field| field.name).collect(),
        receipt: receipts::address(id),
    }
}

fn basis(basis: &Basis) -> Value {
    let mut shown = match &basis.kind {
        Some(Kind::Agreement(id)) => json!({ "agreement": id }),
        Some(Kind::Consent(id)) => json!({ "consent": id }),
        Some(Kind::Emergency(told)) => json!({ "emergency": told }),
        Some(Kind::Duty(reference)) => json!({ "duty": reference }),
        None => json!({}),
    };
    if !basis.court_order.is_empty() {
        shown["court_order"] = basis.court_order.as_str().into();
    }
    shown
}
