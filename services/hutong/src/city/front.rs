//! The HTTP front of a process: the routes of its services behind one port, with the keys of the epoch in force.

use std::sync::Arc;

use axum::{Router, middleware::from_fn_with_state};
use hutong_ledger::{epoch::Epoch, genesis::Genesis};
use hutong_peer::SharedStorage;
use hutong_runtime::{
    auth::{Authenticator, OidcConfig, OidcVerifier, identify},
    http::{Edge, HttpServer, Rates, limit_rates, openapi},
};

use tokio_util::sync::CancellationToken;

use super::{
    CityError as Error, directory::Directory, domains::ERROR_FORMS, errors, host::Host, parts::Face,
};

/// What the OpenAPI document is called.
const TITLE: &str = "Hutong";

/// Knows who calls, by the keys of the epoch in force and the identity providers named, until the process ends.
pub fn authenticator(
    host: &Host,
    genesis: &Genesis,
    epoch: Arc<Epoch>,
    storage: SharedStorage,
    identity: OidcConfig,
) -> Result<Arc<Authenticator>, Error> {
    let stop = CancellationToken::new();
    let (directory, follow) = Directory::follow(genesis.chain(), epoch, storage, stop.clone());
    host.run("directory", |draining| async move {
        let follow = tokio::spawn(follow);
        draining.cancelled().await;
        stop.cancel();
        follow.await
    });
    let oidc = Arc::new(OidcVerifier::new(identity, host.clock.clone())?);
    let authenticator = Authenticator::new(Arc::new(directory), host.clock.clone());
    Ok(Arc::new(authenticator.with_oidc(oidc)))
}

/// Serves faces until the process ends.
pub fn serve(
    host: &Host,
    server: HttpServer,
    authenticator: Arc<Authenticator>,
    faces: Vec<Face>,
) -> Result<(), Error> {
    let (mut routes, mut documents) = (Router::new(), Vec::new());
    for face in faces {
        routes = routes.merge(face.routes);
        documents.push(face.document);
    }
    let document = openapi::merge(TITLE, env!("CARGO_PKG_VERSION"), documents);
    let docs = openapi::routes(&document).map_err(|error| Error::service("the OpenAPI document", error))?;
    let rates = Rates::new(&server.settings().rates, &host.clock, &host.metrics);
    let app = routes
        .layer(from_fn_with_state(rates, limit_rates))
        .layer(from_fn_with_state(authenticator, identify))
        .merge(docs)
        .merge(errors::routes())
        .merge(host.health.routes())
        .merge(host.metrics.routes());
    let (clock, metrics) = (host.clock.clone(), host.metrics.clone());
    let edge = Edge { clock, metrics, error_forms: ERROR_FORMS };
    let shutdown = host.shutdown();
    host.run("http", |_| server.serve(app, edge, shutdown));
    Ok(())
}
