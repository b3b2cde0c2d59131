//! Personas are accepted as any provider's, are marked, and leave no resident id behind.

use std::{collections::BTreeSet, sync::Arc};

use hutong_runtime::{
    Clock, ManualClock,
    auth::{OidcConfig, OidcVerifier, TokenFault},
};

use super::*;

const NOW_S: u64 = 1_700_000_000;

fn chain() -> ChainId {
    "riverton-0011223344556677".parse().unwrap()
}

/// A provider that runs, and a verifier that trusts it.
async fn city(layout: &Layout) -> (Personas, OidcVerifier, ManualClock) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let personas = Personas::open(layout, chain(), &url).unwrap();
    let routes = personas.routes();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let clock = ManualClock::at(NOW_S * 1000);
    let issuers = vec![personas.issuer_config().unwrap()];
    let verifier = OidcVerifier::new(OidcConfig { issuers }, Arc::new(clock.clone())).unwrap();
    (personas, verifier, clock)
}

#[test]
fn ids_are_valid_and_each_is_one_personas() {
    let citizens = PERSONAS.iter().filter(|persona| persona.role == Role::Citizen);
    let ids: Vec<_> = citizens.map(|persona| persona.resident_id().unwrap().expose().to_owned()).collect();
    assert!(ids.iter().all(|id| id.starts_with("110101190001")), "{ids:?}");
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    assert_eq!(PERSONAS.iter().map(|persona| persona.name).collect::<BTreeSet<_>>().len(), PERSONAS.len());
    assert_eq!(Persona::named("registrar-7").unwrap().resident_id(), None);
    assert!(ids.len() <= 31, "the day of birth is the place in the list");
}

#[tokio::test]
async fn a_verifier_takes_them_for_an_hour_and_knows_them_as_personas() {
    let folder = tempfile::tempdir().unwrap();
    let (personas, verifier, clock) = city(&Layout::new(folder.path())).await;
    for name in personas.citizens() {
        let token = personas.token(name, clock.unix_ms() / 1000).unwrap();
        let person = verifier.verify(&token).await.unwrap();
        assert_eq!((person.subject.as_str(), person.persona), (name, true));
        let id = Persona::named(name).unwrap().resident_id().unwrap();
        assert_eq!(person.resident_id.as_deref(), Some(id.expose()));
    }
    let official = personas.token("registrar-7", NOW_S).unwrap();
    assert_eq!(verifier.verify(&official).await, Err(TokenFault::NotAPerson));
    assert_eq!(personas.token("nobody", NOW_S), None);
    let token = personas.token("wang-lan", NOW_S).unwrap();
    clock.set_unix_ms((NOW_S + TOKEN_TTL_S + 30) * 1000);
    assert_eq!(verifier.verify(&token).await, Err(TokenFault::Expired));
}

#[tokio::test]
async fn another_citys_personas_are_strangers() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (_, verifier, _) = city(&Layout::new(here.path())).await;
    let (personas, _, _) = city(&Layout::new(there.path())).await;
    let token = personas.token("wang-lan", NOW_S).unwrap();
    assert_eq!(verifier.verify(&token).await, Err(TokenFault::Issuer));
}

#[test]
fn the_data_folder_has_no_resident_id() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let personas = Personas::open(&layout, chain(), "http://127.0.0.1:8080").unwrap();
    personas.token("wang-lan", NOW_S).unwrap();
    let again = Personas::open(&layout, chain(), "http://127.0.0.1:8080").unwrap();
    assert_eq!(again.key.public(), personas.key.public(), "the key is kept");
    let mut folders = vec![folder.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for persona in PERSONAS {
                let id = persona.resident_id();
                assert!(id.is_none_or(|id| !text.contains(id.expose())), "{}", path.display());
            }
            assert!(!hutong_disclosure::find_resident_id(text.as_bytes()), "{}", path.display());
        }
    }
    assert_eq!(files, 2);
}

#[test]
fn a_city_that_others_reach_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    let open = |url: &str| Personas::open(&layout, chain(), url).unwrap();
    for (url, issuer) in [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/dev/oidc"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:8080/dev/oidc"),
        ("http://[::]:81", "http://[::1]:81/dev/oidc"),
        ("http://[::1]:81", "http://[::1]:81/dev/oidc"),
        ("http://localhost", "http://localhost/dev/oidc"),
        ("https://localhost:8443", "https://localhost:8443/dev/oidc"),
    ] {
        let config = open(url).issuer_config().unwrap();
        assert_eq!((config.issuer.as_str(), config.persona, config.officials), (issuer, true, true));
    }
    for url in ["http://192.168.1.5:8080", "http://city.test", "http://localhost.city.test", ""] {
        let personas = open(url);
        assert!(personas.issuer_config().is_none() && personas.citizens().is_empty(), "{url}");
        assert_eq!(personas.token("wang-lan", NOW_S), None, "{url}");
    }
}
