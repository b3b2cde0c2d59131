//! Whether a credential or a licence stands now: what whoever checks wants to know, in one word and the reason.

use hutong_ledger::id::{RecordId, RecordKey};
use hutong_peer::StoredRecord;
use hutong_wire::{prost::Message, v1::licensing as wire};
use serde_json::{Map, Value};

use crate::{
    LicensingService,
    contract::{Standing, business_record, domain, licence_record, standing, standing_name},
    credential::sd_jwt::{self, LICENCE, Presented, Wanted},
};

/// What became of a check. `reason` says why not, and is absent if it is valid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    pub(crate) valid: bool,
    pub(crate) reason: Option<&'static str>,
    pub(crate) licence: Option<wire::Licence>,
    pub(crate) standing: Option<Standing>,
    /// The name of its business, as registered.
    pub(crate) business: Option<String>,
    /// Of a credential: what it shows.
    pub(crate) shown: Option<Shown>,
}

/// What a credential shows.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) claims: Map<String, Value>,
    /// Whether no later credential of the licence was issued.
    pub(crate) newest: bool,
    pub(crate) bound: bool,
    pub(crate) proven: bool,
}

impl Checked {
    fn no(reason: &'static str) -> Self {
        Self { reason: Some(reason), ..Self::default() }
    }
}

impl LicensingService {
    /// A live record with its value.
    pub(crate) async fn find(&self, record: RecordId) -> Result<Option<StoredRecord>, hutong_peer::Error> {
        let stored = self.storage.record(RecordKey { domain: domain(), record }, None).await?;
        Ok(stored.filter(|stored| stored.value.is_some()))
    }

    pub(crate) async fn business(&self, uscc: &str) -> Result<Option<wire::Business>, hutong_peer::Error> {
        let Ok(record) = business_record(uscc) else { return Ok(None) };
        let stored = self.find(record).await?;
        Ok(stored.and_then(|stored| wire::Business::decode(stored.value.as_deref()?).ok()))
    }

    /// Whether the licence of a number stands.
    pub(crate) async fn check_licence(&self, id: &str) -> Result<Checked, hutong_peer::Error> {
        let Ok(record) = licence_record(id) else { return Ok(Checked::no("malformed")) };
        let stored = self.find(record).await?;
        let licence = stored.and_then(|stored| wire::Licence::decode(stored.value.as_deref()?).ok());
        let Some(licence) = licence else { return Ok(Checked::no("unknown")) };
        let standing = standing(&licence, self.clock.unix_ms());
        let valid = standing == Standing::Valid;
        let business = self.business(&licence.uscc).await?.map(|business| business.name);
        Ok(Checked {
            valid,
            reason: (!valid).then(|| standing_name(standing)),
            licence: Some(licence),
            standing: Some(standing),
            business,
            shown: None,
        })
    }

    /// Whether a credential is ours, on the ledger, in time, and of a licence that stands.
    pub(crate) async fn check_credential(
        &self,
        text: &str,
        wanted: &Wanted<'_>,
    ) -> Result<Checked, hutong_peer::Error> {
        let now_s = self.clock.unix_ms() / 1000;
        let presented = match sd_jwt::read(text, self.issuer.url(), &self.keys, wanted, now_s) {
            Ok(presented) => presented,
            Err(fault) => return Ok(Checked::no(fault.code())),
        };
        let Some(id) = presented.said.get(LICENCE).and_then(|licence| licence["id"].as_str()) else {
            return Ok(Checked::no("malformed"));
        };
        let mut checked = self.check_licence(id).await?;
        let issued =
            checked.licence.as_ref().map(|licence| licence.credentials.as_slice()).unwrap_or_default();
        // A key that was stolen signs credentials that the ledger does not have.
        let Some(place) = issued.iter().position(|issued| issued.hash == presented.hash.0[..]) else {
            return Ok(Checked::no("not_issued"));
        };
        let newest = place + 1 == issued.len();
        if checked.valid && !in_time(&presented, now_s) {
            (checked.valid, checked.reason) = (false, Some("expired"));
        }
        let Presented { claims, bound, proven, .. } = presented;
        checked.shown = Some(Shown { claims, newest, bound, proven });
        Ok(checked)
    }
}

/// A credential of before a renewal is over when it says so.
fn in_time(presented: &Presented, now_s: u64) -> bool {
    presented.said.get("exp").and_then(Value::as_u64).is_some_and(|exp| now_s < exp)
}
