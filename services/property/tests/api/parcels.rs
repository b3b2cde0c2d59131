//! One parcel: as it stands, its title, its history, and what is answered when there is nothing to show.

use std::sync::atomic::Ordering;

use hutong_property::build;
use hutong_runtime::auth::Caller;
use hutong_wire::v1::property::{self as wire, action::Kind};
use serde_json::json;

use crate::{ANN, BEN, LAND, MemoryStorage, Running, hex_of, party, register, whole};

const P: &str = "526301100";

#[tokio::test]
async fn a_parcel_says_what_stands_and_where_it_comes_from() {
    let storage = MemoryStorage::new();
    register(&storage, P, "NAmes", 1);
    let sale = storage.submit(&[ANN, BEN], build::transfer_whole(P, 1, whole(2, BEN), 21_500_000, "USD"));
    let city = Running::over(storage);
    let parcel = city.found(&format!("/property/v1/parcels/{P}")).await;
    let holder = json!({
        "handle": hex_of(2),
        "agent": BEN,
    });
    assert_eq!(
        parcel,
        json!({
            "parcel": P,
            "status": "current",
            // 31,770 square feet to the last digit.
            "unit": { "place": "NAmes", "use": "RL", "area_m2": "2951.5295808", "description": "Pave street",
                "number": null, "geometry": null },
            "rights": [{
                "id": 2,
                "type": "ownership",
                "share": { "numerator": 1, "denominator": 1 },
                "party": holder,
                "since_ms": 1_700_000_000_002_u64,
                "valid_from_ms": 1_700_000_000_002_u64,
            }],
            "mortgages": [],
            "restrictions": [],
            "objections": [],
            "advance_notices": [],
            "last_registration": "transfer",
            "effective_ms": 1_700_000_000_002_u64,
            "last_price": { "amount_minor": 21_500_000, "currency": "USD" },
            "source": null,
            "sealed": [],
            "parents": [],
            "children": [],
            "version": 2,
            "height": 2,
            "registered_ms": 1_700_000_000_002_u64,
            "registered_by": ANN,
            "transaction": sale.to_string(),
        })
    );
}

#[tokio::test]
async fn a_title_has_rights_mortgages_and_restrictions() {
    let storage = MemoryStorage::new();
    register(&storage, P, "NAmes", 1);
    let mortgage = wire::GrantMortgage {
        rank: 1,
        amount_minor: 15_000_000,
        currency: "USD".into(),
        lender: Some(party(3, "bank")),
        no_transfer: false,
    };
    storage.submit(&[ANN, "bank"], build::action(P, 0, None, Kind::Mortgage(mortgage)));
    let seizure =
        wire::Restrict { r#type: wire::RestrictionType::Seizure.into(), reference: "case 7/2026".into() };
    let last = storage.submit(&[LAND], build::action(P, 0, None, Kind::Restrict(seizure)));
    let city = Running::over(storage);
    let title = city.found(&format!("/property/v1/parcels/{P}/title")).await;
    assert_eq!(title["rights"][0]["party"]["handle"], hex_of(1));
    assert_eq!(
        title["mortgages"],
        json!([{
            "id": 2,
            "rank": 1,
            "amount_minor": 15_000_000,
            "currency": "USD",
            "lender": { "handle": hex_of(3), "agent": "bank" },
            "since_ms": 1_700_000_000_002_u64,
            "no_transfer": false,
        }])
    );
    assert_eq!(
        title["restrictions"],
        json!([{
            "id": 3,
            "type": "seizure",
            "agency": LAND,
            "reference": "case 7/2026",
            "since_ms": 1_700_000_000_003_u64,
        }])
    );
    let as_of = &title["as_of"];
    assert_eq!([&as_of["version"], &as_of["height"], &as_of["time_ms"]], [3, 3, 1_700_000_000_003_u64]);
    assert!(as_of["registered_on_ms"].is_null() && as_of["valid_on_ms"].is_null());
    assert_eq!(title["receipt"], format!("/v1/transactions/{last}/receipt"));
}

#[tokio::test]
async fn a_history_is_paged_from_the_newest() {
    let storage = MemoryStorage::new();
    register(&storage, P, "NAmes", 1);
    for version in 1..5_u32 {
        let (from, to) = if version % 2 == 1 { (ANN, BEN) } else { (BEN, ANN) };
        let to_whom = whole(u8::try_from(version).unwrap() + 1, to);
        storage.submit(&[from, to], build::transfer_whole(P, version, to_whom, version.into(), "USD"));
    }
    let city = Running::over(storage);
    let mut versions = Vec::new();
    let mut next = Some(format!("/property/v1/parcels/{P}/history?limit=2"));
    while let Some(path) = next {
        let page = city.found(&path).await;
        assert!(page["versions"].as_array().unwrap().len() <= 2);
        versions.extend(page["versions"].as_array().unwrap().clone());
        next = page["next"].as_str().map(str::to_owned);
    }
    let seen: Vec<_> = versions.iter().map(|version| version["version"].as_u64().unwrap()).collect();
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    assert_eq!(versions[4]["last_registration"], "first");
    assert_eq!(versions[1]["last_price"]["amount_minor"], 3);
}

#[tokio::test]
async fn nothing_is_shown_to_nobody() {
    let storage = MemoryStorage::new();
    register(&storage, P, "NAmes", 1);
    let city = Running::over(storage);
    let search = "/property/v1/parcels?place=NAmes".to_owned();
    let of_parcel = ["", "/title", "/history"].map(|part| format!("/property/v1/parcels/{P}{part}"));
    for path in of_parcel.into_iter().chain([search]) {
        let (status, problem) = city.get_as(Caller::Anonymous, &path).await;
        assert_eq!((status, problem["code"].as_str()), (401, Some("authentication_required")), "{path}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_with_a_code() {
    let city = Running::over(MemoryStorage::new());
    for part in ["", "/title", "/history"] {
        let unknown = city.problem(&format!("/property/v1/parcels/{P}{part}")).await;
        assert_eq!(unknown, (404, "parcel_unknown".into()), "{part}");
        let odd = city.problem(&format!("/property/v1/parcels/a%2Fb{part}")).await;
        assert_eq!(odd, (400, "malformed_path".into()), "{part}");
    }
    for query in ["limit=0", "limit=201", "below=x", "order=oldest"] {
        let refused = city.problem(&format!("/property/v1/parcels/{P}/history?{query}")).await;
        assert_eq!(refused, (400, "malformed_query".into()), "{query}");
    }
}

#[tokio::test]
async fn storage_that_is_away_is_said_to_be() {
    let storage = MemoryStorage::new();
    register(&storage, P, "NAmes", 1);
    let city = Running::over(storage);
    city.until_found("place=NAmes", &[P]).await;
    city.storage.away.store(true, Ordering::SeqCst);
    let search = "/property/v1/parcels?place=NAmes".to_owned();
    let of_parcel = ["", "/title", "/history"].map(|part| format!("/property/v1/parcels/{P}{part}"));
    for path in of_parcel.into_iter().chain([search]) {
        assert_eq!(city.problem(&path).await, (503, "unavailable".into()), "{path}");
    }
    // The view then goes on from where it was.
    storage_returns(&city).await;
}

async fn storage_returns(city: &Running) {
    register(&city.storage, "2", "NAmes", 1);
    city.storage.away.store(false, Ordering::SeqCst);
    city.until_found("place=NAmes", &["2", P]).await;
    assert_eq!(city.get_as(Caller::agency(LAND), "/property/v1/parcels/2").await.0, 200);
}
