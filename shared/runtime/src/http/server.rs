//! The HTTP server: HTTP/1.1 and HTTP/2 on one port, over TLS where there is a certificate, with time limits on every connection
//! and a drain.
//!
//! Written over hyper rather than `axum::serve`, which has no time limit for a request's head: a few thousand
//! connections that send a byte now and then would otherwise hold the port.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::{CorsSettings, Edge, RateSettings, TlsSettings, address::client, harden, tls::Certificate};
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
    /// The time that a caller may take nothing of an answer that is on its way.
    pub stall_timeout_ms: u64,
    /// The networks of proxies before this port, whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpNet>,
    /// None: plain HTTP, for loopback or behind a proxy that has the certificate.
    pub tls: Option<TlsSettings>,
    pub cors: CorsSettings,
    pub rates: RateSettings,
}

impl HttpSettings {
    /// What types alone can't say, each as `key: what is wrong`.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.cors.faults();
        let times = [
            ("head_timeout_ms", self.head_timeout_ms),
            ("handler_timeout_ms", self.handler_timeout_ms),
            ("stall_timeout_ms", self.stall_timeout_ms),
        ];
        let zero = times.iter().filter(|(_, time)| *time == 0);
        faults.extend(
            zero.map(|(name, _)| format!("{name}: 0 would end every connection; write milliseconds")),
        );
        if self.connections_max == 0 {
            faults.push("connections_max: 0 would take no connection".to_owned());
        }
        faults
    }

    /// The scheme of the port's address.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_bytes_max: 8 << 20,
            connections_max: 4096,
            head_timeout_ms: 15_000,
            handler_timeout_ms: 60_000,
            stall_timeout_ms: 30_000,
            proxies: Vec::new(),
            tls: None,
            cors: CorsSettings::default(),
            rates: RateSettings::default(),
        }
    }
}

/// A bound port, not yet serving: so a taken port is known before anything else starts.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
    settings: HttpSettings,
    certificate: Option<Arc<Certificate>>,
}

impl HttpServer {
    pub async fn bind(settings: HttpSettings) -> Result<Self, Error> {
        let certificate = settings.tls.as_ref().map(Certificate::load).transpose()?;
        let failed = |source| Error::Bind { address: settings.listen, source };
        let listener = TcpListener::bind(settings.listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, settings, certificate })
    }

    pub fn settings(&self) -> &HttpSettings {
        &self.settings
    }

    /// The address as callers on this machine write it.
    pub fn url(&self) -> String {
        format!("{}://{}", self.settings.scheme(), self.address)
    }

    /// The address in fact bound: with port 0 the system chose one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the routes, hardened, until the drain; then finishes what was begun, until the stop. Long answers
    /// (event streams) should watch the drain themselves and end.
    pub async fn serve(self, app: Router, edge: Edge, shutdown: Shutdown) -> Result<(), Error> {
        let clock = edge.clock.clone();
        let app = harden(app, &self.settings, edge);
        let connections = TaskTracker::new();
        let slots = Arc::new(Semaphore::new(self.settings.connections_max));
        let port = Port {
            app,
            tls: self.certificate.as_ref().map(Certificate::acceptor).transpose()?,
            settings: Arc::new(self.settings),
            shutdown: shutdown.clone(),
        };
        let renewing = async {
            match self.certificate {
                Some(certificate) => certificate.follow(clock).await,
                None => std::future::pending().await,
            }
        };
        let accepting = async {
            loop {
                let Some((stream, peer, slot)) = accept(&self.listener, &slots).await else { continue };
                let port = port.clone();
                connections.spawn(async move {
                    port.connection(stream, peer).await;
                    drop(slot);
                });
            }
        };
        tokio::select! {
            () = shutdown.draining() => {}
            () = renewing => {}
            () = accepting => {}
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
) -> Option<(TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer.ip(), slot)),
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// What every connection is served with.
#[derive(Clone)]
struct Port {
    app: Router,
    tls: Option<TlsAcceptor>,
    settings: Arc<HttpSettings>,
    shutdown: Shutdown,
}

impl Port {
    async fn connection(self, stream: TcpStream, peer: IpAddr) {
        // Answers are small and written whole: waiting to fill a packet only adds latency.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(Duration::from_millis(self.settings.stall_timeout_ms)));
        let stream = Box::pin(stream);
        let Some(acceptor) = &self.tls else { return self.serve(stream, peer).await };
        // Who says nothing costs no more here than later.
        let handshake = Duration::from_millis(self.settings.head_timeout_ms);
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(handshake, acceptor.accept(stream)) => shaken,
            () = self.shutdown.draining() => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.serve(stream, peer).await,
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    async fn serve(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, peer: IpAddr) {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(self.settings.head_timeout_ms));
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(H2_PING);
        let settings = self.settings.clone();
        let app = self.app.clone().map_request(move |request: http::Request<_>| -> Request {
            let mut request = request.map(axum::body::Body::new);
            let client = client(peer, request.headers(), &settings.proxies);
            request.extensions_mut().insert(client);
            request
        });
        let service = TowerToHyperService::new(app);
        let mut serving =
            std::pin::pin!(builder.serve_connection_with_upgrades(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = self.shutdown.draining() => {
                serving.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = serving.as_mut() => ended,
                    () = self.shutdown.stopping() => return,
                }
            }
        };
        if let Err(error) = ended {
            // Callers hang up all the time.
            tracing::debug!(error, "a connection ended with an error");
        }
    }
}
