//! The index against a look at every resource: whatever is asked, both find the same.

use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    json::Json,
    search::{
        extract,
        query::{Query, Reading},
    },
};

const CODES: [&str; 4] = ["1", "10", "A", "a"];
const DATES: [&str; 6] = ["2013", "2013-03", "2013-03-14", "2013-03-14T10:00:00Z", "2014", "2014-01-01"];

fn reading() -> Reading<'static> {
    Reading { base: "http://city/fhir/R4", count: 1000, count_max: 1000, strict: true }
}

/// One write: which resource, and what it says; 0 deletes.
type Written = (u8, u8, usize, usize, u8);

fn written() -> impl Strategy<Value = Vec<Written>> {
    vec((0_u8..12, 0_u8..6, 0..CODES.len(), 0..DATES.len(), 0_u8..4), 0..60)
}

fn body((_, fate, code, date, subject): &Written) -> Json {
    let (code, date) = (CODES[*code], DATES[*date]);
    let open = ["", "", r#","comparator":">""#, r#","code":"kg""#][usize::from(*subject)];
    let text = format!(
        r#"{{"status":"final","code":{{"coding":[{{"system":"s{fate}","code":"{code}"}}],"text":"{date}"}},
        "effectiveDateTime":"{date}","subject":{{"reference":"Patient/{subject}"}},"valueString":"Ä{code}",
        "valueQuantity":{{"value":{fate}.50{open}}}}}"#
    );
    Json::parse(&text).unwrap()
}

fn view(all: &[Written]) -> View {
    let mut view = View::default();
    for (at, one) in all.iter().enumerate() {
        let key = Key::new(Kind::Observation, &format!("o{}", one.0)).unwrap();
        let number = view.get(&key).and_then(Doc::last).map_or(1, |last| last.number + 1);
        let (content, values) = match one.1 {
            0 => (Content::Deleted, Values::new()),
            _ => (Content::Body(Hash::ZERO), extract::values(Kind::Observation, &body(one), None)),
        };
        let version = Version { number, time_ms: at as u64, content };
        view.apply(Applied { key, version, subjects: Vec::new(), values });
    }
    view
}

/// What a look at every resource finds.
fn slowly(view: &View, query: &Query) -> Vec<Key> {
    let found = view.looking(Kind::Observation, &query.criteria, 0);
    found.into_iter().map(|at| view.doc(at).key.clone()).collect()
}

proptest! {
    #[test]
    fn sets_find_what_a_look_at_everything_finds(all in written()) {
        let view = view(&all);
        let codes = CODES.iter().flat_map(|code| [format!("code={code}"), format!("code=s2|{code}"), format!("code=|{code}")]);
        let dates = DATES.iter().flat_map(|date| {
            ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"].map(|prefix| format!("date={prefix}{date}"))
        });
        let others = [
            "status=final", "code=s3|", "code=1,a", "patient=1", "patient=Patient/2", "subject=3", "patient=1,2",
            "value-string=a1", "value-string=", "value-string:exact=Ä1", "value-string:contains=1", "code:text=2013",
            "code:not=1", "date:missing=false", "value-quantity=gt2", "value-quantity=3", "value-quantity=2.5",
            "value-quantity=le2.50", "value-quantity=lt3.5,ge5.50", "value-quantity=ge1||kg", "value-quantity=ne2.50", "code=1&date=ge2013-03&patient=1",
            "_id=o1,o2,o9", "_lastUpdated=ge1970",
        ];
        for text in codes.chain(dates).chain(others.map(str::to_owned)) {
            let given: Vec<_> = form_urlencoded::parse(text.as_bytes()).into_owned().collect();
            let query = Query::parse(Kind::Observation, &given, reading()).unwrap();
            let found = view.search(&query, 0);
            prop_assert_eq!(found.total, found.matches.len());
            prop_assert_eq!(found.matches, slowly(&view, &query), "{}", text);
        }
    }

    #[test]
    fn pages_make_up_the_whole(all in written(), count in 1_usize..5, sort in 0_usize..4) {
        let view = view(&all);
        let sort = ["", "_sort=-date", "_sort=code,-_lastUpdated", "_sort=-_id"][sort];
        let given: Vec<_> = form_urlencoded::parse(sort.as_bytes()).into_owned().collect();
        let mut query = Query::parse(Kind::Observation, &given, reading()).unwrap();
        let whole = view.search(&query, 0).matches;
        query.count = count;
        let mut found = Vec::new();
        loop {
            let page = view.search(&query, 0);
            found.extend(page.matches);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        prop_assert_eq!(found, whole);
    }
}
