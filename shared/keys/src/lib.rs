//! Ed25519 signing, batch verification that agrees everywhere, and key files.
