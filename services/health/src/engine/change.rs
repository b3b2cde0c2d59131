//! Create, update, patch and delete, with their conditions.

use http::StatusCode;
use hutong_keys::random_bytes;

use super::{Answer, Call, PatchKind, Return, commit::Draft};
use crate::{
    HealthService,
    json::Json,
    kind::{Key, Kind, is_id},
    outcome::{Fault, success},
    patch, resource, rules,
    search::query::Query,
};

impl HealthService {
    pub(super) async fn create(&self, call: &Call, kind: Kind) -> Result<Answer, Fault> {
        let body = call.body()?;
        let condition = call.create_condition();
        let _alone = if condition.is_some() { Some(self.conditional().lock().await) } else { None };
        if let Some(query) = condition
            && let Some(key) = self.at_most_one(kind, &query, call)?
        {
            return self.existing(call, &key).await;
        }
        let key = new_key(kind)?;
        let body = checked(&key, body)?;
        self.write_one(call, &key, body, |_| Ok(())).await?;
        Ok(self.written_answer(call, &key, true))
    }

    /// What a conditional create finds instead.
    async fn existing(&self, call: &Call, key: &Key) -> Result<Answer, Fault> {
        let version = self.standing(key)?;
        let whole = call.returns.unwrap_or(Return::Representation) == Return::Representation;
        let body = if whole {
            self.access(key, &version, "create", &call.actor).await?;
            Some(self.body_of(&version)?)
        } else {
            None
        };
        Ok(self.written(call, key, false, body))
    }

    pub(super) async fn update(&self, call: &Call, kind: Kind, key: Option<Key>) -> Result<Answer, Fault> {
        let body = call.body()?;
        resource::expect(kind, body)?;
        let given = resource::id(body);
        let _alone = if key.is_none() { Some(self.conditional().lock().await) } else { None };
        let key = match key {
            Some(key) => {
                if given != Some(key.id.as_str()) {
                    let told =
                        format!("The id of the body is {given:?} and not {:?}, as in the URL.", key.id);
                    return Err(Fault::bad(told));
                }
                key
            }
            None => self.place(call, kind, given)?,
        };
        let made = !self.number_of(&key)?.1;
        let body = checked(&key, body)?;
        self.write_one(call, &key, body, |standing| {
            if standing.is_some() && call.if_none_match.as_deref().is_some_and(|tag| tag.trim() == "*") {
                return Err(Fault::precondition(format!("{key} is there, and If-None-Match is *.")));
            }
            call.check_match(standing)
        })
        .await?;
        Ok(self.written_answer(call, &key, made))
    }

    /// Where a conditional update writes.
    pub(super) fn place(&self, call: &Call, kind: Kind, given: Option<&str>) -> Result<Key, Fault> {
        match (self.at_most_one(kind, &call.query, call)?, given) {
            (Some(found), Some(given)) if found.id != given => {
                Err(Fault::bad(format!("The id of the body is {given:?}, and {found} meets the condition.")))
            }
            (Some(found), _) => Ok(found),
            (None, Some(given)) if !is_id(given) => Err(Fault::bad(format!("{given:?} is no id."))),
            (None, Some(given)) => {
                let key = Key { kind, id: given.to_owned() };
                if self.number_of(&key)?.1 {
                    return Err(Fault::conflict(format!("{key} is there and does not meet the condition.")));
                }
                Ok(key)
            }
            (None, None) => new_key(kind),
        }
    }

    pub(super) async fn patch(&self, call: &Call, kind: Kind, key: Option<Key>) -> Result<Answer, Fault> {
        let patch = call.body()?;
        let key = match key {
            Some(key) => key,
            None => self.at_most_one(kind, &call.query, call)?.ok_or_else(|| none(kind))?,
        };
        let planned = self
            .writing(&call.actor, &call.base, || {
                let version = self.standing(&key)?;
                self.number_of(&key)?;
                call.check_match(Some(version.number))?;
                let body = self.patched(&key, &self.body_of(&version)?, patch, call.patch)?;
                let draft = Draft { key: key.clone(), standing: version.number, body: Some(body.clone()) };
                Ok((vec![draft], body))
            })
            .await?;
        if call.returns.unwrap_or(Return::Representation) == Return::Representation {
            // Who changes a part is shown the whole: that is a read.
            let version = self.standing(&key)?;
            self.access(&key, &version, "patch", &call.actor).await?;
        }
        Ok(self.written(call, &key, false, Some(planned)))
    }

    /// A resource after a patch, if it is one still.
    pub(super) fn patched(
        &self,
        key: &Key,
        standing: &Json,
        patch: &Json,
        kind: PatchKind,
    ) -> Result<Json, Fault> {
        let patched = match kind {
            PatchKind::Json => patch::json_patch(standing, patch)?,
            PatchKind::Merge => {
                if !matches!(patch, Json::Object(_)) {
                    return Err(Fault::bad("A merge patch of a resource is an object."));
                }
                let mut merged = standing.clone();
                patch::merge(&mut merged, patch.clone());
                merged
            }
        };
        if resource::expect(key.kind, &patched).is_err() || resource::id(&patched) != Some(key.id.as_str()) {
            let told = "a patch changes neither type nor id";
            return Err(Fault::rules(vec![crate::outcome::Issue::error("business-rule", told)]));
        }
        checked(key, &patched)
    }

    pub(super) async fn delete(&self, call: &Call, kind: Kind, key: Option<Key>) -> Result<Answer, Fault> {
        let key = match key {
            Some(key) => Some(key),
            None => self.at_most_one(kind, &call.query, call)?,
        };
        let Some(key) = key else { return Ok(Answer::of(StatusCode::NO_CONTENT, None)) };
        let deleted = self.writing(&call.actor, &call.base, || {
            let (standing, live) = self.number_to_delete(&key)?;
            if !live {
                return Ok((Vec::new(), None));
            }
            call.check_match(Some(standing))?;
            Ok((vec![Draft { key: key.clone(), standing, body: None }], Some(standing + 1)))
        });
        let version = deleted.await?;
        let mut answer = match call.returns {
            Some(Return::Outcome) => Answer::of(StatusCode::OK, Some(success(&format!("{key} is deleted.")))),
            _ => Answer::of(StatusCode::NO_CONTENT, None),
        };
        answer.version = version;
        Ok(answer)
    }

    /// As [`Self::number_of`]; what was erased is as gone as can be.
    pub(super) fn number_to_delete(&self, key: &Key) -> Result<(u64, bool), Fault> {
        match self.number_of(key) {
            Err(fault) if fault.status == StatusCode::GONE => Ok((0, false)),
            found => found,
        }
    }

    /// Writes one body over whatever stands, if the check lets it.
    async fn write_one(
        &self,
        call: &Call,
        key: &Key,
        body: Json,
        check: impl Fn(Option<u64>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.writing(&call.actor, &call.base, || {
            let (standing, live) = self.number_of(key)?;
            check(live.then_some(standing))?;
            Ok((vec![Draft { key: key.clone(), standing, body: Some(body.clone()) }], ()))
        })
        .await
    }

    /// The answer to who wrote a whole resource, and so knows what it says.
    fn written_answer(&self, call: &Call, key: &Key, made: bool) -> Answer {
        let body = call.body.clone().map(|body| resource::seal(key, body));
        self.written(call, key, made, body)
    }

    /// The one resource that meets a condition; none, or 412 if there are several.
    pub(super) fn at_most_one(
        &self,
        kind: Kind,
        query: &[(String, String)],
        call: &Call,
    ) -> Result<Option<Key>, Fault> {
        // A condition of which nothing is understood would be met by everything.
        let query =
            Query::parse(kind, query, crate::search::query::Reading { strict: true, ..call.reading(self) })?;
        if query.criteria.is_empty() {
            return Err(Fault::precondition("The condition has no search parameters."));
        }
        let now = i64::try_from(self.now_ms()).unwrap_or(i64::MAX).saturating_mul(1000);
        let mut found = self.view().matching_keys(kind, &query.criteria, now, 2);
        match found.len() {
            0 | 1 => Ok(found.pop()),
            _ => Err(Fault::new(
                StatusCode::PRECONDITION_FAILED,
                "multiple-matches",
                format!("Several resources {kind} meet the condition."),
            )),
        }
    }
}

fn none(kind: Kind) -> Fault {
    Fault::not_found(format!("No {kind} meets the condition."))
}

/// A name that nobody chose.
pub(super) fn new_key(kind: Kind) -> Result<Key, Fault> {
    let mut bytes: [u8; 16] = random_bytes().map_err(Fault::internal)?;
    // A random UUID (RFC 9562, version 4).
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    let id = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    Ok(Key { kind, id })
}

/// A body as it will be sealed, if it is a resource of R4.
pub(super) fn checked(key: &Key, body: &Json) -> Result<Json, Fault> {
    resource::expect(key.kind, body)?;
    let sealed = resource::seal(key, body.clone());
    let issues = rules::check(key.kind, &sealed);
    if issues.is_empty() { Ok(sealed) } else { Err(Fault::rules(issues)) }
}
