//! Histories: of a resource, a type, or all; newest first, in pages.

use http::StatusCode;

use super::{Answer, Call, read::erased};
use crate::{
    HealthService,
    json::{Json, fhir},
    kind::{Key, Kind},
    outcome::Fault,
    search::date::Interval,
    time::instant,
    view::{Content, Version},
};

const BEFORE: &str = "_before";

/// What of a history is asked for.
struct Pages {
    count: usize,
    before: Option<u64>,
    since_ms: Option<u64>,
}

impl HealthService {
    /// All versions of a resource.
    pub(super) async fn history_of(&self, call: &Call, key: &Key) -> Result<Answer, Fault> {
        let pages = self.pages(call)?;
        let (total, found) = {
            let view = self.view();
            let doc = view.get(key).ok_or_else(|| Fault::not_found(format!("There is no {key}.")))?;
            if doc.erased {
                return Err(erased(key));
            }
            let since = |version: &&Version| pages.since_ms.is_none_or(|since| version.time_ms >= since);
            let total = doc.versions.iter().filter(since).count();
            let below = |version: &&Version| pages.before.is_none_or(|before| version.number < before);
            let found = doc.versions.iter().rev().filter(since).filter(below).take(pages.count + 1);
            (total, found.cloned().collect::<Vec<_>>())
        };
        let more = found.len() > pages.count;
        let found = &found[..found.len().min(pages.count)];
        let next = found.last().filter(|_| more).map(|last| last.number);
        // One access for the page: it names the record, whose versions these are.
        if let Some(shown) = found.iter().find(|version| matches!(version.content, Content::Body(_))) {
            self.access(key, shown, "history", &call.actor).await?;
        }
        let entries = found.iter().map(|version| self.entry(call, key, version)).collect();
        Ok(bundle(call, &pages, &format!("{key}/_history"), total, next, entries, self.now_ms()))
    }

    /// All versions of a type's resources, or of all.
    pub(super) async fn history(&self, call: &Call, kind: Option<Kind>) -> Result<Answer, Fault> {
        let pages = self.pages(call)?;
        let below = pages.before.and_then(|before| usize::try_from(before).ok());
        let (total, found, more) = {
            let view = self.view();
            let (found, more) = view.history(kind, below, pages.since_ms, pages.count);
            (view.history_total(kind, pages.since_ms), found, more)
        };
        let next = found.last().filter(|_| more).and_then(|(place, ..)| u64::try_from(*place).ok());
        let page = found.into_iter().map(|(_, key, version)| (key, version)).collect();
        let page = self.access_all(page, "history", &call.actor).await?;
        let entries = page.iter().map(|(key, version)| self.entry(call, key, version)).collect();
        let path = kind.map_or_else(|| "_history".to_owned(), |kind| format!("{kind}/_history"));
        Ok(bundle(call, &pages, &path, total, next, entries, self.now_ms()))
    }

    fn pages(&self, call: &Call) -> Result<Pages, Fault> {
        let wrong = |name: &str, value: &str| Fault::bad(format!("{value:?} is no value of {name}."));
        let mut pages = Pages { count: self.config().count, before: None, since_ms: None };
        for (name, value) in &call.query {
            match name.as_str() {
                "_count" => {
                    let count: usize = value.parse().map_err(|_| wrong(name, value))?;
                    pages.count = count.min(self.config().count_max);
                }
                BEFORE => pages.before = Some(value.parse().map_err(|_| wrong(name, value))?),
                "_since" => {
                    let since = Interval::parse(value).ok_or_else(|| wrong(name, value))?;
                    pages.since_ms = Some(u64::try_from(since.from / 1000).unwrap_or(0));
                }
                "_format" | "_pretty" | "_at" | "_list" | "_summary" | "_elements" => {}
                _ if call.strict => return Err(Fault::bad(format!("A history has no parameter {name}."))),
                _ => {}
            }
        }
        Ok(pages)
    }

    fn entry(&self, call: &Call, key: &Key, version: &Version) -> Json {
        let (method, status) = match (&version.content, version.number) {
            (Content::Deleted, _) => ("DELETE", "204"),
            (_, 1) => ("POST", "201"),
            _ => ("PUT", "200"),
        };
        let url = if method == "POST" { key.kind.to_string() } else { key.to_string() };
        fhir!({
            "fullUrl": format!("{}/{key}", call.base),
            "resource": self.show(version).ok(),
            "request": fhir!({ "method": method, "url": url }),
            "response": fhir!({
                "status": status,
                "etag": format!("W/\"{}\"", version.number),
                "lastModified": instant(version.time_ms),
            }),
        })
    }
}

fn bundle(
    call: &Call,
    pages: &Pages,
    path: &str,
    total: usize,
    next: Option<u64>,
    entries: Vec<Json>,
    now_ms: u64,
) -> Answer {
    let link = |relation: &str, before: Option<u64>| {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair("_count", &pages.count.to_string());
        for (name, value) in call.query.iter().filter(|(name, _)| name == "_since") {
            text.append_pair(name, value);
        }
        if let Some(before) = before {
            text.append_pair(BEFORE, &before.to_string());
        }
        fhir!({ "relation": relation, "url": format!("{}/{path}?{}", call.base, text.finish()) })
    };
    let mut links = vec![link("self", pages.before)];
    if next.is_some() {
        links.push(link("next", next));
    }
    let bundle = fhir!({
        "resourceType": "Bundle",
        "meta": fhir!({ "lastUpdated": instant(now_ms) }),
        "type": "history",
        "total": total,
        "link": links,
        "entry": (!entries.is_empty()).then_some(entries),
    });
    Answer::of(StatusCode::OK, Some(bundle))
}
