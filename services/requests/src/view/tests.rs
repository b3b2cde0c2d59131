//! The index against a model that looks at everything.

use std::collections::BTreeMap;

use hutong_ledger::hash::Hash;
use proptest::{collection::vec, option, prelude::*};

use super::*;

const IDS: [&str; 8] = ["1", "10", "2", "a", "b", "c", "d", "e"];
const SERVICES: [&str; 3] = ["noise", "noise-park", "water"];
const AGENCIES: [&str; 3] = ["police", "parks", "north"];
const DISTRICTS: [&str; 3] = ["", "north", "south"];

fn request() -> impl Strategy<Value = (usize, Option<wire::Request>)> {
    let agencies = prop::sample::subsequence(AGENCIES.to_vec(), 0..=3);
    let facts = (0..SERVICES.len(), 1..=4_i32, agencies, 0..DISTRICTS.len(), 0..6_u64, any::<bool>());
    let course = (0..4_u64, any::<bool>(), any::<bool>(), 0..8_u64);
    let request = (facts, course).prop_map(
        |(
            (service, status, agencies, district, requested_ms, breached),
            (dispatched_ms, contacted, valid, expected_ms),
        )| {
            wire::Request {
                service_code: SERVICES[service].into(),
                status,
                agencies: agencies.into_iter().map(str::to_owned).collect(),
                place: Some(wire::Place { district: DISTRICTS[district].into(), ..wire::Place::default() }),
                requested_ms,
                breached_ms: breached.into(),
                dispatched_ms,
                answered_ms: if status > 2 { 3 } else { 0 },
                expected_ms,
                contacted,
                call_back: Some(wire::CallBack {
                    valid,
                    contacted,
                    resolved: valid,
                    ..wire::CallBack::default()
                }),
                ..wire::Request::default()
            }
        },
    );
    (0..IDS.len(), option::weighted(0.9, request))
}

fn change(id: &str, request: Option<&wire::Request>, version: u64) -> Versioned {
    let value = request.map(|request| request.encode_to_vec().into());
    Versioned { record: format!("request/{id}").parse().unwrap(), version, value, hash: Hash::ZERO }
}

fn view(changes: Vec<(usize, Option<wire::Request>)>) -> (View, BTreeMap<&'static str, wire::Request>) {
    let (mut view, mut last) = (View::default(), BTreeMap::new());
    for ((id, request), version) in changes.into_iter().zip(1..) {
        let request = request.map(|request| wire::Request { id: IDS[id].into(), ..request });
        view.apply(&change(IDS[id], request.as_ref(), version));
        match request {
            Some(request) => drop(last.insert(IDS[id], request)),
            None => drop(last.remove(IDS[id])),
        }
    }
    (view, last)
}

fn query() -> impl Strategy<Value = Query> {
    let services = prop::sample::subsequence(SERVICES.to_vec(), 0..=2);
    let filters = (services, option::of(1..=4_i32), option::of(any::<bool>()), option::of(0..AGENCIES.len()));
    let rest = (option::of(1..DISTRICTS.len()), option::of(any::<bool>()), 0..4_u64, 2..7_u64, 1..4_usize);
    (filters, rest).prop_map(
        |((services, status, closed, agency), (district, breached, from_ms, to_ms, limit))| Query {
            services: services.into_iter().map(str::to_owned).collect(),
            status: status.and_then(|status| Status::try_from(status).ok()),
            closed,
            agency: agency.map(|at| AGENCIES[at].into()),
            district: district.map(|at| DISTRICTS[at].into()),
            breached,
            from_ms,
            to_ms: if to_ms == 6 { u64::MAX } else { to_ms },
            after: None,
            skip: 0,
            limit,
        },
    )
}

/// What a search must find, by looking at everything.
fn model(last: &BTreeMap<&str, wire::Request>, query: &Query) -> Vec<String> {
    let fits = |request: &&wire::Request| {
        let district = &request.place.as_ref().unwrap().district;
        (query.services.is_empty() || query.services.contains(&request.service_code))
            && query.status.is_none_or(|status| request.status() == status)
            && query.closed.is_none_or(|closed| (request.status() == Status::Closed) == closed)
            && query.agency.as_ref().is_none_or(|agency| request.agencies.contains(agency))
            && query.district.as_ref().is_none_or(|wanted| district == wanted)
            && query.breached.is_none_or(|breached| (request.breached_ms > 0) == breached)
            && (query.from_ms..=query.to_ms).contains(&request.requested_ms)
    };
    let mut found: Vec<_> = last.values().filter(fits).collect();
    found.sort_by_key(|request| std::cmp::Reverse((request.requested_ms, request.id.clone())));
    found.into_iter().map(|request| request.id.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn pages_find_what_a_look_at_everything_finds(changes in vec(request(), 0..40), query in query()) {
        let (view, last) = view(changes);
        let expected = model(&last, &query);
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (page, next) = view.search(&Query { after, ..query.clone() });
            prop_assert!(page.len() <= query.limit);
            found.extend(page.into_iter().map(|request| request.id));
            // More is said exactly when there is more.
            prop_assert_eq!(next.is_some(), found.len() < expected.len());
            after = next;
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(&found, &expected);
        // By number of page it is the same.
        for (page, wanted) in expected.chunks(query.limit).enumerate() {
            let found = view.search(&Query { skip: page * query.limit, ..query.clone() }).0;
            prop_assert_eq!(found.iter().map(|request| request.id.clone()).collect::<Vec<_>>(), wanted);
        }
    }

    #[test]
    fn deadlines_and_rates_are_those_of_all_requests(changes in vec(request(), 0..40), from in 0..4_u64, to in 0..4_u64, now in 0..9_u64) {
        let (view, last) = view(changes);
        let late = last.values().filter(|request| {
            request.status as u32 <= 2 && request.breached_ms == 0 && request.expected_ms > 0 && request.expected_ms < now
        });
        let mut late: Vec<_> = late.map(|request| (request.expected_ms, request.id.clone())).collect();
        late.sort();
        let found: Vec<_> = view.late(now).map(ToString::to_string).collect();
        prop_assert_eq!(found, late.into_iter().map(|(_, id)| id).collect::<Vec<_>>());

        let mut expected: BTreeMap<String, Tally> = BTreeMap::new();
        for request in last.values().filter(|request| (from..=to).contains(&request.dispatched_ms)) {
            if let (Some(counted), Some(lead)) = (Counted::of(request), request.agencies.first()) {
                expected.entry(lead.clone()).or_default().add(counted);
            }
        }
        let found: BTreeMap<_, _> =
            view.tallies(None, from, to).into_iter().map(|(agency, tally)| (agency.to_string(), tally)).collect();
        prop_assert_eq!(&found, &expected);
        let one: Vec<_> = view.tallies(Some("parks"), from, to).into_iter().map(|(_, tally)| tally).collect();
        prop_assert_eq!(one, expected.get("parks").copied().into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_gone_leaves_nothing_behind(changes in vec(request(), 0..40)) {
        let (mut view, last) = view(changes);
        for id in last.keys() {
            view.apply(&change(id, None, 99));
        }
        prop_assert!(view.is_empty() && view.due.is_empty() && view.counted.is_empty());
        prop_assert_eq!(view.search(&Query::newest(9)).0.len(), 0);
    }
}

#[test]
fn configuration_is_followed() {
    let mut view = View::default();
    let put = |record: &str, value: Option<Vec<u8>>| Versioned {
        record: record.parse().unwrap(),
        version: 1,
        value: value.map(Into::into),
        hash: Hash::ZERO,
    };
    let service = wire::Service { code: "noise".into(), name: "Noise".into(), ..wire::Service::default() };
    view.apply(&put("service/noise", Some(service.encode_to_vec())));
    assert_eq!(view.service("noise"), Some(&service));
    assert_eq!(view.weights(), WEIGHTS);
    let weights = wire::Weights { response: 1, resolution: 4, satisfaction: 5 };
    view.apply(&put("config/weights", Some(weights.encode_to_vec())));
    assert_eq!(view.weights(), weights);
    // What does not decode is not there, and nothing else minds.
    view.apply(&put("service/noise", Some(vec![0xff; 9])));
    view.apply(&put("person/00000000000000000000000000000000", Some(vec![1])));
    assert_eq!(view.services().count(), 0);
}
