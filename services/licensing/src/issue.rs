//! Issuing: from an application to a credential that the ledger knows by its hash. The claims go to the vault first, the
//! application after, since it gives the place in the status lists that the credential names; then the issue.

use bytes::Bytes;
use http::StatusCode;
use hutong_desk::{Ask, Done};
use hutong_ledger::id::{RecordId, RecordKey};
use hutong_peer::vault::{Handle, ToSeal};
use hutong_runtime::http::Problem;
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{self, Basis, RegisterPerson, SealedField, basis::Kind as BasisKind},
        licensing as wire,
    },
};
use serde_json::json;

use crate::{
    LicensingService, build,
    contract::{CLAIMS, domain, licence_record},
    credential::{Claims, sd_jwt::LICENCE, status_list::ENTRIES},
};

/// What a credential is issued with.
pub(crate) struct Issued {
    pub(crate) credential: String,
    pub(crate) done: Done,
}

/// Who stands behind what is read again from the vault.
const SYSTEM: &str = "licensing";

impl LicensingService {
    /// Applies and issues.
    pub(crate) async fn apply_and_issue(
        &self,
        terms: wire::Terms,
        claims: &Claims,
        resident_id: Option<&str>,
        official: &str,
    ) -> Result<Issued, Problem> {
        let record = licence_record(&terms.id).map_err(Problem::internal)?;
        let subjects = match resident_id {
            Some(resident_id) => vec![self.person(resident_id, official).await?],
            None => Vec::new(),
        };
        let sealed = self.seal(&record, &subjects, claims).await?;
        let subjects = subjects.iter().map(|handle| handle.to_vec().into()).collect();
        let id = terms.id.clone();
        self.desk.submit(domain(), build::apply(terms, sealed, subjects), official).await?;
        let licence = self.licence(&id).await?;
        self.issue(&licence, claims, official).await
    }

    /// Issues the first credential of a licence.
    pub(crate) async fn issue(
        &self,
        licence: &wire::Licence,
        claims: &Claims,
        official: &str,
    ) -> Result<Issued, Problem> {
        let (credential, issued) = self.sign(licence, claims, licence.valid_until_ms, self.now_s());
        let done = self.desk.submit(domain(), build::issue(&licence.id, issued), official).await?;
        self.until_shown(done.height).await;
        Ok(Issued { credential, done })
    }

    /// Renews with the claims that the vault has, or with others.
    pub(crate) async fn renew(
        &self,
        licence: &wire::Licence,
        valid_until_ms: u64,
        new: Option<Claims>,
        official: &str,
    ) -> Result<Issued, Problem> {
        let (claims, sealed) = match new {
            None => (self.claims_of(licence, "renewal", official).await?, Vec::new()),
            Some(claims) => {
                let record = licence_record(&licence.id).map_err(Problem::internal)?;
                let subjects: Vec<Handle> =
                    licence.subjects.iter().filter_map(|handle| handle.as_ref().try_into().ok()).collect();
                let sealed = self.seal(&record, &subjects, &claims).await?;
                (claims, sealed)
            }
        };
        let (credential, issued) = self.sign(licence, &claims, valid_until_ms, self.now_s());
        let action = build::renew(&licence.id, valid_until_ms, issued, sealed);
        let done = self.desk.submit(domain(), action, official).await?;
        self.until_shown(done.height).await;
        Ok(Issued { credential, done })
    }

    /// The newest credential once more: from the claims in the vault, and the same to the last byte.
    pub(crate) async fn again(&self, licence: &wire::Licence, official: &str) -> Result<String, Problem> {
        let claims = self.claims_of(licence, "reissue", official).await?;
        let Some(newest) = licence.credentials.last() else {
            return Ok(self.issue(licence, &claims, official).await?.credential);
        };
        let (credential, signed) = self.sign(licence, &claims, licence.valid_until_ms, newest.issued_s);
        if signed.hash == newest.hash {
            return Ok(credential);
        }
        let detail = "It was signed with another key or under another issuer's name, and cannot be made again: renew it.";
        Err(Problem::new("credential_gone", StatusCode::CONFLICT, detail))
    }

    /// The licence as it is final.
    pub(crate) async fn licence(&self, id: &str) -> Result<wire::Licence, Problem> {
        let record = licence_record(id).map_err(|refusal| {
            Problem::new("malformed_path", StatusCode::BAD_REQUEST, refusal.message).field("id")
        })?;
        let stored = self.find(record).await.map_err(unavailable)?;
        let unknown =
            || Problem::new("licence_unknown", StatusCode::NOT_FOUND, format!("There is no licence {id}."));
        let stored = stored.ok_or_else(unknown)?;
        wire::Licence::decode(stored.value.as_deref().unwrap_or_default()).map_err(Problem::internal)
    }

    fn now_s(&self) -> u64 {
        self.clock.unix_ms() / 1000
    }

    fn sign(
        &self,
        licence: &wire::Licence,
        claims: &Claims,
        valid_until_ms: u64,
        issued_s: u64,
    ) -> (String, wire::Credential) {
        let (list, index) = (licence.status_index / ENTRIES, licence.status_index % ENTRIES);
        let said = json!({
            "iss": self.issuer.url(),
            "vct": self.issuer.vct(),
            "iat": issued_s,
            "nbf": licence.valid_from_ms.div_ceil(1000),
            "exp": valid_until_ms / 1000,
            "status": { "status_list": { "idx": index, "uri": self.issuer.status_uri(list) } },
            LICENCE: { "id": licence.id, "kind": licence.kind, "uscc": licence.uscc },
        });
        let (credential, hash) = claims.issue(&self.key, said);
        (credential, wire::Credential { hash: hash.0.to_vec().into(), issued_s })
    }

    /// Gives the claims to the vault.
    async fn seal(
        &self,
        record: &RecordId,
        subjects: &[Handle],
        claims: &Claims,
    ) -> Result<Vec<SealedField>, Problem> {
        let value: Bytes = serde_json::to_vec(claims).map_err(Problem::internal)?.into();
        let key = RecordKey { domain: domain(), record: record.clone() };
        let values =
            ToSeal { record: key, subjects: subjects.to_vec(), values: vec![(CLAIMS.into(), value)] };
        let commitments = self.desk.seal(values).await?;
        let field = |(name, hash): (String, hutong_ledger::hash::Hash)| SealedField {
            name,
            commitment: hash.0.to_vec().into(),
        };
        Ok(commitments.into_iter().map(field).collect())
    }

    /// The claims of a licence from the vault: an access in the owner's own duty, which stays on the ledger.
    async fn claims_of(
        &self,
        licence: &wire::Licence,
        purpose: &str,
        official: &str,
    ) -> Result<Claims, Problem> {
        if licence.sealed.iter().all(|field| field.name != CLAIMS) {
            return Ok(Claims::default());
        }
        let duty = BasisKind::Duty(format!("licence {}", licence.id));
        let ask = Ask {
            record: licence_record(&licence.id).map_err(Problem::internal)?,
            fields: vec![CLAIMS.into()],
            purpose: purpose.into(),
            basis: Basis { kind: Some(duty), court_order: String::new() },
            official: if official.is_empty() { SYSTEM.into() } else { official.into() },
            sealed_until_ms: 0,
        };
        let disclosed = self.desk.disclose(domain(), ask).await?;
        let (_, value) =
            disclosed.fields.first().ok_or_else(|| Problem::internal("nothing was disclosed"))?;
        serde_json::from_slice(value).map_err(|_| Problem::internal("the sealed claims are of another form"))
    }

    /// The handle of a person, who is registered where they are new.
    async fn person(&self, resident_id: &str, official: &str) -> Result<Handle, Problem> {
        let (handle, made) = self.desk.find_person(domain(), resident_id).await?;
        if made {
            let register = RegisterPerson { handle: handle.to_vec().into(), sealed: Vec::new() };
            let kind = disclosure::action::Kind::RegisterPerson(register);
            let action = disclosure::Envelope { disclosure: Some(disclosure::Action { kind: Some(kind) }) };
            self.desk.submit(domain(), action.encode_to_vec().into(), official).await?;
        }
        Ok(handle)
    }
}

pub(crate) fn unavailable(error: hutong_peer::Error) -> Problem {
    tracing::warn!(%error, "storage does not answer");
    let detail = "The ledger does not answer; try again.";
    Problem::new("unavailable", StatusCode::SERVICE_UNAVAILABLE, detail).retry_after_s(1)
}
