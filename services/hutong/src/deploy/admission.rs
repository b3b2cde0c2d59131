//! A newcomer's user at the broker. The newcomer makes its nkey itself and hands over the public half, in a statement that
//! it signs with the signing key that membership names: who hands the file on cannot put another user in its place.

use std::{fs, path::Path};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hutong_keys::{PublicKey, SigningKey, sign_claims, verify_strict};
use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::{AgencyId, ChainId},
};
use serde_json::{Value, json};

use super::{Error, files};

/// No bearer token: it is for nobody but who configures the broker of this chain.
fn audience(chain: &ChainId) -> String {
    format!("{chain}/broker")
}

/// The statement (a JWT).
pub fn state(chain: &ChainId, agency: &AgencyId, user: &str, key: &SigningKey) -> String {
    sign_claims(key, &json!({ "aud": audience(chain), "sub": agency, "user": user }))
}

/// Whose user a statement names, and which, if a signing key of that agency in this epoch signed it.
pub fn read(statement: &str, chain: &ChainId, epoch: &Epoch) -> Result<(AgencyId, String), Error> {
    let refused =
        |agency: &str, reason: &str| Error::Admission { agency: agency.into(), reason: reason.into() };
    let malformed = || refused("the agency", "the statement about its broker's user is malformed");
    let (signed, signature) = statement.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let part =
        |text: &str| -> Option<Value> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok() };
    let (header, claims) = part(header).zip(part(claims)).ok_or_else(malformed)?;
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let agency = text(&claims, "sub").ok_or_else(malformed)?;
    let id: AgencyId = agency.parse().map_err(|_| malformed())?;
    if text(&claims, "aud") != Some(audience(chain)) {
        return Err(refused(&agency, "the statement about its broker's user is for another city"));
    }
    let key = text(&header, "kid").and_then(|key| key.parse().ok()).ok_or_else(malformed)?;
    let public = epoch.key(&id, Purpose::Signing, &key);
    let public =
        public.ok_or_else(|| refused(&agency, "membership does not name the key that signed for it yet"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
    if !verify_strict(&PublicKey(public), signed.as_bytes(), &signature) {
        return Err(refused(&agency, "the statement about its broker's user was changed"));
    }
    let user = text(&claims, "user").ok_or_else(malformed)?;
    if nkeys::KeyPair::from_public_key(&user).is_err() || !user.starts_with('U') {
        return Err(refused(&agency, "what it names is not the public key of a user"));
    }
    Ok((id, user))
}

/// Remembers an admitted user beside the servers' configuration.
pub fn admit(nats: &Path, agency: &AgencyId, user: &str) -> Result<(), Error> {
    files::write(&file(nats, agency), user.as_bytes(), files::PUBLIC)
}

/// The user of an agency that was admitted.
pub(super) fn admitted(nats: &Path, agency: &AgencyId) -> Result<String, Error> {
    let path = file(nats, agency);
    if !path.exists() {
        return Err(Error::NoUser { agency: agency.to_string() });
    }
    let user = fs::read_to_string(&path).map_err(|source| Error::io(&path, source))?;
    Ok(user.trim().to_owned())
}

fn file(nats: &Path, agency: &AgencyId) -> std::path::PathBuf {
    nats.join("users").join(format!("{agency}.pub"))
}

#[cfg(test)]
mod tests {
    use hutong_ledger::epoch::{Agency, Key};

    use super::*;

    #[test]
    fn a_user_is_taken_from_who_membership_names_and_from_nobody_else() {
        let chain: ChainId = "city-0011223344556677".parse().unwrap();
        let agency: AgencyId = "newcomer".parse().unwrap();
        let key = SigningKey::from_seed(&[3; 32]);
        let keys = vec![Key { purpose: Purpose::Signing, public: key.public().0 }];
        let member = Agency { id: agency, name: "Newcomer".into(), validating: false, keys };
        let epoch = Epoch {
            number: 1,
            from_height: 2,
            agencies: vec![member],
            domains: Vec::new(),
            orderers: Vec::new(),
        };
        let user = nkeys::KeyPair::new_user().public_key();
        let statement = state(&chain, &agency, &user, &key);
        assert_eq!(read(&statement, &chain, &epoch).unwrap(), (agency, user.clone()));
        let said = |statement: &str, chain: &ChainId| read(statement, chain, &epoch).unwrap_err().to_string();
        let other = "town-0011223344556677".parse().unwrap();
        assert!(said(&statement, &other).contains("another city"));
        let forged = state(&chain, &agency, &user, &SigningKey::from_seed(&[4; 32]));
        assert!(said(&forged, &chain).contains("does not name the key"));
        let (head, rest) = statement.split_once('.').unwrap();
        let (_, signature) = rest.split_once('.').unwrap();
        let claims = json!({ "aud": audience(&chain), "sub": agency, "user": "UOTHER" }).to_string();
        let changed = format!("{head}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims));
        assert!(said(&changed, &chain).contains("was changed"));
        assert!(said(&state(&chain, &agency, "UOTHER", &key), &chain).contains("not the public key"));
        for nonsense in ["", "a.b.c", "..", &statement[1..]] {
            assert!(said(nonsense, &chain).contains("malformed"), "{nonsense}");
        }
    }

    #[test]
    fn who_was_not_admitted_has_no_user() {
        let folder = tempfile::tempdir().unwrap();
        let agency: AgencyId = "newcomer".parse().unwrap();
        assert!(matches!(admitted(folder.path(), &agency), Err(Error::NoUser { .. })));
        admit(folder.path(), &agency, "UABC").unwrap();
        assert_eq!(admitted(folder.path(), &agency).unwrap(), "UABC");
    }
}
