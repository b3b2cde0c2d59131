//! A vault over the bus answers as the vault itself, refuses what is no call, and shows nothing of what it was told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_bus::{Headers, SharedBus};
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_ledger::{
    hash::{Hash, sha256},
    id::{AgencyId, Domain, KeyId, RecordKey, TxId},
};
use hutong_peer::{
    subjects,
    vault::{Handle, Released, RemoteVault, ToSeal, VaultError, VaultPeer, serve_vault},
};
use hutong_wire::{prost::Message, v1::vault as v1};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Answers from what it is asked.
#[derive(Debug)]
struct Echo;

#[async_trait]
impl VaultPeer for Echo {
    async fn seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        let record = values.record.to_string();
        let commit = |(name, value): (String, Bytes)| {
            let parts = [token.as_bytes(), record.as_bytes(), values.subjects[0].as_slice(), &value];
            (name, sha256(&parts))
        };
        Ok(values.values.into_iter().map(commit).collect())
    }

    async fn find_person(&self, token: &str, _: Domain, id: &str) -> Result<(Handle, bool), VaultError> {
        match id {
            "busy" => Err(VaultError::Unavailable("it starts".into())),
            "no" => Err(VaultError::refused("resident_id_invalid", "it is none")),
            _ => Ok(([id.len() as u8; 16], token.is_empty())),
        }
    }

    async fn own_handles(&self, token: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        Ok(vec![("health".parse().unwrap(), [token.len() as u8; 16]), ("property".parse().unwrap(), [9; 16])])
    }

    async fn release(&self, access: TxId) -> Result<Released, VaultError> {
        let ciphertext = vec![access.0[0]; usize::from(access.0[0]) * 16 * 1024].into();
        Ok(Released { access, key: KeyId([1; 8]), encapsulated: Bytes::from_static(&[2; 32]), ciphertext })
    }
}

fn agency() -> AgencyId {
    "land".parse().unwrap()
}

async fn served() -> (SharedBus, RemoteVault) {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let serving = bus.clone();
    tokio::spawn(async move { serve_vault(serving, agency(), Arc::new(Echo), std::future::pending()).await });
    let remote = RemoteVault::new(bus.clone(), agency(), TIMEOUT);
    while remote.own_handles("").await.is_err() {
        tokio::task::yield_now().await;
    }
    (bus, remote)
}

fn sealing(bytes: usize) -> ToSeal {
    let record: RecordKey = "health/chart/7".parse().unwrap();
    let values = ["name", "phone"].map(|name| (name.to_owned(), Bytes::from(vec![b'x'; bytes]))).to_vec();
    ToSeal { record, subjects: vec![[7; 16]], values }
}

#[tokio::test]
async fn every_call_has_the_same_answer_near_and_far() {
    let (_bus, remote) = served().await;
    for bytes in [0, 9, 256 * 1024] {
        let near = Echo.seal("token", sealing(bytes)).await;
        assert_eq!(remote.seal("token", sealing(bytes)).await, near);
    }
    let health = "health".parse().unwrap();
    for (token, id) in [("token", "11010519491231002X"), ("", "1"), ("token", "busy"), ("token", "no")] {
        let near = Echo.find_person(token, health, id).await;
        assert_eq!(remote.find_person(token, health, id).await, near);
    }
    assert_eq!(remote.own_handles("mine").await, Echo.own_handles("mine").await);
    for byte in [0, 1, 60] {
        let access = TxId([byte; 38]);
        assert_eq!(remote.release(access).await, Echo.release(access).await);
    }
}

#[tokio::test]
async fn what_is_too_large_is_refused_and_not_cut() {
    let (_bus, remote) = served().await;
    let code = |error: VaultError| match error {
        VaultError::Refused { code, .. } => code,
        other => panic!("{other}"),
    };
    assert_eq!(code(remote.seal("token", sealing(600 * 1024)).await.unwrap_err()), "too_large");
    assert_eq!(code(remote.release(TxId([65; 38])).await.unwrap_err()), "too_large");
}

#[tokio::test]
async fn what_is_no_call_is_refused_without_repeating_it() {
    let (bus, _remote) = served().await;
    let secret = "11010519491231002X";
    let call = v1::FindPerson { domain: secret.to_owned(), resident_id: secret.to_owned() };
    let misfit = v1::Request { token: secret.to_owned(), call: Some(v1::request::Call::FindPerson(call)) }
        .encode_to_vec();
    let none = v1::Request { token: secret.to_owned(), call: None }.encode_to_vec();
    for payload in [misfit, none, secret.as_bytes().to_vec(), vec![]] {
        let reply =
            bus.request(&subjects::vault(&agency()), Headers::default(), payload.into(), TIMEOUT).await;
        let payload = reply.unwrap().payload;
        assert!(!payload.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
        let Some(v1::response::Answer::Refused(refused)) = v1::Response::decode(payload).unwrap().answer
        else {
            panic!("it was answered");
        };
        assert_eq!(refused.code, "malformed");
    }
    let nobody = RemoteVault::new(bus, "nobody".parse().unwrap(), TIMEOUT);
    assert!(matches!(nobody.own_handles("").await, Err(VaultError::Unavailable(_))));
}
