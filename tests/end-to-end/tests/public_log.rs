//! The running log as others read it: checkpoint, tiles, inclusion and consistency, judged by C2SP implementations that
//! are not ours (`signed_note`, `tlog_tiles`).

use hutong_ledger::{
    epoch::Purpose,
    note::{Algorithm, VerifierKey},
    receipt::TrustFile,
};
use hutong_test_end_to_end::program::{Program, sales, wait_until};
use signed_note::{Note, StandardVerifier, VerifierList};

use tlog_tiles::{
    Checkpoint, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree,
    record_hash,
};

const HEIGHT: u8 = 8;

/// Tiles as a client of C2SP fetches them.
struct Fetched<'a> {
    program: &'a Program,
    log: String,
}

impl TileReader for Fetched<'_> {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        // C2SP leaves out the height that the Go module's paths carry.
        let path = |tile: &Tile| tile.path().replacen(&format!("tile/{HEIGHT}/"), "tile/", 1);
        let fetched = tiles.iter().map(|tile| {
            let url = format!("{}/{}", self.log, path(tile));
            self.program.http_get_bytes(&url).ok_or(tlog_tiles::Error::InvalidInput(url))
        });
        fetched.collect()
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// The checkpoint, once the owner's own signature is on it: the hosts' quorum may be quicker.
fn checkpoint(program: &Program, log: &str, verifier: &str) -> Checkpoint {
    let known = VerifierList::new(vec![Box::new(StandardVerifier::new(verifier).expect("a verifier key"))]);
    let mut accepted = None;
    wait_until("the owner signs the checkpoint", || {
        let bytes = program.http_get_bytes(&format!("{log}/checkpoint")).expect("a checkpoint");
        let note = Note::from_bytes(&bytes).expect("a signed note");
        accepted = note.verify(&known).ok().map(|(verified, others)| {
            assert_eq!(verified.len(), 1);
            assert!(others.len() >= 3, "the hosts' cosignatures");
            Checkpoint::from_bytes(note.text()).expect("a checkpoint's text")
        });
        accepted.is_some()
    });
    accepted.expect("a checkpoint")
}

#[test]
fn other_implementations_accept_the_running_log() {
    let program = Program::new(env!("CARGO_BIN_EXE_hutong-under-test"));
    let city = program.up();
    let log = format!("{}/log/property", city.url);
    let load = |rows| {
        let file = sales(program.folder(), rows);
        program.result(&["load", "property", &file, "--json", "--url", &city.url]).expect("a load");
    };
    let trust = std::fs::read(program.folder().join("data/trust.json")).unwrap();
    let trust: TrustFile = serde_json::from_slice(&trust).unwrap();
    let owner = trust.epoch.rules("property".parse().unwrap()).unwrap().owner;
    let key = trust.epoch.agency(&owner).unwrap().key(Purpose::Log).unwrap().public;
    let origin = format!("{}/property", trust.chain);
    let verifier = VerifierKey::new(origin.clone(), Algorithm::Ed25519, key).unwrap().to_string();

    load(100);
    let first = checkpoint(&program, &log, &verifier);
    assert_eq!((first.origin(), first.size()), (origin.as_str(), 200));
    load(300);
    let second = checkpoint(&program, &log, &verifier);
    assert_eq!(second.size(), 600);

    let tiles = Fetched { program: &program, log: log.clone() };
    let reader = TileHashReader::new(second.size(), *second.hash(), &tiles);
    let entries = program.http_get_bytes(&format!("{log}/tile/entries/001")).expect("entries");
    let length = usize::from(u16::from_be_bytes([entries[0], entries[1]]));
    let leaf = record_hash(&entries[2..2 + length]);
    let proof = prove_record(second.size(), 256, &reader).expect("an inclusion proof from tiles");
    check_record(&proof, second.size(), *second.hash(), 256, leaf).expect("the entry is in the log");
    assert!(check_record(&proof, second.size(), *second.hash(), 255, leaf).is_err());

    let proof = prove_tree(second.size(), first.size(), &reader).expect("a consistency proof from tiles");
    check_tree(&proof, second.size(), *second.hash(), first.size(), *first.hash())
        .expect("the log only grew");
    city.stop();
}
