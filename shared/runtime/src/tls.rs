//! TLS as a client: to the machine's trusted roots (SSL_CERT_FILE and SSL_CERT_DIR name others), by ring.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};

use crate::Error;

/// A client that trusts what this machine trusts. Where it is never used, it need not read that: `roots` is false then,
/// and no server is trusted.
pub fn client(roots: bool) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let store = if roots { trusted() } else { RootCertStore::empty() };
    Ok(config.map_err(Error::Tls)?.with_root_certificates(store).with_no_client_auth())
}

/// The machine's roots. Without any, nothing is reached over TLS, and each attempt says so; the rest goes on.
fn trusted() -> RootCertStore {
    let mut store = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "a trusted root of this machine cannot be read");
    }
    let (added, ignored) = store.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(ignored, "this machine has no trusted roots: nothing can be reached over TLS");
    }
    store
}
