//! Key files as an operator meets them: written once, private, and refused when anything is off.

use std::{fs, os::unix::fs::PermissionsExt as _};

use hutong_keys::{Error, KeyFile, Purpose};

fn mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}

#[test]
fn what_is_written_is_loaded() {
    let folder = tempfile::tempdir().unwrap();
    for purpose in [Purpose::Signing, Purpose::Host, Purpose::Orderer, Purpose::Sealing] {
        let path = folder.path().join(format!("{purpose}.toml"));
        let key = KeyFile::generate("land-registry", purpose).unwrap();
        key.write(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let back = KeyFile::load(&path).unwrap();
        assert_eq!((back.agency.as_str(), back.purpose), ("land-registry", purpose));
        assert_eq!((back.public(), back.seed()), (key.public(), key.seed()));
    }
    // No temporary file stays behind.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4);
}

#[test]
fn a_key_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.toml");
    let first = KeyFile::generate("a", Purpose::Host).unwrap();
    first.write(&path).unwrap();
    let second = KeyFile::generate("a", Purpose::Host).unwrap();
    assert!(matches!(second.write(&path), Err(Error::Exists { .. })));
    assert_eq!(KeyFile::load(&path).unwrap().public(), first.public());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.toml");
    KeyFile::generate("a", Purpose::Signing).unwrap().write(&path).unwrap();
    for open in [0o640, 0o604, 0o660, 0o601] {
        mode(&path, open);
        assert!(matches!(KeyFile::load(&path), Err(Error::Readable { mode, .. }) if mode == open));
    }
    mode(&path, 0o400);
    KeyFile::load(&path).unwrap();
}

#[test]
fn a_tampered_file_is_refused_without_showing_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.toml");
    let key = KeyFile::from_seed("a", Purpose::Signing, &[0x5a; 32]);
    key.write(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let other = KeyFile::from_seed("a", Purpose::Signing, &[1; 32]);
    let attempts = [
        text.replace(&key.public().to_string(), &other.public().to_string()),
        text.replace(&key.key_id(), &other.key_id()),
        text.replace("\"signing\"", "\"sealing\""),
        text.replace("\"signing\"", "\"master\""),
        text.replace("5a5a\"", "5a\""),
        text.replace("5a5a\"", "5a5"),
        text.replace("seed = \"5a", "seed = \"xx"),
        format!("{text}more = 1\n"),
        "5a5a".repeat(4000),
        String::new(),
    ];
    for attempt in attempts {
        fs::write(&path, &attempt).unwrap();
        let error = KeyFile::load(&path).unwrap_err();
        assert!(matches!(error, Error::Mismatch { .. } | Error::Malformed { .. }), "{error}");
        assert!(!format!("{error} {error:?}").contains("5a5a"), "{error:?}");
    }
    let later = text.replace("version = 1", "version = 2");
    assert_ne!(later, text, "the file says its version");
    fs::write(&path, later + "more = \"as later versions have\"\n").unwrap();
    assert!(matches!(KeyFile::load(&path), Err(Error::Version { found: 2, known: 1, .. })));
    fs::write(&path, text.replace("version = 1\n", "")).unwrap();
    KeyFile::load(&path).expect("files from before versions are of the first");
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(KeyFile::load(&path), Err(Error::Io { .. })));
}

#[test]
fn sealing_keys_are_x25519_and_do_not_sign() {
    // RFC 7748, section 6.1: Bob's key pair.
    let mut seed = [0; 32];
    hex::decode_to_slice("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb", &mut seed)
        .unwrap();
    let key = KeyFile::from_seed("a", Purpose::Sealing, &seed);
    assert_eq!(key.public().to_string(), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
    assert!(matches!(key.signing_key(), Err(Error::NotForSigning { purpose: Purpose::Sealing })));
    assert!(!format!("{key:?}").contains("5dab08"));
}
