//! Reading sealed fields, the one way there is: an access transaction in the agency's name, final first; then what the
//! vault releases against it, opened with the agency's sealing key and checked against the commitments on the ledger.

use std::fmt;

use bytes::Bytes;
use hutong_disclosure::{commitment, records};
use hutong_keys::SealingKey;
use hutong_ledger::{
    id::{ChainId, Domain, RecordId, TxId},
    sealed::SALT_BYTES,
};
use hutong_peer::vault::{RELEASE_INFO, Released, release_aad};
use hutong_wire::{
    prost::Message,
    v1::{
        disclosure::{Access, Action, Basis, Envelope, RequestAccess, action::Kind},
        vault::Opening,
    },
};

use crate::{Desk, Error};

/// What an official wants to read, and why.
#[derive(Clone, Debug)]
pub struct Ask {
    pub record: RecordId,
    pub fields: Vec<String>,
    pub purpose: String,
    /// On what it rests: an agreement, a consent, an emergency, the owner's duty.
    pub basis: Basis,
    /// The pseudonym of the official.
    pub official: String,
    /// Under a court's order: what the access was is shown to the subject from then on. 0: at once.
    pub sealed_until_ms: u64,
}

/// What was read.
#[derive(Clone)]
pub struct Disclosed {
    /// The access, whose receipt says that it was allowed.
    pub access: TxId,
    /// By field name, each checked against its commitment.
    pub fields: Vec<(String, Bytes)>,
}

impl fmt::Debug for Disclosed {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disclosed").field("access", &self.access).finish_non_exhaustive()
    }
}

/// Why a release is of no use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    #[error(
        "it does not open with this agency's sealing key for this access: it was sealed to another key, or altered"
    )]
    Unopened,
    #[error("what is inside is no opening")]
    Malformed,
    #[error("it opens other fields than the access names")]
    OtherFields,
    #[error("a value does not fit its commitment on the ledger: {0}")]
    Mismatch(String),
    #[error(
        "the agency's storage has no such access: it does not host the domain, or the access is not final"
    )]
    NoAccess,
}

/// Opens a release. What is inside is still to be compared with the commitments of the access: [`check_opening`].
pub fn open_release(key: &SealingKey, chain: ChainId, released: &Released) -> Result<Opening, Unread> {
    let aad = release_aad(chain, &released.access);
    let plain = key.open(&released.encapsulated, RELEASE_INFO, &aad, &released.ciphertext);
    let plain = plain.map_err(|_| Unread::Unopened)?;
    Opening::decode(&plain[..]).map_err(|_| Unread::Malformed)
}

/// The values of an opening, if they are exactly those that an access of the domain names, each fitting its commitment.
pub fn check_opening(
    domain: Domain,
    access: &Access,
    opening: Opening,
) -> Result<Vec<(String, Bytes)>, Unread> {
    let record: RecordId = access.record.parse().map_err(|_| Unread::Malformed)?;
    let named = access.fields.iter().map(|field| &field.name);
    if !named.eq(opening.fields.iter().map(|field| &field.name)) {
        return Err(Unread::OtherFields);
    }
    let mut values = Vec::with_capacity(opening.fields.len());
    for (field, wanted) in opening.fields.into_iter().zip(&access.fields) {
        let salt: [u8; SALT_BYTES] = field.salt[..].try_into().map_err(|_| Unread::Malformed)?;
        if commitment(domain, &record, &field.name, &salt, &field.value).0 != wanted.commitment[..] {
            return Err(Unread::Mismatch(field.name));
        }
        values.push((field.name, field.value));
    }
    Ok(values)
}

impl Desk {
    /// Asks for sealed fields of a record and reads them. The access is on the ledger, whatever comes of it.
    pub async fn disclose(&self, domain: Domain, ask: Ask) -> Result<Disclosed, Error> {
        let mut fields = ask.fields;
        fields.sort_unstable();
        fields.dedup();
        let request = RequestAccess {
            record: ask.record.to_string(),
            fields,
            purpose: ask.purpose,
            basis: Some(ask.basis),
            sealed_until_ms: ask.sealed_until_ms,
        };
        let action = Envelope { disclosure: Some(Action { kind: Some(Kind::RequestAccess(request)) }) };
        let done = self.submit(domain, action.encode_to_vec().into(), &ask.official).await?;
        let released = self.vault_of(domain).await?.release(done.id).await?;
        self.read_released(&released).await
    }

    /// Opens what a vault released to this agency, and checks it against the access as its own storage has it.
    pub async fn read_released(&self, released: &Released) -> Result<Disclosed, Error> {
        let opening = open_release(&self.0.sealing, self.0.chain, released)?;
        let found = self.0.storage.transaction(released.access).await?.ok_or(Unread::NoAccess)?;
        let name = records::access(&released.access);
        let change = found.changes.iter().find(|change| change.record == name).ok_or(Unread::NoAccess)?;
        let value = change.value.as_deref().ok_or(Unread::NoAccess)?;
        let access = Access::decode(value).map_err(|_| Unread::Malformed)?;
        let fields = check_opening(found.domain, &access, opening)?;
        Ok(Disclosed { access: released.access, fields })
    }
}

#[cfg(test)]
mod tests {
    use hutong_keys::seal;
    use hutong_ledger::{hash::Hash, id::KeyId};
    use hutong_wire::v1::{disclosure::SealedField, vault::OpenedField};

    use super::*;

    const SALT: [u8; 16] = [5; 16];

    fn chain(name: &str) -> ChainId {
        format!("{name}-0011223344556677").parse().unwrap()
    }

    fn domain() -> Domain {
        "health".parse().unwrap()
    }

    fn access() -> Access {
        let field = |name: &str, value: &[u8]| {
            let Hash(hash) = commitment(domain(), &"chart/7".parse().unwrap(), name, &SALT, value);
            SealedField { name: name.into(), commitment: hash.to_vec().into() }
        };
        Access {
            record: "chart/7".into(),
            fields: vec![field("name", b"Zhang San"), field("phone", b"139")],
            ..Access::default()
        }
    }

    fn opening() -> Opening {
        let field = |name: &str, value: &'static [u8]| OpenedField {
            name: name.into(),
            salt: SALT.to_vec().into(),
            value: Bytes::from_static(value),
        };
        Opening { fields: vec![field("name", b"Zhang San"), field("phone", b"139")] }
    }

    fn released(key: &SealingKey) -> Released {
        let access = TxId([3; 38]);
        let aad = release_aad(chain("city"), &access);
        let sealed = seal(&key.public().0, RELEASE_INFO, &aad, &opening().encode_to_vec());
        let (encapsulated, ciphertext) = sealed.unwrap();
        let encapsulated = encapsulated.to_vec().into();
        Released { access, key: KeyId::of(&key.public().0), encapsulated, ciphertext: ciphertext.into() }
    }

    #[test]
    fn a_release_opens_for_its_key_chain_and_access_alone() {
        let (key, other) = (SealingKey::from_seed(&[1; 32]), SealingKey::from_seed(&[2; 32]));
        let released = released(&key);
        assert_eq!(open_release(&key, chain("city"), &released), Ok(opening()));
        assert_eq!(open_release(&other, chain("city"), &released), Err(Unread::Unopened));
        assert_eq!(open_release(&key, chain("town"), &released), Err(Unread::Unopened));
        let elsewhere = Released { access: TxId([4; 38]), ..released };
        assert_eq!(open_release(&key, chain("city"), &elsewhere), Err(Unread::Unopened));
    }

    #[test]
    fn values_are_those_that_were_committed_to() {
        let values = check_opening(domain(), &access(), opening()).unwrap();
        assert_eq!(values[0], ("name".into(), Bytes::from_static(b"Zhang San")));
        let mut other = opening();
        other.fields[1].value = Bytes::from_static(b"138");
        assert_eq!(check_opening(domain(), &access(), other), Err(Unread::Mismatch("phone".into())));
        let mut salted = opening();
        salted.fields[0].salt = vec![6; 16].into();
        assert_eq!(check_opening(domain(), &access(), salted), Err(Unread::Mismatch("name".into())));
        let elsewhere = "property".parse().unwrap();
        assert_eq!(check_opening(elsewhere, &access(), opening()), Err(Unread::Mismatch("name".into())));
        for cut in [1, 0] {
            let less = Opening { fields: opening().fields[..cut].to_vec() };
            assert_eq!(check_opening(domain(), &access(), less), Err(Unread::OtherFields));
        }
        let more = Opening { fields: [opening().fields, opening().fields].concat() };
        assert_eq!(check_opening(domain(), &access(), more), Err(Unread::OtherFields));
        let shown = format!("{:?}", Disclosed { access: TxId([3; 38]), fields: values });
        assert!(!shown.contains("Zhang"), "{shown}");
    }
}
