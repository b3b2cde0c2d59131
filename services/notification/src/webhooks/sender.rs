//! One request to a receiver: in bounded time and size, over TLS, and never to where it redirects to.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hutong_runtime::SharedClock;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    address::Allowed,
    connect::{ConnectError, Guarded, SharedResolver},
};
use crate::Error;

/// A connection that nothing was sent on for so long is closed.
const IDLE: Duration = Duration::from_secs(60);
/// How long the body of an answer may take after its head.
const BODY: Duration = Duration::from_secs(2);
/// The head of an answer.
const HEAD_BYTES_MAX: usize = 32 << 10;
const HEADERS_MAX: usize = 100;

/// Sends requests; clones share connections.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    client: Client<HttpsConnector<Guarded>, Full<Bytes>>,
    clock: SharedClock,
    timeout: Duration,
    answer_bytes_max: usize,
}

/// The head of an answer; of its body nothing is of interest.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

/// Why there is no answer. It has no part of what came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("no answer in time")]
    Timeout,
    #[error(transparent)]
    Connect(ConnectFault),
    #[error("no TLS with the host: {0}")]
    Tls(String),
    #[error("the connection broke off, or what came is no HTTP: {0}")]
    Broken(String),
}

/// What of a [`ConnectError`] is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConnectFault {
    #[error("the address names no host")]
    NoHost,
    #[error("the name of the host has no address")]
    Unresolved,
    #[error("deliveries may not go to the addresses of the host")]
    Forbidden,
    #[error("no address of the host takes the connection")]
    Unreachable,
}

impl Sender {
    /// For the machine's own trusted roots (SSL_CERT_FILE and SSL_CERT_DIR name others).
    pub(crate) fn new(
        resolver: SharedResolver,
        allowed: Arc<Allowed>,
        clock: SharedClock,
        timeout: Duration,
        answer_bytes_max: usize,
    ) -> Result<Self, Error> {
        let config = hutong_runtime::tls::client(true).map_err(Error::Tls)?;
        let connector = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1();
        let connector = connector.wrap_connector(Guarded { resolver, allowed });
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            // One request of a subscription is under way at a time, and few share a receiver.
            .pool_max_idle_per_host(4)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .http1_max_headers(HEADERS_MAX)
            .build(connector);
        Ok(Self { client, clock, timeout, answer_bytes_max })
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, SendError> {
        let response = tokio::select! {
            response = self.client.request(request) => response.map_err(|error| SendError::of(&error))?,
            () = self.clock.sleep(self.timeout) => return Err(SendError::Timeout),
        };
        let (head, body) = response.into_parts();
        // Read so that the connection can be used again. The head has said all: a body that is too long, too slow or
        // breaks off costs the connection and nothing else.
        tokio::select! {
            body = Limited::new(body, self.answer_bytes_max).collect() => {
                if let Err(error) = body {
                    tracing::debug!(error, "the body of a receiver's answer is not read to its end");
                }
            }
            () = self.clock.sleep(BODY) => {}
        }
        Ok(Answer { status: head.status, headers: head.headers })
    }
}

impl SendError {
    fn of(error: &hyper_util::client::legacy::Error) -> Self {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut last = String::new();
        while let Some(inner) = source {
            if let Some(error) = inner.downcast_ref::<ConnectError>() {
                return Self::Connect(match error {
                    ConnectError::NoHost => ConnectFault::NoHost,
                    ConnectError::Unresolved(_) => ConnectFault::Unresolved,
                    ConnectError::Forbidden => ConnectFault::Forbidden,
                    ConnectError::Unreachable(_) => ConnectFault::Unreachable,
                });
            }
            last = inner.to_string();
            source = inner.source();
        }
        // A connection that is there and still cannot be used: the handshake of TLS failed.
        if error.is_connect() { Self::Tls(last) } else { Self::Broken(last) }
    }

    /// The name of the reason, for metrics and answers.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connect(ConnectFault::NoHost | ConnectFault::Unresolved) => "unresolved",
            Self::Connect(ConnectFault::Forbidden) => "address_forbidden",
            Self::Connect(ConnectFault::Unreachable) => "unreachable",
            Self::Tls(_) => "tls",
            Self::Broken(_) => "broken",
        }
    }
}
