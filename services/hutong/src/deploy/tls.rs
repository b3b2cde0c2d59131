//! Development certificates: an authority of the city's own and a certificate for its servers, made where none are.
//!
//! A city in earnest brings its own `ca.pem`, `server.pem` and `server.key`; what is there is never replaced.

use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use super::{Error, files};

const AUTHORITY: &str = "ca.pem";
const CERTIFICATE: &str = "server.pem";
const KEY: &str = "server.key";

/// Makes `ca.pem`, `server.pem` and `server.key` for servers of these names, unless they are there. The authority's
/// key is forgotten: nobody can make further certificates of it.
pub(super) fn make(folder: &Path, names: Vec<String>) -> Result<(), Error> {
    if folder.join(CERTIFICATE).exists() {
        return Ok(());
    }
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    authority.distinguished_name.push(DnType::CommonName, "Hutong development authority");
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate()?;
    let mut server = CertificateParams::new(names)?;
    server.distinguished_name.push(DnType::CommonName, "Hutong development broker");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Servers of a cluster are each other's clients.
    server.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    server.use_authority_key_identifier_extension = true;
    let certificate = server.signed_by(&key, &issuer)?;
    files::write(&folder.join(AUTHORITY), authority_certificate.pem().as_bytes(), files::PUBLIC)?;
    files::write(&folder.join(KEY), key.serialize_pem().as_bytes(), files::SECRET)?;
    // Last: it says that the others are there.
    files::write(&folder.join(CERTIFICATE), certificate.pem().as_bytes(), files::PUBLIC)
}

/// The authority that clients check the servers' certificates against.
pub(super) fn authority(folder: &Path) -> std::path::PathBuf {
    folder.join(AUTHORITY)
}
