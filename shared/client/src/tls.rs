//! HTTP clients over TLS by ring, to the machine's trusted roots (SSL_CERT_FILE and SSL_CERT_DIR name others).

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, crypto::ring};

use crate::Error;

/// A client for calls to this address. The roots are read only where the address needs them.
pub fn http(url: &str) -> Result<reqwest::ClientBuilder, Error> {
    let mut roots = RootCertStore::empty();
    if url.starts_with("https:") {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "a trusted root of this machine cannot be read");
        }
        if roots.add_parsable_certificates(found.certs).0 == 0 {
            return Err(Error::NoRoots);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().map_err(Error::Tls)?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    Ok(reqwest::Client::builder().tls_backend_preconfigured(config))
}
