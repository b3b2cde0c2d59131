//! Searches: by party, by place, by both, paged, and true to what last became final.

use hutong_property::build;
use hutong_wire::v1::property::{self as wire, action::Kind};

use crate::{ANN, BEN, LAND, MemoryStorage, Running, hex_of, party, register, whole};

#[tokio::test]
async fn pages_show_each_parcel_once_in_order() {
    let storage = MemoryStorage::new();
    let ids = ["1", "10", "2", "A-1", "b.7"];
    for parcel in ids.iter().rev() {
        register(&storage, parcel, "Old Town & Mill/100%", 1);
    }
    register(&storage, "0", "NAmes", 1);
    register(&storage, "3", "Old Town", 2);
    let city = Running::over(storage);
    let place = "place=Old+Town+%26+Mill%2F100%25";
    for limit in [1, 2, 4, 5, 200] {
        city.until_found(&format!("{place}&limit={limit}"), &ids).await;
    }
    let page = city.found(&format!("/property/v1/parcels?{place}&limit=5")).await;
    assert!(page["next"].is_null(), "a last page that is full has no next one: {page}");
    city.until_found(&format!("{place}&after=10"), &ids[2..]).await;
    city.until_found(&format!("party={}", hex_of(1)), &["0", "1", "10", "2", "A-1", "b.7"]).await;
    city.until_found(&format!("party={}&place=NAmes&limit=1", hex_of(1)), &["0"]).await;
    city.until_found(&format!("party={}&{place}&limit=2", hex_of(1)), &ids).await;
    city.until_found(&format!("party={}&place=NAmes", hex_of(2)), &[]).await;
}

#[tokio::test]
async fn a_search_follows_what_becomes_final() {
    let storage = MemoryStorage::new();
    let city = Running::over(storage.clone());
    let [ann, ben, bank] = [1, 2, 3].map(|handle| format!("party={}", hex_of(handle)));
    register(&storage, "7", "NAmes", 1);
    city.until_found(&ann, &["7"]).await;

    storage.submit(&[ANN, BEN], build::transfer_whole("7", 1, whole(2, BEN), 1, "USD"));
    city.until_found(&ben, &["7"]).await;
    city.until_found(&ann, &[]).await;

    let loan = wire::GrantMortgage {
        rank: 1,
        amount_minor: 1,
        currency: "USD".into(),
        lender: Some(party(3, "bank")),
        no_transfer: false,
    };
    storage.submit(&[BEN, "bank"], build::action("7", 0, None, Kind::Mortgage(loan)));
    city.until_found(&bank, &["7"]).await;
    let discharge = wire::Discharge { mortgage: 3 };
    storage.submit(&["bank"], build::action("7", 0, None, Kind::Discharge(discharge)));
    city.until_found(&bank, &[]).await;

    let moved = wire::Unit { place: "OldTown".into(), area_centi_mm2: 1, ..wire::Unit::default() };
    let correction = wire::Correct {
        unit: Some(moved),
        reason: "wrong side of the river".into(),
        ..wire::Correct::default()
    };
    storage.submit(&[LAND], build::action("7", 0, None, Kind::Correct(correction)));
    city.until_found("place=OldTown", &["7"]).await;
    city.until_found("place=NAmes", &[]).await;

    let cancel = wire::Cancel { reason: "washed away".into() };
    storage.submit(&[LAND], build::action("7", 0, None, Kind::Cancel(cancel)));
    city.until_found("place=OldTown", &[]).await;
    city.until_found(&ben, &[]).await;
    // It is no longer found, and it is not forgotten.
    assert_eq!(city.found("/property/v1/parcels/7").await["status"], "cancelled");
}

#[tokio::test]
async fn a_new_view_is_built_from_the_beginning() {
    let storage = MemoryStorage::new();
    for parcel in 1..=9 {
        register(&storage, &parcel.to_string(), "NAmes", 1);
    }
    let ids = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let first = Running::over(storage.clone());
    first.until_found("place=NAmes", &ids).await;
    drop(first);
    let second = Running::over(storage);
    second.until_found("place=NAmes", &ids).await;
    second.until_found(&format!("party={}&limit=4", hex_of(1)), &ids).await;
}

#[tokio::test]
async fn a_search_that_is_none_is_refused() {
    let city = Running::over(MemoryStorage::new());
    let odd = [
        "",
        "limit=5",
        "party=xyz",
        "party=0011",
        "place=NAmes&limit=0",
        "place=NAmes&limit=201",
        "place=NAmes&limit=-1",
        "place=NAmes&after=a%20b",
        "place=NAmes&after=",
        "place=NAmes&owner=ann",
    ];
    for query in odd {
        let refused = city.problem(&format!("/property/v1/parcels?{query}")).await;
        assert_eq!(refused, (400, "malformed_query".into()), "{query}");
    }
}
