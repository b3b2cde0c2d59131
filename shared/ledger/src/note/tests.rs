//! Notes, keys and checkpoints against the published vector, against each other, and against hostile bytes.

use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::*;
use crate::hash::{Hash, sha256};

const ORIGIN: &str = "ledger.test/beijing";
const VKEY: &str = "ledger.test/beijing+943d2b9d+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    pub(crate) key: VerifierKey,
}

impl Signer {
    /// The key pair whose seed is 32 bytes that count up from `first`.
    pub(crate) fn new(name: &str, algorithm: Algorithm, first: u8) -> Self {
        let seed: Vec<u8> = (0..32).map(|i| first.wrapping_add(i)).collect();
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = pair.public_key().as_ref().try_into().unwrap();
        Self { pair, key: VerifierKey::new(name, algorithm, public).unwrap() }
    }

    pub(crate) fn sign(&self, text: &str, time_s: u64) -> NoteSignature {
        let raw = |message: &[u8]| <[u8; 64]>::try_from(self.pair.sign(message).as_ref()).unwrap();
        match self.key.algorithm() {
            Algorithm::Ed25519 => self.key.signature(&raw(text.as_bytes())),
            Algorithm::CosignatureV1 => {
                self.key.cosignature(time_s, &raw(&cosignature_message(text, time_s)))
            }
        }
    }
}

fn checkpoint() -> Checkpoint {
    let root = "rrsCfVw90Ihx7lJXemH8gxItDRQ1J5GUNjm9TBLTaUM=";
    let root = Hash(BASE64_STANDARD.decode(root).unwrap().try_into().unwrap());
    let (block, state) = (sha256(&[b"block"]), sha256(&[b"state"]));
    Checkpoint { origin: ORIGIN.into(), size: 300, root, height: 7, block, state, view: 0 }
}

fn signed() -> (SignedNote, Vec<VerifierKey>) {
    let text = checkpoint().to_string();
    let mut note = SignedNote::new(text.clone()).unwrap();
    let owner = Signer::new(ORIGIN, Algorithm::Ed25519, 0);
    let host = Signer::new("ledger.test/host/water", Algorithm::CosignatureV1, 1);
    assert!(note.add(owner.sign(&text, 0)));
    assert!(note.add(host.sign(&text, 1_700_000_000)));
    (note, vec![owner.key, host.key])
}

#[test]
fn the_published_verifier_key_is_ours() {
    let key = Signer::new(ORIGIN, Algorithm::Ed25519, 0).key;
    assert_eq!(key.to_string(), VKEY);
    assert_eq!(VKEY.parse(), Ok(key));
}

#[test]
fn other_spellings_of_a_verifier_key_are_refused() {
    let upper = VKEY.replace("943d2b9d", "943D2B9D");
    let id = VKEY.replace("943d2b9d", "943d2b9e");
    let name = VKEY.replace("beijing", "bei jing");
    let cut = &VKEY[..VKEY.len() - 4];
    let padded = format!("{VKEY}=");
    let algorithm = VKEY.replace("+AQOh", "+AgOh");
    for text in ["", "+", "++", &upper, &id, &name, cut, &padded, &algorithm, "a+b+", "a+00000000+AQ=="] {
        assert!(text.parse::<VerifierKey>().is_err(), "{text}");
    }
}

#[test]
fn a_note_of_the_go_implementation_is_read_and_holds() {
    let key: VerifierKey =
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW".parse().unwrap();
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let parsed: SignedNote = note.parse().unwrap();
    assert_eq!(parsed.to_string(), note);
    assert_eq!(parsed.verify(std::slice::from_ref(&key)).unwrap(), [Signed { key: &key, time_s: None }]);
}

#[test]
fn a_checkpoint_has_one_text() {
    let text = checkpoint().to_string();
    let base64 = |word: &[u8]| BASE64_STANDARD.encode(sha256(&[word]).0);
    let (block, state) = (base64(b"block"), base64(b"state"));
    let root = "rrsCfVw90Ihx7lJXemH8gxItDRQ1J5GUNjm9TBLTaUM=";
    let lines = format!("height 7\nblock {block}\nstate {state}\nview 0\n");
    assert_eq!(text, format!("ledger.test/beijing\n300\n{root}\n{lines}"));
    assert_eq!(text.parse(), Ok(checkpoint()));
    let bad = [
        String::new(),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!("{text}more\n"),
        text.replace("\n300\n", "\n0300\n"),
        text.replace("\n300\n", "\n+300\n"),
        text.replace("\n300\n", "\n18446744073709551616\n"),
        text.replace("height 7", "height  7"),
        text.replace("height 7\n", ""),
        text.replace("view 0\n", ""),
        text.replace("view 0", "view 4294967296"),
        text.replace("height", "Height"),
        text.replace("aUM=", "aUM"),
        text.replace("aUM=", "aUN="),
        text.replace('\n', "\r\n"),
        text.replace("ledger.test/beijing", ""),
        text.replace("ledger.test/beijing", "ledger test"),
    ];
    for text in bad {
        assert!(text.parse::<Checkpoint>().is_err(), "{text}");
    }
}

#[test]
fn signatures_fit_and_tell_their_time() {
    let (note, keys) = signed();
    let signed = note.verify(&keys).unwrap();
    assert_eq!(signed.iter().map(|s| s.time_s).collect::<Vec<_>>(), [None, Some(1_700_000_000)]);
    // A key that is not asked for is passed over; the same public key under another algorithm is another key.
    assert_eq!(note.verify(&keys[1..]).unwrap().len(), 1);
    let other = VerifierKey::new(keys[1].name(), Algorithm::Ed25519, *keys[1].public_key()).unwrap();
    assert_eq!(note.verify(&[other]).unwrap(), []);
}

#[test]
fn a_signer_counts_once() {
    let text = checkpoint().to_string();
    let (first, second) = (
        Signer::new("a/host/b", Algorithm::CosignatureV1, 1),
        Signer::new("a/host/b", Algorithm::CosignatureV1, 2),
    );
    let mut note = SignedNote::new(text.clone()).unwrap();
    assert!(note.add(first.sign(&text, 5)));
    assert!(!note.add(first.sign(&text, 6)));
    assert!(note.add(second.sign(&text, 7)));
    let twice = format!("{note}{}\n", first.sign(&text, 6));
    let note: SignedNote = twice.parse().unwrap();
    assert_eq!(note.signatures().len(), 3);
    let keys = [first.key, second.key];
    assert_eq!(note.verify(&keys).unwrap(), [Signed { key: &keys[0], time_s: Some(5) }]);
}

#[test]
fn a_false_signature_of_a_key_in_use_fails_the_note() {
    let (note, keys) = signed();
    let altered = note.to_string().replace("height 7", "height 8");
    let altered: SignedNote = altered.parse().unwrap();
    assert_eq!(altered.verify(&keys), Err(BadSignature { name: ORIGIN.into() }));

    let text = checkpoint().to_string();
    let host = Signer::new("a/host/b", Algorithm::CosignatureV1, 1);
    let mut late = SignedNote::new(text.clone()).unwrap();
    late.add(host.sign(&text, 1 << 63));
    assert!(late.verify(&[host.key]).is_err());
}

#[test]
fn malformed_notes_are_refused() {
    let (note, _) = signed();
    let note = note.to_string();
    let line = note.lines().last().unwrap();
    let bad = [
        String::new(),
        "\n\n".into(),
        note.trim_end().to_owned(),
        format!("{note}\n"),
        format!("{note}x\n"),
        note.replace("\n\n", "\n"),
        note.replace('—', "-"),
        note.replace("— ", "—"),
        note.replace("\n\n— ", "\n\n—  "),
        note.replace("height 7", "height\t7"),
        note.replace("height 7", "height\u{0}7"),
        note.replace("— ledger.test/host", "— ledger.test+host"),
        format!("text\n\n{line}= \n"),
        "text\n\n— name AAAAAA==\n".into(),
        "text\n\n— name AAAAAAB=\n".into(),
        format!("{}\n{}", "x".repeat(NOTE_BYTES_MAX), note),
        format!("text\n\n{}", format!("{line}\n").repeat(SIGNATURES_MAX + 1)),
    ];
    for text in bad {
        assert!(text.parse::<SignedNote>().is_err(), "{}", &text[..text.len().min(400)]);
    }
    assert!(SignedNote::new("").is_err());
    assert!(SignedNote::new("no end").is_err());
}

proptest! {
    #[test]
    fn hostile_text_never_panics_and_round_trips(text in "(.|\n|— |[A-Za-z0-9+/=]{8}|\n\n){0,40}") {
        if let Ok(note) = text.parse::<SignedNote>() {
            prop_assert_eq!(note.to_string(), text.clone());
            prop_assert!(note.verify(&signed().1).is_ok_and(|signed| signed.is_empty()));
        }
        if let Ok(checkpoint) = text.parse::<Checkpoint>() {
            prop_assert_eq!(checkpoint.to_string(), text.clone());
        }
        if let Ok(key) = text.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn an_altered_note_never_passes_whole(at: prop::sample::Index, bit in 0..8_u32) {
        let (note, keys) = signed();
        let mut bytes = note.to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        if let Ok(altered) = text.parse::<SignedNote>() {
            prop_assert_eq!(altered.to_string(), text);
            prop_assert!(altered.verify(&keys).map_or(true, |signed| signed.len() < 2));
        }
    }

    #[test]
    fn checkpoints_round_trip(size: u64, height: u64, view: u32, root: [u8; 32], block: [u8; 32], state: [u8; 32], origin in "[a-z0-9./-]{1,40}") {
        let checkpoint = Checkpoint { origin, size, root: Hash(root), height, block: Hash(block), state: Hash(state), view };
        prop_assert_eq!(checkpoint.to_string().parse(), Ok(checkpoint));
    }
}
