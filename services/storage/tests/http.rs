//! The HTTP API: what is public, what needs a keeper of the domain, and that the public log proves itself.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use axum::{Extension, Router, body::Body};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hutong_ledger::{
    id::TxId,
    log::{self, TileReader, tile},
    note::{Algorithm, Checkpoint, SignedNote, VerifierKey, host_name},
    receipt::{self, TrustFile},
};
use hutong_runtime::auth::Caller;
use serde_json::Value;
use support::*;
use tower::ServiceExt;

struct Api(Router);

struct Answer {
    status: StatusCode,
    kind: String,
    cache: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Api {
    async fn get(&self, caller: Option<&str>, path: &str) -> Answer {
        let caller = caller.map_or(Caller::Anonymous, Caller::agency);
        let app = self.0.clone().layer(Extension(caller));
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = app.oneshot(request).await.unwrap();
        let header = |name| {
            let value = response.headers().get(name);
            value.map(|value: &http::HeaderValue| value.to_str().unwrap().to_owned()).unwrap_or_default()
        };
        let (kind, cache) = (header("content-type"), header("cache-control"));
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        Answer { status, kind, cache, body }
    }

    async fn ok(&self, caller: Option<&str>, path: &str) -> Answer {
        let answer = self.get(caller, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    }

    async fn refused(&self, caller: Option<&str>, path: &str, status: u16, code: &str) {
        let answer = self.get(caller, path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.kind.as_str()),
            (status, "application/problem+json"),
            "{path}"
        );
        assert_eq!(answer.json()["code"], code, "{path}");
    }
}

const KEEPER: Option<&str> = Some("agency-0");
const STRANGER: Option<&str> = Some("somebody");

/// A city of one with `heights` blocks of 40 entries each.
async fn city(
    dir: &std::path::Path,
    heights: u64,
) -> (hutong_ledger::genesis::Genesis, Node, Api, Vec<TxId>) {
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let node = Node::start(0, &genesis, &bus, dir);
    let mut ids = Vec::new();
    for height in 1..=heights {
        let many: Vec<String> = (0..39).map(|i| format!("k/{i}={height}")).collect();
        let actions: Vec<&str> = many.iter().map(String::as_str).chain(["nonsense"]).collect();
        let block = maker.block(&actions);
        ids.extend(block.segments[0].segment.transactions.iter().map(|tx| tx.id));
        node.submit(&block).await;
    }
    node.final_at(heights).await;
    let api = Api(hutong_storage::api::routes(node.storage.clone()));
    (genesis, node, api, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn final_things_are_shown_to_those_who_may_see_them() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, node, api, ids) = city(dir.path(), 3).await;
    let trust = TrustFile::of(&genesis);

    let path = format!("/v1/transactions/{}", ids[41]);
    let shown = api.ok(KEEPER, &path).await.json();
    assert_eq!(
        (&shown["state"], &shown["outcome"], &shown["height"]),
        (&"final".into(), &"applied".into(), &2.into())
    );
    assert_eq!(shown["changes"][0]["value"], "2");
    let refused = api.ok(KEEPER, &format!("/v1/transactions/{}", ids[39])).await.json();
    assert_eq!((&refused["outcome"], &refused["code"]), (&"refused".into(), &"no_value".into()));
    let receipt = api.ok(KEEPER, &format!("{path}/receipt")).await;
    assert_eq!(receipt::verify(&receipt.body, &trust).unwrap().id, ids[41]);
    api.refused(None, &path, 401, "authentication_required").await;
    api.refused(STRANGER, &path, 403, "not_a_host").await;
    api.refused(KEEPER, &format!("/v1/transactions/{}", TxId([1; 38])), 404, "unknown_transaction").await;
    api.refused(KEEPER, "/v1/transactions/rubbish", 400, "malformed_path").await;

    // Ids may contain slashes.
    let record = api.ok(KEEPER, "/v1/records/notes/k/7").await.json();
    assert_eq!(
        (&record["version"], &record["value"], &record["record"]),
        (&3.into(), &"3".into(), &"k/7".into())
    );
    assert_eq!(api.ok(KEEPER, "/v1/records/notes/k/7?version=1").await.json()["value"], "1");
    let page = api.ok(KEEPER, "/v1/records/notes/k/7/history?limit=2").await.json();
    assert_eq!((page["versions"].as_array().unwrap().len(), &page["versions"][0]["version"]), (2, &3.into()));
    let rest = api.ok(KEEPER, page["next"].as_str().unwrap()).await.json();
    assert_eq!((rest["versions"].as_array().unwrap().len(), &rest["next"]), (1, &Value::Null));
    let proof = api.ok(KEEPER, "/v1/records/notes/k/7/proof").await;
    let proven = receipt::verify_state(&proof.body, &trust).unwrap();
    assert_eq!(proven.current, Some((3, Some(b"3".to_vec()))));
    let absent = api.ok(KEEPER, "/v1/records/notes/none/proof").await;
    assert_eq!(receipt::verify_state(&absent.body, &trust).unwrap().current, None);
    api.refused(None, "/v1/records/notes/k/7", 401, "authentication_required").await;
    api.refused(STRANGER, "/v1/records/notes/k/7", 403, "not_a_host").await;
    api.refused(KEEPER, "/v1/records/notes/none", 404, "unknown_record").await;
    api.refused(KEEPER, "/v1/records/none/k", 404, "unknown_domain").await;
    api.refused(KEEPER, "/v1/records/notes/k/7/history?limit=0", 400, "malformed_query").await;

    let blocks = api.ok(None, "/v1/blocks?from=0&limit=2").await.json();
    assert_eq!((&blocks["final_height"], &blocks["next"]), (&3.into(), &"/v1/blocks?from=2&limit=2".into()));
    assert_eq!(blocks["blocks"][1]["prev"], blocks["blocks"][0]["hash"]);
    let block = api.ok(None, "/v1/blocks/3").await.json();
    assert_eq!(block["cosigners"]["membership"][0], "agency-0");
    api.refused(None, "/v1/blocks/4", 404, "unknown_block").await;

    let status = api.ok(KEEPER, "/v1/status").await.json();
    assert_eq!(
        (&status["final_height"], &status["lag"], &status["invariants"]["ONE"]),
        (&3.into(), &0.into(), &0.into())
    );
    let own = &status["agencies"][0];
    assert_eq!(
        (&own["agency"], &own["final_height"], &own["behind"]),
        (&"agency-0".into(), &3.into(), &0.into())
    );
    assert!(
        status["disk"]["used_bytes"].as_u64() > Some(0) && status["disk"]["free_bytes"].is_u64(),
        "{status}"
    );
    node.stop().await.unwrap();
}

/// Tiles as a stranger fetches them.
struct Fetched(std::collections::HashMap<(u8, u64), bytes::Bytes>);

impl TileReader for Fetched {
    type Error = std::convert::Infallible;

    fn tile(&self, level: u8, index: u64) -> Result<bytes::Bytes, Self::Error> {
        Ok(self.0.get(&(level, index)).cloned().unwrap_or_default())
    }
}

/// Whoever reads the checkpoints around a block learns nothing of what became of its transactions.
#[tokio::test(flavor = "multi_thread")]
async fn a_root_does_not_tell_that_all_were_refused() {
    let dir = tempfile::tempdir().unwrap();
    let genesis = genesis(1);
    let (bus, mut maker) = (bus(), Maker::new(&genesis));
    let node = Node::start(0, &genesis, &bus, dir.path());
    let api = Api(hutong_storage::api::routes(node.storage.clone()));
    let mut roots = std::collections::BTreeSet::new();
    for (height, action) in (1..).zip(["a=1", "nonsense", "nonsense", "b=2", "nonsense"]) {
        node.submit(&maker.block(&[action])).await;
        node.final_at(height).await;
        let note = api.ok(None, "/log/notes/checkpoint").await;
        let note: SignedNote = String::from_utf8(note.body).unwrap().parse().unwrap();
        let checkpoint: Checkpoint = note.text().parse().unwrap();
        assert_eq!(checkpoint.height, height);
        assert!(roots.insert(checkpoint.state), "the root of height {height} was there before");
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_log_proves_itself() {
    let dir = tempfile::tempdir().unwrap();
    let (genesis, node, api, ids) = city(dir.path(), 14).await;
    let note = api.ok(None, "/log/notes/checkpoint").await;
    assert!(note.kind.starts_with("text/plain"));
    let note: SignedNote = String::from_utf8(note.body).unwrap().parse().unwrap();
    let public = key(0, hutong_ledger::epoch::Purpose::Host).public().0;
    let host = host_name(&genesis.chain(), &name(0));
    let keys = [VerifierKey::new(host, Algorithm::CosignatureV1, public).unwrap()];
    assert_eq!(note.verify(&keys).unwrap().len(), 1);
    assert_eq!(note.signatures().len(), 2, "the owner's own and the host's");
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    assert_eq!((checkpoint.size, checkpoint.height), (14 * 40, 14));

    let mut tiles = std::collections::HashMap::new();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for path in tile::tiles_between(0, checkpoint.size) {
        let fetched = api.ok(None, &format!("/log/notes/{path}")).await;
        assert!(fetched.cache.contains("immutable"));
        match path.kind() {
            tile::TileKind::Entries => {
                entries.extend(tile::entries(&fetched.body).unwrap().into_iter().map(<[u8]>::to_vec));
            }
            tile::TileKind::Hashes(level) => {
                tiles.insert((level, path.index()), fetched.body.into());
            }
        }
    }
    assert_eq!(log::root(entries.iter().map(|entry| log::leaf_hash(entry))), checkpoint.root);
    let tiles = Fetched(tiles);
    for (index, (entry, id)) in entries.iter().zip(&ids).enumerate() {
        assert_eq!(&hutong_ledger::entry::Entry::decode(entry).unwrap().id, id);
        let path = log::inclusion_proof(&tiles, index as u64, checkpoint.size).unwrap();
        let leaf = log::leaf_hash(entry);
        log::verify_inclusion(&checkpoint.root, checkpoint.size, index as u64, &leaf, &path).unwrap();
    }
    // An older size's tile is the beginning of today's.
    let older = api.ok(None, "/log/notes/tile/0/000.p/40").await;
    assert_eq!(older.body, tiles.0[&(0, 0)][..40 * 32]);
    api.refused(None, "/log/notes/tile/0/002.p/49", 404, "no_tile").await;
    api.refused(None, "/log/notes/tile/0/2", 400, "malformed_path").await;
    api.refused(None, "/log/none/checkpoint", 404, "no_log").await;
    node.stop().await.unwrap();
}
