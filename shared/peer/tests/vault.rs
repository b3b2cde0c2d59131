//! A vault over the bus answers as the vault itself, refuses what is no call, and shows nothing of what it was told.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Headers, SharedBus};
use hutong_bus_embedded::{EmbeddedBus, Options};
use hutong_keys::{SealingKey, aead::AeadKey, seal};
use hutong_ledger::{
    hash::{Hash, sha256},
    id::{AgencyId, Domain, KeyId, RecordKey, TxId},
};
use hutong_peer::{
    subjects,
    vault::{Handle, Released, RemoteVault, SealingKeys, ToSeal, VaultError, VaultPeer, serve_vault},
};
use hutong_wire::{
    prost::Message,
    v1::vault::{self as v1, reply::Reply},
};

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

fn key() -> SealingKey {
    SealingKey::from_seed(&[1; 32])
}

/// What the epoch says of the agency.
#[derive(Debug)]
struct Registered(SealingKey);

#[async_trait]
impl SealingKeys for Registered {
    async fn sealing_key(&self, of: AgencyId) -> Result<[u8; 32], VaultError> {
        if of == agency() || of.as_str() == "nobody" { Ok(self.0.public().0) } else { panic!("{of}") }
    }
}

async fn served() -> (SharedBus, RemoteVault) {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let serving = bus.clone();
    let span = |_: &Headers| tracing::Span::none();
    let answering = serve_vault(serving, agency(), Arc::new(Echo), key(), span, std::future::pending());
    tokio::spawn(answering);
    let remote = RemoteVault::new(bus.clone(), agency(), Arc::new(Registered(key())), TIMEOUT);
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
    let misfit = v1::Request {
        token: secret.to_owned(),
        call: Some(v1::request::Call::FindPerson(call)),
        answer_key: vec![1; 32].into(),
    };
    let close = |request: &v1::Request| {
        let sealed = seal(&key().public().0, b"hutong/v1/vault-call\0", b"land", &request.encode_to_vec());
        let (encapsulated, ciphertext) = sealed.unwrap();
        v1::Call { encapsulated: encapsulated.to_vec().into(), ciphertext: ciphertext.into() }.encode_to_vec()
    };
    let none = v1::Request { call: None, ..misfit.clone() };
    let keyless = v1::Request { answer_key: vec![1; 31].into(), ..misfit.clone() };
    // Sent in the clear, as a call was before it was sealed.
    let clear = misfit.encode_to_vec();
    for payload in [close(&none), close(&keyless), clear, secret.as_bytes().to_vec(), vec![]] {
        let Some(Reply::Refused(refused)) = ask(&bus, payload).await else { panic!("it was answered") };
        assert_eq!(refused.code, "malformed");
        assert!(!refused.message.contains(secret));
    }
    // A domain that is none is told to the caller alone, without repeating it.
    let Some(Reply::Sealed(sealed)) = ask(&bus, close(&misfit)).await else { panic!("it is opened") };
    let opened = AeadKey::new(&[1; 32]).open(b"land", &sealed).unwrap();
    assert!(!opened.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
    let Some(v1::response::Answer::Refused(refused)) = v1::Response::decode(&opened[..]).unwrap().answer
    else {
        panic!("it was answered")
    };
    assert_eq!(refused.code, "malformed");
    let nobody = RemoteVault::new(bus, "nobody".parse().unwrap(), Arc::new(Registered(key())), TIMEOUT);
    assert!(matches!(nobody.own_handles("").await, Err(VaultError::Unavailable(_))));
}

async fn ask(bus: &SharedBus, payload: Vec<u8>) -> Option<Reply> {
    let reply = bus.request(&subjects::vault(&agency()), Headers::default(), payload.into(), TIMEOUT).await;
    v1::Reply::decode(reply.unwrap().payload).unwrap().reply
}

/// Whoever carries calls sees none of what is in them, and can neither answer them nor change an answer.
#[tokio::test]
async fn whoever_runs_the_bus_reads_nothing_and_answers_nothing() {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let mut carried = bus.serve(&subjects::vault(&agency())).await.unwrap();
    let remote = RemoteVault::new(bus.clone(), agency(), Arc::new(Registered(key())), TIMEOUT);
    let (resident, token) = ("11010519491231002X", "a-bearer-token-of-somebody");
    let asking =
        tokio::spawn(async move { remote.find_person(token, "health".parse().unwrap(), resident).await });
    let request = carried.next().await.unwrap();
    let seen = request.message.payload.clone();
    for secret in [resident, token, "health"] {
        assert!(!seen.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{secret}");
    }
    // The answer that a carrier makes up is none, though it has the form of one.
    let made = v1::Person { handle: vec![9; 16].into(), made: false };
    let made = v1::Response { answer: Some(v1::response::Answer::Person(made)) }.encode_to_vec();
    let sealed = AeadKey::new(&[1; 32]).seal(b"land", &made).unwrap();
    let reply = v1::Reply { reply: Some(Reply::Sealed(sealed.into())) }.encode_to_vec();
    request.reply(reply.into()).await.unwrap();
    assert!(matches!(asking.await.unwrap(), Err(VaultError::Unavailable(_))));
}

/// A vault whose key is not the registered one opens nothing, and says why.
#[tokio::test]
async fn a_call_under_another_key_is_told_so() {
    let (bus, _remote) = served().await;
    let other = Arc::new(Registered(SealingKey::from_seed(&[2; 32])));
    let remote = RemoteVault::new(bus, agency(), other, TIMEOUT);
    let Err(VaultError::Unavailable(why)) = remote.own_handles("token").await else { panic!("it answers") };
    assert!(why.contains("sealed to"), "{why}");
}

/// Each call has a span of its own, made from what its headers say.
#[tokio::test]
async fn each_call_has_its_span() {
    let bus: SharedBus = EmbeddedBus::in_memory(Options::default()).unwrap();
    let (told, mut spans) = tokio::sync::mpsc::unbounded_channel();
    let span = move |headers: &Headers| {
        let parent = headers.get("traceparent").map(str::to_owned);
        drop(told.send(parent));
        tracing::Span::none()
    };
    let serving = bus.clone();
    tokio::spawn(serve_vault(serving, agency(), Arc::new(Echo), key(), span, std::future::pending()));
    let mut headers = Headers::default();
    headers.set("traceparent", "00-1-2-01");
    let subject = subjects::vault(&agency());
    while bus.request(&subject, headers.clone(), Bytes::new(), TIMEOUT).await.is_err() {
        tokio::task::yield_now().await;
    }
    assert_eq!(spans.recv().await.unwrap().as_deref(), Some("00-1-2-01"));
}
