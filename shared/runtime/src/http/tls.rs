//! TLS at the port: a certificate and its key from files, read again when they change, so that a renewed certificate needs no
//! restart.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use parking_lot::RwLock;
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsAcceptor;

use crate::{Error, SharedClock};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(30);

/// The port's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    /// PEM: the certificate, then those that lead from it to a root.
    pub certificate: PathBuf,
    /// PEM: its private key.
    pub key: PathBuf,
}

/// What keeps a certificate from use.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    #[error("{path}: {source}")]
    File {
        path: PathBuf,
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    #[error("{0}: there is no certificate in it")]
    Empty(PathBuf),
    #[error("{certificate} and {key} can't be used together: {source}", certificate = settings.certificate.display(), key = settings.key.display())]
    Unfit {
        settings: TlsSettings,
        #[source]
        source: rustls::Error,
    },
    #[error(transparent)]
    Provider(#[from] rustls::Error),
}

/// The certificate in use.
#[derive(Debug)]
pub(super) struct Certificate {
    settings: TlsSettings,
    provider: CryptoProvider,
    held: RwLock<Held>,
}

#[derive(Debug)]
struct Held {
    key: Arc<CertifiedKey>,
    changed: Changed,
}

/// When the files were written last.
type Changed = [Option<SystemTime>; 2];

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.held.read().key.clone())
    }
}

impl Certificate {
    pub(super) fn load(settings: &TlsSettings) -> Result<Arc<Self>, Error> {
        let provider = rustls::crypto::ring::default_provider();
        let changed = changed(settings);
        let key = read(settings, &provider).map_err(|fault| Error::Certificate(Box::new(fault)))?;
        let held = RwLock::new(Held { key, changed });
        Ok(Arc::new(Self { settings: settings.clone(), provider, held }))
    }

    /// What takes a handshake.
    pub(super) fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, Error> {
        let failed = |error: rustls::Error| Error::Certificate(Box::new(error.into()));
        let config = ServerConfig::builder_with_provider(Arc::new(self.provider.clone()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?;
        let mut config = config.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they change; forever.
    pub(super) async fn follow(self: Arc<Self>, clock: SharedClock) {
        loop {
            clock.sleep(LOOK).await;
            let looking = self.clone();
            // A reader that panics has changed nothing.
            let _ = tokio::task::spawn_blocking(move || looking.refresh()).await;
        }
    }

    /// What can't be used is told and tried again when it changes; the certificate that was in use stays.
    fn refresh(&self) {
        let changed = changed(&self.settings);
        if changed == self.held.read().changed {
            return;
        }
        match read(&self.settings, &self.provider) {
            Ok(key) => {
                *self.held.write() = Held { key, changed };
                tracing::info!(certificate = %self.settings.certificate.display(), "the certificate was renewed");
            }
            Err(error) => {
                self.held.write().changed = changed;
                tracing::error!(%error, "the new certificate can't be used; the one before stays in use");
            }
        }
    }
}

fn changed(settings: &TlsSettings) -> Changed {
    let written = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    [written(&settings.certificate), written(&settings.key)]
}

fn read(settings: &TlsSettings, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, TlsFault> {
    let file = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsFault::File { path, source }
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&settings.certificate)
        .map_err(file(&settings.certificate))?
        .collect::<Result<_, _>>()
        .map_err(file(&settings.certificate))?;
    if chain.is_empty() {
        return Err(TlsFault::Empty(settings.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&settings.key).map_err(file(&settings.key))?;
    let certified = CertifiedKey::from_der(chain, key, provider);
    let unfit = |source| TlsFault::Unfit { settings: settings.clone(), source };
    Ok(Arc::new(certified.map_err(unfit)?))
}

#[cfg(test)]
mod tests {
    use rcgen::CertifiedKey as Made;

    use super::*;

    fn write(settings: &TlsSettings, name: &str) -> Vec<u8> {
        let Made { cert, signing_key } = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        fs::write(&settings.certificate, cert.pem()).unwrap();
        fs::write(&settings.key, signing_key.serialize_pem()).unwrap();
        cert.der().to_vec()
    }

    fn age(settings: &TlsSettings, seconds: u64) {
        let file = fs::File::options().append(true).open(&settings.certificate).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
    }

    #[test]
    fn a_renewed_certificate_is_taken_and_a_spoilt_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            TlsSettings { certificate: folder.path().join("tls.crt"), key: folder.path().join("tls.key") };
        assert!(matches!(Certificate::load(&settings), Err(Error::Certificate(_))));
        let first = write(&settings, "one.example");
        age(&settings, 1);
        let certificate = Certificate::load(&settings).unwrap();
        let in_use = || certificate.held.read().key.cert[0].to_vec();
        let key = fs::read(&settings.key).unwrap();
        let second = write(&settings, "two.example");
        let second_key = fs::read(&settings.key).unwrap();
        fs::write(&settings.key, &key).unwrap();
        age(&settings, 2);
        certificate.refresh();
        assert_eq!(in_use(), first, "a key of another certificate");
        fs::write(&settings.key, second_key).unwrap();
        age(&settings, 3);
        certificate.refresh();
        assert_eq!(in_use(), second);
        fs::write(&settings.certificate, "no certificate").unwrap();
        age(&settings, 4);
        certificate.refresh();
        assert_eq!(in_use(), second);
    }
}
