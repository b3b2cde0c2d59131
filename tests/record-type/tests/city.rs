//! The city with one record type more, as docs/record-types.md has it; and the page, which shows these very files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hutong::city::{
    domains::{RECORD_TYPES, RecordType},
    layout::Layout,
    parts::Face,
    settings::CitySettings,
    up::{Options, Running},
};
use hutong_client::{City, Client};
use hutong_disclosure::Disclosing;
use hutong_ledger::id::{AgencyId, RecordKey};
use hutong_runtime::{Clock as _, SystemClock};
use hutong_test_record_type::{Allotments, document, domain, routes};
use hutong_wire::{
    prost::Message,
    v1::{
        self,
        disclosure::{self, Basis, Envelope, RequestAccess},
    },
};
use serde_json::json;

const ALLOTMENTS: RecordType = RecordType {
    name: "allotments",
    owner: "natural-resources",
    contract: || Arc::new(Disclosing(Allotments)),
    earlier: &[],
    sealed: Some(|| Arc::new(Allotments)),
    import: None,
    document,
    serve: |_, desks| Ok(Face { routes: routes(desks.own.clone()), document: document() }),
};

async fn start(data: &Path) -> Running {
    let mut record_types = RECORD_TYPES.to_vec();
    record_types.push(ALLOTMENTS);
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: 4,
        nats: None,
        name: "testville".parse().unwrap(),
    };
    Running::start_with(Layout::new(data), options, record_types.leak()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_type_is_a_folder_and_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(folder.path()).await;
    let city = City::open(folder.path()).unwrap();
    let owner: AgencyId = ALLOTMENTS.owner.parse().unwrap();
    let client = Client::of(&city, &owner).unwrap();

    for id in ["a", "b"] {
        client.post_json("/allotments/v1/plots", &json!({ "id": id, "area_m2": 120 })).await.unwrap();
    }
    let twice = client.post_json("/allotments/v1/plots", &json!({ "id": "a", "area_m2": 9 })).await;
    assert!(twice.unwrap_err().to_string().contains("plot_exists"));
    let plots = client.get("/allotments/v1/plots").await.unwrap();
    assert_eq!(plots["items"].as_array().unwrap().len(), 2);

    let until_ms = SystemClock::new().unix_ms() + 1_000_000;
    let tenant = json!({ "resident_id": "11010519491231002X", "name": "Wang Lan", "phone": "138", "until_ms": until_ms });
    let let_out = client.post_json("/allotments/v1/plots/a/tenant", &tenant).await.unwrap();
    let plot = client.get("/allotments/v1/plots/a").await.unwrap();
    assert_eq!(plot["sealed"], json!(["name", "phone"]));
    assert!(!plot.to_string().contains("Wang"), "values are in the vault alone");
    let again = client.post_json("/allotments/v1/plots/a/tenant", &tenant).await;
    assert!(again.unwrap_err().to_string().contains("plot_taken"));

    // Everything else came with the entry: receipts, history, accesses, the public log.
    let id = let_out["transaction"].as_str().unwrap().parse().unwrap();
    let verified = client.verified(&id, &city.trust().unwrap()).await.unwrap();
    assert_eq!(verified.domain, domain());
    let key: RecordKey = "allotments/plot/a".parse().unwrap();
    let history = client.history(&key).await.unwrap();
    assert_eq!(history["versions"].as_array().unwrap().len(), 2);
    assert!(client.get_bytes("/log/allotments/checkpoint").await.is_ok());

    let request = RequestAccess {
        record: key.record.to_string(),
        fields: vec!["name".into()],
        purpose: "rent".into(),
        basis: Some(Basis { kind: Some(disclosure::basis::Kind::Duty("case 7".into())), ..Basis::default() }),
        ..RequestAccess::default()
    };
    let action = disclosure::Action { kind: Some(disclosure::action::Kind::RequestAccess(request)) };
    let action = Envelope { disclosure: Some(action) }.encode_to_vec();
    let access = client.build(domain()).unwrap().actor("gardener-1").action(action);
    let access = v1::Transaction::from(&access.sign(&[client.signer().unwrap()]).unwrap()).encode_to_vec();
    let released = client
        .post_json("/v1/disclosures", &json!({ "transaction": STANDARD.encode(access) }))
        .await
        .unwrap();
    assert!(released["sealed"].is_string() || released["sealed"].is_object(), "{released}");
    running.stop().await.unwrap();
}

/// The page shows the files as they are.
#[test]
fn the_page_shows_what_is_built() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(here.join("../../docs/record-types.md")).unwrap();
    let files = ["src/lib.rs", "src/wire.rs", "src/contract.rs", "src/api.rs", "tests/city.rs"];
    let sources: Vec<String> =
        files.iter().map(|file| std::fs::read_to_string(here.join(file)).unwrap()).collect();
    let blocks: Vec<&str> =
        page.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 5, "the page shows the record type in parts");
    for block in blocks {
        assert!(
            sources.iter().any(|source| source.contains(block)),
            "no file has this of the page:\n{block}"
        );
    }
}
