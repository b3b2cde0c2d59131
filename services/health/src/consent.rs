//! Consents: an active Consent that permits an agency becomes the ledger's consent of that patient, one for each type of
//! resource; one that is no longer active withdraws what it gave.
//!
//! An agency is an actor whose reference has an identifier of the system [`AGENCY_SYSTEM`]. Where no class is named, all
//! types about patients are meant; where no purpose is, `TREAT`.

use std::collections::{BTreeMap, BTreeSet};

use hutong_disclosure::Handle;
use hutong_ledger::hash::sha256;
use hutong_wire::v1::disclosure::{GiveConsent, WithdrawConsent, action::Kind as Disclosed};

use crate::{
    HealthService,
    audit::AGENCY_SYSTEM,
    build,
    contract::BODY,
    json::{Json, list, text},
    kind::{Key, Kind},
    search::date::Interval,
    view::Content,
};

/// Types about patients.
const ABOUT_PATIENTS: [Kind; 8] = [
    Kind::Condition,
    Kind::DiagnosticReport,
    Kind::DocumentReference,
    Kind::Encounter,
    Kind::Immunization,
    Kind::MedicationRequest,
    Kind::Observation,
    Kind::Patient,
];
/// How long a consent without an end holds: ten years.
const HOLDS_MS: u64 = 3_653 * 24 * 3600 * 1000;
const PURPOSES_MAX: usize = 16;

/// What one version of a Consent gives, by the ids of the ledger's consents.
fn given(
    key: &Key,
    version: u64,
    time_ms: u64,
    body: &Json,
    handle: Handle,
) -> BTreeMap<String, GiveConsent> {
    let Some(provision) = body.get("provision") else { return BTreeMap::new() };
    if text(body, "status") != Some("active") || text(provision, "type") != Some("permit") {
        return BTreeMap::new();
    }
    let codes = |name: &str| -> BTreeSet<String> {
        list(provision, name).iter().filter_map(|coding| text(coding, "code")).map(str::to_owned).collect()
    };
    let kinds: Vec<Kind> = match codes("class") {
        none if none.is_empty() => ABOUT_PATIENTS.to_vec(),
        named => named.iter().filter_map(|code| Kind::parse(code)).collect(),
    };
    let mut purposes: Vec<String> = codes("purpose").into_iter().take(PURPOSES_MAX).collect();
    if purposes.is_empty() {
        purposes.push("TREAT".into());
    }
    let (from_ms, until_ms) = times(provision, time_ms);
    let agencies: BTreeSet<&str> = list(provision, "actor").iter().filter_map(agency).collect();
    let mut all = BTreeMap::new();
    for consumer in agencies {
        for kind in &kinds {
            let id = id(key, version, consumer, *kind);
            let consent = GiveConsent {
                handle: handle.to_vec().into(),
                id: id.clone(),
                consumer: consumer.to_owned(),
                record_type: kind.record_type().to_owned(),
                fields: vec![BODY.to_owned()],
                purposes: purposes.clone(),
                from_ms,
                until_ms,
            };
            all.insert(id, consent);
        }
    }
    all
}

fn agency(actor: &Json) -> Option<&str> {
    let identifier = actor.get("reference")?.get("identifier")?;
    (text(identifier, "system") == Some(AGENCY_SYSTEM)).then_some(())?;
    text(identifier, "value")
}

fn times(provision: &Json, time_ms: u64) -> (u64, u64) {
    let period = provision.get("period");
    let side = |name: &str| period.and_then(|period| text(period, name)).and_then(Interval::parse);
    let ms = |micros: i64| u64::try_from(micros / 1000).unwrap_or(0);
    let from = side("start").map_or(time_ms, |start| ms(start.from));
    let until = side("end").map_or(time_ms.saturating_add(HOLDS_MS), |end| ms(end.until));
    (from, until)
}

/// The id of a ledger's consent: the same whenever it is asked for, and another for every version.
fn id(key: &Key, version: u64, consumer: &str, kind: Kind) -> String {
    let name = format!("{key}\n{version}\n{consumer}\n{kind}");
    hex::encode(&sha256(&[b"hutong/v1/fhir-consent\0", name.as_bytes()]).0[..8])
}

/// What has to be done.
enum Step {
    Give(GiveConsent),
    Withdraw(WithdrawConsent),
}

impl HealthService {
    /// Makes the ledger's consents those that a Consent gives as it stands. What fails is told in the log and tried again
    /// at the next change or start.
    pub(crate) async fn follow_consent(&self, key: &Key, actor: &str) {
        for step in self.steps(key) {
            let action = match step {
                Step::Give(give) => Disclosed::GiveConsent(give),
                Step::Withdraw(withdraw) => Disclosed::WithdrawConsent(withdraw),
            };
            if let Err(error) = self.records().submit(build::disclosure(action), actor).await {
                tracing::warn!(%error, consent = %key, "a consent is not on the ledger");
            }
        }
    }

    fn steps(&self, key: &Key) -> Vec<Step> {
        let view = self.view();
        let Some(doc) = view.get(key) else { return Vec::new() };
        // A consent is one person's.
        let [handle] = doc.subjects[..] else { return Vec::new() };
        let mut steps = Vec::new();
        let last = doc.last().map_or(0, |last| last.number);
        for version in &doc.versions {
            let Content::Body(commitment) = &version.content else { continue };
            let body = self.bodies().get(commitment).ok().flatten();
            let Some(body) = body.and_then(|body| Json::parse(&body).ok()) else { continue };
            let stands = version.number == last && !doc.erased;
            for (id, give) in given(key, version.number, version.time_ms, &body, handle) {
                let record = format!("consent/{}/{id}", hex::encode(handle));
                match (stands, view.consent(&record)) {
                    (true, None) => steps.push(Step::Give(give)),
                    (false, Some(true)) => {
                        steps.push(Step::Withdraw(WithdrawConsent { handle: handle.to_vec().into(), id }));
                    }
                    _ => {}
                }
            }
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIVE: &str = r#"{"status":"active","provision":{"type":"permit","period":{"start":"2024-01-01","end":"2024-12-31"},
        "purpose":[{"code":"TREAT"},{"code":"ETREAT"}],"class":[{"code":"Observation"},{"code":"Immunization"},{"code":"X"}],
        "actor":[{"reference":{"identifier":{"system":"urn:hutong:agency","value":"hospital-a"}}},{"reference":{"reference":"Organization/1"}}]}}"#;

    fn of(body: &str, version: u64) -> BTreeMap<String, GiveConsent> {
        let key = Key::new(Kind::Consent, "c").unwrap();
        given(&key, version, 7, &Json::parse(body).unwrap(), [1; 16])
    }

    #[test]
    fn an_active_permit_gives_and_nothing_else_does() {
        let all = of(ACTIVE, 1);
        let mut types: Vec<_> = all.values().map(|give| give.record_type.as_str()).collect();
        types.sort_unstable();
        assert_eq!(types, ["immunization", "observation"]);
        for (id, give) in &all {
            assert_eq!(
                (id.len(), &give.consumer[..], &give.purposes[..]),
                (16, "hospital-a", &["ETREAT".to_owned(), "TREAT".into()][..])
            );
            assert_eq!((give.from_ms, give.until_ms), (1_704_067_200_000, 1_735_689_600_000));
        }
        assert!(of(ACTIVE, 2).keys().all(|id| !all.contains_key(id)), "ids are used once");
        assert!(of(&ACTIVE.replace("active", "inactive"), 1).is_empty());
        assert!(of(&ACTIVE.replace("permit", "deny"), 1).is_empty());
        assert!(of(r#"{"status":"active"}"#, 1).is_empty());
        let any = ACTIVE.replace("\"class\"", "\"other\"").replace("\"purpose\"", "\"p\"");
        assert_eq!(of(&any, 1).len(), ABOUT_PATIENTS.len());
    }
}
