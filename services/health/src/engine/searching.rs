//! Search: what the view finds, accessed, as a Bundle.

use http::StatusCode;

use super::{Answer, Call};
use crate::{
    HealthService,
    json::{Json, fhir},
    kind::{Key, Kind},
    outcome::Fault,
    search::{
        query::{AFTER, Query},
        summary,
    },
    time::instant,
    view::Version,
};

impl HealthService {
    pub(super) async fn find(&self, call: &Call, kind: Kind) -> Result<Answer, Fault> {
        let query = Query::parse(kind, &call.query, call.reading(self))?;
        let now_ms = self.now_ms();
        let now = i64::try_from(now_ms).unwrap_or(i64::MAX).saturating_mul(1000);
        let (found, matches, included) = {
            let view = self.view();
            let found = view.search(&query, now);
            let versions = |keys: &[Key]| -> Vec<(Key, Version)> {
                let last = |key: &Key| Some((key.clone(), view.get(key)?.last()?.clone()));
                keys.iter().filter_map(last).collect()
            };
            let (matches, included) = (versions(&found.matches), versions(&found.included));
            (found, matches, included)
        };
        let matches = self.access_all(matches, "search", &call.actor).await?;
        let included = self.access_all(included, "search", &call.actor).await?;
        let mut entries = Vec::with_capacity(matches.len() + included.len());
        for (mode, page) in [("match", matches), ("include", included)] {
            for (key, version) in page {
                let Ok(json) = self.show(&version) else { continue };
                entries.push(fhir!({
                    "fullUrl": format!("{}/{key}", call.base),
                    "resource": summary::cut(key.kind, json, &query.part),
                    "search": fhir!({ "mode": mode }),
                }));
            }
        }
        let mut links = vec![link("self", call, &query, None)];
        if let Some(next) = found.next {
            links.push(link("next", call, &query, Some(next)));
        }
        let bundle = fhir!({
            "resourceType": "Bundle",
            "meta": fhir!({ "lastUpdated": instant(now_ms) }),
            "type": "searchset",
            "total": found.total,
            "link": links,
            "entry": (!entries.is_empty()).then_some(entries),
        });
        Ok(Answer::of(StatusCode::OK, Some(bundle)))
    }
}

fn link(relation: &str, call: &Call, query: &Query, after: Option<u32>) -> Json {
    let mut text = form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(&query.used);
    let after = after.or(if relation == "self" { query.after } else { None });
    if let Some(after) = after {
        text.append_pair(AFTER, &after.to_string());
    }
    let text = text.finish();
    let mark = if text.is_empty() { "" } else { "?" };
    fhir!({ "relation": relation, "url": format!("{}/{}{mark}{text}", call.base, query.kind) })
}
