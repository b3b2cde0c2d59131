//! A portal in a city of two domains, two vaults and three persons; and how tests call it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use axum::{Extension, Router, body::Body};
use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::BodyExt as _;
use hutong_disclosure::Handle;
use hutong_keys::sign_claims;
use hutong_ledger::{
    hash::Hash,
    id::{Domain, TxId},
};
use hutong_peer::vault::{Released, SharedVault, ToSeal, VaultError, VaultPeer};
use hutong_portal::{Config, PersonaDesk, PortalService, Ports, routes};
use hutong_runtime::{
    Clock as _,
    auth::{Authenticator, Caller, KeyDirectory, OidcConfig, OidcVerifier, Person},
    config::Secret,
};
use hutong_wire::{
    prost::Message,
    v1::disclosure::{
        Action, Basis, Envelope, PlaceHold, RegisterPerson, RequestAccess, SealedField, action::Kind, basis,
    },
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::{
    city::{City, HEALTH, LAND, agency, domain, genesis, host_key},
    notes::Notes,
};

pub(crate) const WANG: &str = "wang";
pub(crate) const LI: &str = "li";
pub(crate) const ZHANG: &str = "zhang";
pub(crate) const PERSONS: [&str; 3] = [WANG, LI, ZHANG];

/// The handle of a person in a domain.
pub(crate) fn handle(person: &str, of: &str) -> Handle {
    let name = hutong_ledger::hash::sha256(&[person.as_bytes(), of.as_bytes()]);
    name.0[..16].try_into().unwrap()
}

pub(crate) fn hex_handle(person: &str, of: &str) -> String {
    hex::encode(handle(person, of))
}

/// A vault that knows persons by their tokens, which end in their names.
#[derive(Debug)]
pub(crate) struct Vault {
    /// What it says of everybody: also of domains that are not its agency's, if it lies.
    domains: Mutex<Vec<&'static str>>,
    pub(crate) away: AtomicBool,
    forgotten: Mutex<Vec<&'static str>>,
}

impl Vault {
    fn new(domains: &[&'static str]) -> Arc<Self> {
        let (away, forgotten) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { domains: Mutex::new(domains.to_vec()), away, forgotten })
    }

    pub(crate) fn claim(&self, domain: &'static str) {
        self.domains.lock().push(domain);
    }

    pub(crate) fn forget(&self, person: &'static str) {
        self.forgotten.lock().push(person);
    }
}

#[async_trait]
impl VaultPeer for Vault {
    async fn own_handles(&self, token: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(VaultError::Unavailable("it is being restored".into()));
        }
        let person = PERSONS.iter().find(|name| name_of(token).as_deref() == Some(**name));
        let Some(person) = person else {
            return Err(VaultError::refused("invalid_token", "it is nobody's"));
        };
        if self.forgotten.lock().contains(person) {
            return Ok(Vec::new());
        }
        let domains = self.domains.lock().clone();
        Ok(domains.into_iter().map(|name| (domain(name), handle(person, name))).collect())
    }

    async fn seal(&self, _: &str, _: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        Err(not_asked())
    }

    async fn find_person(&self, _: &str, _: Domain, _: &str) -> Result<(Handle, bool), VaultError> {
        Err(not_asked())
    }

    async fn release(&self, _: TxId) -> Result<Released, VaultError> {
        Err(not_asked())
    }
}

fn not_asked() -> VaultError {
    VaultError::refused("not_asked", "the portal has no reason to ask this")
}

/// Whose token it is: a plain one of these tests, or one of the provider.
fn name_of(token: &str) -> Option<String> {
    if let Some(name) = token.strip_prefix("token-of-") {
        return Some(name.to_owned());
    }
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims["sub"].as_str()?.to_owned())
}

/// A city without agencies' tokens.
#[derive(Debug)]
struct NoKeys;

impl KeyDirectory for NoKeys {
    fn signing_key(&self, _: &str, _: &str) -> Option<[u8; 32]> {
        None
    }

    fn is_member(&self, _: &str) -> bool {
        false
    }

    fn chain(&self) -> &str {
        "riverton"
    }
}

/// Made-up persons with real tokens.
#[derive(Debug)]
struct Provider {
    issuer: String,
    now_s: u64,
}

impl PersonaDesk for Provider {
    fn names(&self) -> Vec<String> {
        PERSONS.map(str::to_owned).into()
    }

    fn token(&self, name: &str) -> Option<String> {
        let claims = json!({
            "iss": self.issuer, "sub": name, "aud": "riverton", "iat": self.now_s, "exp": self.now_s + 3600,
            "resident_id": format!("of {name}"), "persona": true,
        });
        PERSONS.contains(&name).then(|| sign_claims(&host_key("provider"), &claims))
    }
}

pub(crate) struct Setting {
    pub(crate) city: Arc<City>,
    pub(crate) health: Arc<Vault>,
    pub(crate) land: Arc<Vault>,
    pub(crate) routes: Router,
}

impl Setting {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adapt: impl FnOnce(&mut Ports)) -> Self {
        let city = City::new();
        let (health, land) = (Vault::new(&["health"]), Vault::new(&["property"]));
        let provider = Arc::new(provider(&city).await);
        let issuer = hutong_runtime::auth::IssuerConfig::new(&provider.issuer, "riverton");
        let issuer = hutong_runtime::auth::IssuerConfig { persona: true, ..issuer };
        let verifier = OidcVerifier::new(OidcConfig { issuers: vec![issuer] }, city.clock.clone()).unwrap();
        let vaults: [(_, SharedVault); 2] = [(agency(HEALTH), health.clone()), (agency(LAND), land.clone())];
        let mut ports = Ports {
            chain: genesis().chain(),
            storage: city.clone(),
            vaults: vaults.into(),
            desks: [HEALTH, LAND].map(|owner| (agency(owner), city.desk(owner))).into(),
            sealed: vec![Arc::new(Notes(domain("health"))), Arc::new(Notes(domain("property")))],
            authenticator: Arc::new(
                Authenticator::new(Arc::new(NoKeys), city.clock.clone()).with_oidc(Arc::new(verifier)),
            ),
            clock: city.clock.clone(),
            personas: Some(provider),
        };
        adapt(&mut ports);
        let service = PortalService::new(Config { retry_ms: 1, ..Config::default() }, ports);
        tokio::spawn(service.clone().run(CancellationToken::new()));
        Self { city, health, land, routes: routes(service) }
    }

    /// A portal with other bounds on the same city.
    pub(crate) fn bounded(&self, config: Config) -> Router {
        let ports = Ports {
            chain: genesis().chain(),
            storage: self.city.clone(),
            vaults: BTreeMap::from([(agency(HEALTH), self.health.clone() as SharedVault)]),
            desks: BTreeMap::new(),
            sealed: Vec::new(),
            authenticator: Arc::new(Authenticator::new(Arc::new(NoKeys), self.city.clock.clone())),
            clock: self.city.clock.clone(),
            personas: None,
        };
        routes(PortalService::new(config, ports))
    }

    /// Waits until erasures that are final show in the person's list.
    pub(crate) async fn erasures(&self, person: &str, count: usize) -> Value {
        loop {
            let (status, erasures) = self.get(person, "/v1/subjects/me/erasures").await;
            assert_eq!(status, 200, "{erasures}");
            if erasures["erasures"].as_array().unwrap().len() >= count {
                return erasures;
            }
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn get(&self, person: &str, path: &str) -> (u16, Value) {
        self.call(&Caller::Person(person_named(person)), "GET", path, None).await
    }

    pub(crate) async fn post(&self, person: &str, path: &str, body: Value) -> (u16, Value) {
        self.call(&Caller::Person(person_named(person)), "POST", path, Some(body)).await
    }

    pub(crate) async fn call(
        &self,
        caller: &Caller,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> (u16, Value) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let response = self.send(caller, request.body(body).unwrap()).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn send(&self, caller: &Caller, request: Request<Body>) -> Response<Body> {
        let app = self.routes.clone().layer(Extension(caller.clone()));
        app.oneshot(request).await.unwrap()
    }

    /// Registers everybody everywhere, and gives each a note of their own and one that is shared.
    pub(crate) fn settle_in(&self) {
        for (owner, name) in [(HEALTH, "health"), (LAND, "property")] {
            for person in PERSONS {
                let sealed = |name: &str| SealedField { name: name.into(), commitment: vec![7; 32].into() };
                let handle = handle(person, name).to_vec().into();
                let register = RegisterPerson { handle, sealed: vec![sealed("contact"), sealed("name")] };
                self.must(owner, name, disclosure(Kind::RegisterPerson(register)));
                let note = format!("put note/{person} {}|text", hex_handle(person, name));
                self.must(owner, name, note.into());
            }
            let both = format!("{},{}", hex_handle(WANG, name), hex_handle(LI, name));
            self.must(owner, name, format!("put note/both {both}|text").into());
        }
    }

    pub(crate) fn must(&self, agency: &str, name: &str, action: Bytes) -> TxId {
        self.city.submit(agency, name, action).unwrap()
    }

    /// An emergency's access, sealed until a time if that is not 0.
    pub(crate) fn look(&self, of: &str, record: &str, field: &str, sealed_until_ms: u64) -> TxId {
        self.try_look(of, record, field, sealed_until_ms).unwrap()
    }

    /// As [`Self::look`]; the code if it is refused.
    pub(crate) fn try_look(
        &self,
        of: &str,
        record: &str,
        field: &str,
        sealed_until_ms: u64,
    ) -> Result<TxId, String> {
        let order = if sealed_until_ms == 0 { String::new() } else { "order 5".into() };
        let kind = basis::Kind::Emergency("unconscious at the door".into());
        let request = RequestAccess {
            record: record.into(),
            fields: vec![field.into()],
            purpose: "treatment".into(),
            basis: Some(Basis { kind: Some(kind), court_order: order }),
            sealed_until_ms,
        };
        self.city.submit("clinic", of, disclosure(Kind::RequestAccess(request)))
    }

    pub(crate) fn hold(&self, owner: &str, of: &str, record: &str) {
        let hold = PlaceHold { record: record.into(), reason: "suit 12 of 2026".into(), until_ms: 0 };
        self.must(owner, of, disclosure(Kind::PlaceHold(hold)));
    }
}

pub(crate) fn disclosure(kind: Kind) -> Bytes {
    Envelope { disclosure: Some(Action { kind: Some(kind) }) }.encode_to_vec().into()
}

pub(crate) fn person_named(name: &str) -> Person {
    Person {
        issuer: "https://id.riverton.test".into(),
        subject: name.into(),
        resident_id: Some(format!("of {name}")),
        token: Secret::new(format!("token-of-{name}")),
        persona: false,
    }
}

/// A provider that runs until the test's runtime ends.
async fn provider(city: &City) -> Provider {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let key = host_key("provider");
    let x = URL_SAFE_NO_PAD.encode(key.public().0);
    let discovery = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/jwks") });
    let jwks = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": key.key_id(), "x": x }] });
    let show = |document: Value| axum::routing::get(|| async { axum::Json(document) });
    let app =
        Router::new().route("/.well-known/openid-configuration", show(discovery)).route("/jwks", show(jwks));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Provider { issuer, now_s: city.clock.unix_ms() / 1000 }
}
