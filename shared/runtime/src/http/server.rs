//! The HTTP server: HTTP/1.1 and HTTP/2 on one port, with time limits on every connection and a drain.
//!
//! Written over hyper rather than `axum::serve`, which has no time limit for a request's head: a few thousand
//! connections that send a byte now and then would otherwise hold the port.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use serde::{Deserialize, Serialize};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::{Edge, harden};
use crate::{Error, Shutdown};

/// After a failed accept (such as no file descriptors left), the pause before the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How often an HTTP/2 peer is asked whether it is still there.
const H2_PING: Duration = Duration::from_secs(20);

/// Where to listen and what a caller may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    pub listen: SocketAddr,
    pub body_bytes_max: usize,
    pub connections_max: usize,
    /// The time a request's head may take, and an idle connection may stay.
    pub head_timeout_ms: u64,
    /// The time from a request's head to the head of its answer, its body included.
    pub handler_timeout_ms: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_bytes_max: 8 << 20,
            connections_max: 4096,
            head_timeout_ms: 15_000,
            handler_timeout_ms: 60_000,
        }
    }
}

/// A bound port, not yet serving: so a taken port is known before anything else starts.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    settings: HttpSettings,
}

impl HttpServer {
    pub async fn bind(settings: HttpSettings) -> Result<Self, Error> {
        let failed = |source| Error::Bind { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, settings })
    }

    /// The address in fact bound: with port 0 the system chose one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the routes, hardened, until the drain; then finishes what was begun, until the stop. Long answers
    /// (event streams) should watch the drain themselves and end.
    pub async fn serve(self, app: Router, edge: Edge, shutdown: Shutdown) -> Result<(), Error> {
        let app = harden(app, &self.settings, edge);
        let connections = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.settings.connections_max));
        loop {
            let accepted = tokio::select! {
                () = shutdown.draining() => break,
                accepted = accept(&self.listener, &slots) => accepted,
            };
            let Some((stream, slot)) = accepted else { continue };
            let serving = connection(stream, app.clone(), self.settings.clone(), shutdown.clone());
            connections.spawn(async move {
                serving.await;
                drop(slot);
            });
        }
        drop(self.listener);
        connections.close();
        tracing::info!(connections = connections.len(), "no new connections; finishing those that are open");
        connections.wait().await;
        Ok(())
    }
}

/// The next connection with a slot for it. Without a free slot, callers wait in the system's queue.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, app: Router, settings: HttpSettings, shutdown: Shutdown) {
    // Answers are small and written whole: waiting to fill a packet only adds latency.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(settings.head_timeout_ms));
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(H2_PING);
    let service = TowerToHyperService::new(
        app.map_request(|request: http::Request<_>| -> Request { request.map(axum::body::Body::new) }),
    );
    let mut serving = std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = shutdown.draining() => {
            serving.as_mut().graceful_shutdown();
            tokio::select! {
                ended = serving.as_mut() => ended,
                () = shutdown.stopping() => return,
            }
        }
    };
    if let Err(error) = ended {
        // Callers hang up all the time.
        tracing::debug!(error, "a connection ended with an error");
    }
}
