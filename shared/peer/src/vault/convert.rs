//! Vault calls as messages of `proto/hutong/v1/vault.proto`, and back.

use bytes::Bytes;
use hutong_ledger::{
    hash::Hash,
    id::{KeyId, RecordKey, TxId},
};
use hutong_wire::v1::vault as v1;

use super::{Handle, Released, ToSeal, VaultError};

/// The code under which a vault says that it cannot answer now.
const UNAVAILABLE: &str = "unavailable";

/// What part of a message is wrong; it never says what stands there.
pub(super) type Bad = &'static str;

pub(super) fn seal(values: ToSeal) -> v1::Seal {
    v1::Seal {
        domain: values.record.domain.to_string(),
        record: values.record.record.to_string(),
        subjects: values.subjects.iter().map(|handle| Bytes::copy_from_slice(handle)).collect(),
        values: values.values.into_iter().map(|(name, value)| v1::Value { name, value }).collect(),
    }
}

pub(super) fn to_seal(seal: v1::Seal) -> Result<ToSeal, Bad> {
    let domain = seal.domain.parse().map_err(|_| "seal.domain")?;
    let record = seal.record.parse().map_err(|_| "seal.record")?;
    let subjects = seal.subjects.iter().map(|handle| to_handle(handle)).collect::<Result<_, _>>()?;
    let values = seal.values.into_iter().map(|value| (value.name, value.value)).collect();
    Ok(ToSeal { record: RecordKey { domain, record }, subjects, values })
}

pub(super) fn to_handle(bytes: &[u8]) -> Result<Handle, Bad> {
    bytes.try_into().map_err(|_| "handle")
}

pub(super) fn commitments(commitments: Vec<(String, Hash)>) -> v1::Sealed {
    let commitment =
        |(name, hash): (String, Hash)| v1::Commitment { name, commitment: hash.0.to_vec().into() };
    v1::Sealed { commitments: commitments.into_iter().map(commitment).collect() }
}

pub(super) fn to_commitments(sealed: v1::Sealed) -> Result<Vec<(String, Hash)>, Bad> {
    let commitment = |commitment: v1::Commitment| {
        let hash = commitment.commitment[..].try_into().map_err(|_| "sealed.commitments")?;
        Ok((commitment.name, Hash(hash)))
    };
    sealed.commitments.into_iter().map(commitment).collect()
}

pub(super) fn to_access(bytes: &[u8]) -> Result<TxId, Bad> {
    bytes.try_into().map(TxId).map_err(|_| "access")
}

/// A release as a message: what a vault keeps, and what goes over the bus.
pub fn released(released: &Released) -> v1::Released {
    v1::Released {
        access: Bytes::copy_from_slice(&released.access.0),
        key: Bytes::copy_from_slice(&released.key.0),
        encapsulated: released.encapsulated.clone(),
        ciphertext: released.ciphertext.clone(),
    }
}

/// A release from its message; the error names the field that is wrong.
pub fn to_released(released: v1::Released) -> Result<Released, &'static str> {
    Ok(Released {
        access: to_access(&released.access)?,
        key: released.key[..].try_into().map(KeyId).map_err(|_| "released.key")?,
        encapsulated: released.encapsulated,
        ciphertext: released.ciphertext,
    })
}

pub(super) fn error(error: VaultError) -> v1::Refused {
    match error {
        VaultError::Refused { code, message } => v1::Refused { code, message },
        VaultError::Unavailable(message) => v1::Refused { code: UNAVAILABLE.into(), message },
    }
}

pub(super) fn to_error(refused: v1::Refused) -> VaultError {
    match refused {
        v1::Refused { code, message } if code == UNAVAILABLE => VaultError::Unavailable(message),
        v1::Refused { code, message } => VaultError::Refused { code, message },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_what_arrives() {
        let record: RecordKey = "health/chart/7".parse().unwrap();
        let values = vec![("name".to_owned(), Bytes::from_static(b"Zhang San"))];
        let back = to_seal(seal(ToSeal { record: record.clone(), subjects: vec![[7; 16]], values })).unwrap();
        assert_eq!((back.record, back.subjects), (record, vec![[7; 16]]));
        assert_eq!(back.values[0].1, "Zhang San");

        let all = vec![("name".to_owned(), Hash([3; 32])), ("phone".to_owned(), Hash([4; 32]))];
        assert_eq!(to_commitments(commitments(all.clone())).unwrap(), all);

        let (encapsulated, ciphertext) = (Bytes::from_static(&[1; 32]), Bytes::from_static(&[2; 90]));
        let one = Released { access: TxId([5; 38]), key: KeyId([6; 8]), encapsulated, ciphertext };
        assert_eq!(to_released(released(&one)).unwrap(), one);

        for one in [VaultError::refused("erased", "it is gone"), VaultError::Unavailable("it starts".into())]
        {
            assert_eq!(to_error(error(one.clone())), one);
        }
    }

    #[test]
    fn what_is_wrong_is_named_and_not_shown() {
        let secret = v1::Seal { domain: "HEALTH 11010519491231002X".into(), ..v1::Seal::default() };
        assert_eq!(to_seal(secret).unwrap_err(), "seal.domain");
        assert_eq!(to_handle(&[1; 15]), Err("handle"));
        assert_eq!(to_access(&[1; 39]).unwrap_err(), "access");
        let short = v1::Commitment { name: "a".into(), commitment: vec![1; 31].into() };
        assert!(to_commitments(v1::Sealed { commitments: vec![short] }).is_err());
        assert_eq!(to_released(v1::Released::default()).unwrap_err(), "access");
    }
}
