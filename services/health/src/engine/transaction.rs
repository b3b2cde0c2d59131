//! Transactions: one plan for all entries, one transaction on the ledger, then the reads.

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};

use super::{
    Answer, Call,
    bundle::{entry_call, rank, response, responses},
    change::{checked, new_key},
    commit::Draft,
    each_reference, key_to_make, known,
};
use crate::{
    HealthService,
    json::{Json, text},
    kind::{Key, Kind},
    outcome::Fault,
    resource,
    search::query::{Query, Reading},
};

/// What an entry will do.
enum Step {
    Write {
        key: Key,
        made: bool,
        body: Option<Json>,
    },
    /// A conditional create that finds what it would make.
    Existing(Key),
    /// A delete of what is not there.
    Nothing,
    /// A read, after all else.
    Read,
}

impl HealthService {
    pub(super) async fn transaction(&self, call: &Call, entries: &[Json]) -> Result<Answer, Fault> {
        let calls: Vec<Call> = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| entry_call(call, entry).map_err(|fault| fault.in_entry(at)))
            .collect::<Result<_, _>>()?;
        let _alone = if depends(&calls) { Some(self.conditional().lock().await) } else { None };
        let planned = self
            .writing(&call.actor, &call.base, || {
                let planned = self.plan(&calls, entries)?;
                let drafts = self.drafts(&planned)?;
                Ok((drafts, planned))
            })
            .await?;
        let mut answers = vec![Json::Null; entries.len()];
        for (at, step) in planned.iter().enumerate() {
            let one =
                Call { returns: Some(call.returns.unwrap_or(super::Return::Minimal)), ..calls[at].clone() };
            let answer = match step {
                Step::Write { key, made, body: Some(body) } => {
                    self.written(&one, key, *made, Some(body.clone()))
                }
                Step::Existing(key) => {
                    self.written(&Call { returns: Some(super::Return::Minimal), ..one }, key, false, None)
                }
                Step::Write { body: None, .. } | Step::Nothing => Answer::of(StatusCode::NO_CONTENT, None),
                Step::Read => Box::pin(self.perform(&calls[at])).await.map_err(|fault| fault.in_entry(at))?,
            };
            answers[at] = response(call, &answer);
        }
        Ok(responses("transaction-response", answers))
    }

    fn plan(&self, calls: &[Call], entries: &[Json]) -> Result<Vec<Step>, Fault> {
        let mut order: Vec<usize> = (0..calls.len()).collect();
        order.sort_by_key(|at| rank(&calls[*at].method));
        let mut steps: Vec<Step> = calls.iter().map(|_| Step::Read).collect();
        let mut names = BTreeMap::new();
        let mut written = BTreeSet::new();
        let mut gone = BTreeSet::new();
        for at in order {
            let in_entry = |fault: Fault| fault.in_entry(at);
            let step = self.step(&calls[at], &gone).map_err(in_entry)?;
            if let Step::Write { key, body, .. } = &step {
                if !written.insert(key.clone()) {
                    return Err(in_entry(Fault::bad(format!("{key} is written twice in this transaction."))));
                }
                if body.is_none() {
                    gone.insert(key.clone());
                }
            }
            if let Step::Write { key, .. } | Step::Existing(key) = &step
                && let Some(full) = text(&entries[at], "fullUrl")
            {
                names.insert(full.to_owned(), key.to_string());
            }
            steps[at] = step;
        }
        for (at, step) in steps.iter_mut().enumerate() {
            if let Step::Write { key, body: Some(body), .. } = step {
                let resolved = self.resolve(body, &names, &calls[at]).and_then(|()| checked(key, body));
                *body = resolved.map_err(|fault| fault.in_entry(at))?;
            }
        }
        Ok(steps)
    }

    fn step(&self, call: &Call, gone: &BTreeSet<Key>) -> Result<Step, Fault> {
        let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
        match (&call.method, &path[..]) {
            (&Method::DELETE, [kind, rest @ ..]) => {
                let key = match rest {
                    [id] => Some(key_to_make(kind, id)?),
                    [] => self.at_most_one(known(kind)?, &call.query, call)?,
                    _ => return Err(nowhere(call)),
                };
                let Some(key) = key else { return Ok(Step::Nothing) };
                let (standing, live) = self.number_to_delete(&key)?;
                if !live {
                    return Ok(Step::Nothing);
                }
                call.check_match(Some(standing))?;
                Ok(Step::Write { key, made: false, body: None })
            }
            (&Method::POST, [kind]) => self.step_create(call, known(kind)?, gone),
            (&Method::PUT, [kind, rest @ ..]) => {
                let kind = known(kind)?;
                let body = call.body()?;
                resource::expect(kind, body)?;
                let key = match rest {
                    [id] => key_to_make(kind.name(), id)?,
                    [] => self.place(call, kind, resource::id(body))?,
                    _ => return Err(nowhere(call)),
                };
                if resource::id(body).is_some_and(|id| id != key.id) {
                    return Err(Fault::bad(format!(
                        "The id of the body is not {:?}, as in the URL.",
                        key.id
                    )));
                }
                let (standing, live) = self.number_of(&key)?;
                call.check_match(live.then_some(standing))?;
                Ok(Step::Write { key, made: !live, body: Some(body.clone()) })
            }
            (&Method::PATCH, [kind, rest @ ..]) => {
                let key = match rest {
                    [id] => key_to_make(kind, id)?,
                    [] => self
                        .at_most_one(known(kind)?, &call.query, call)?
                        .ok_or_else(|| Fault::not_found("Nothing meets the condition."))?,
                    _ => return Err(nowhere(call)),
                };
                let version = self.standing(&key)?;
                call.check_match(Some(version.number))?;
                let body = self.patched(&key, &self.body_of(&version)?, call.body()?, call.patch)?;
                Ok(Step::Write { key, made: false, body: Some(body) })
            }
            (&Method::GET | &Method::HEAD, [_, ..]) => Ok(Step::Read),
            _ => Err(nowhere(call)),
        }
    }

    fn step_create(&self, call: &Call, kind: Kind, gone: &BTreeSet<Key>) -> Result<Step, Fault> {
        if let Some(query) = call.create_condition() {
            let found = self.at_most_one(kind, &query, call)?;
            // What this transaction deletes is not there any more.
            if let Some(key) = found.filter(|key| !gone.contains(key)) {
                return Ok(Step::Existing(key));
            }
        }
        resource::expect(kind, call.body()?)?;
        Ok(Step::Write { key: new_key(kind)?, made: true, body: Some(call.body()?.clone()) })
    }

    /// References to other entries, and by a search, become those to resources.
    fn resolve(&self, body: &mut Json, names: &BTreeMap<String, String>, call: &Call) -> Result<(), Fault> {
        let mut fault = None;
        each_reference(body, &mut |reference| {
            if let Some(name) = names.get(reference.as_str()) {
                name.clone_into(reference);
            } else if let Some((kind, query)) = reference.split_once('?')
                && let Some(kind) = Kind::parse(kind)
            {
                match self.referred(kind, query, call) {
                    Ok(key) => *reference = key.to_string(),
                    Err(why) => fault = Some(why),
                }
            }
        });
        fault.map_or(Ok(()), Err)
    }

    fn referred(&self, kind: Kind, query: &str, call: &Call) -> Result<Key, Fault> {
        let given: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Query::parse(kind, &given, Reading { strict: true, ..call.reading(self) })?;
        self.at_most_one(kind, &given, call)?
            .ok_or_else(|| Fault::precondition(format!("No {kind} meets the condition of a reference.")))
    }

    fn drafts(&self, planned: &[Step]) -> Result<Vec<Draft>, Fault> {
        let mut drafts = Vec::new();
        for (at, step) in planned.iter().enumerate() {
            if let Step::Write { key, body, .. } = step {
                let (standing, _) = self.number_of(key).map_err(|fault| fault.in_entry(at))?;
                drafts.push(Draft { key: key.clone(), standing, body: body.clone() });
            }
        }
        Ok(drafts)
    }
}

/// Whether any entry depends on what a search finds.
fn depends(calls: &[Call]) -> bool {
    let by_query =
        |call: &Call| call.if_none_exist.is_some() || (call.method != Method::GET && !call.query.is_empty());
    let refers = |call: &Call| call.body.as_ref().is_some_and(|body| body.to_compact().contains("?"));
    calls.iter().any(|call| by_query(call) || refers(call))
}

fn nowhere(call: &Call) -> Fault {
    Fault::bad(format!("{} {} is nothing that an entry does.", call.method, call.path.join("/")))
}
