//! Connections to receivers: the address that is checked is the address that is connected to, so a name that resolves
//! to something else at the next look gains nothing.

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    task::{Context, Poll},
};

use async_trait::async_trait;
use futures::future::BoxFuture;
use http::{Uri, uri::Scheme};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::address::Allowed;

/// Addresses of one name that are tried at most.
const ADDRESSES_MAX: usize = 8;

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolve: fmt::Debug + Send + Sync + 'static {
    async fn resolve(&self, name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>>;
}

/// A resolver that parts of a process share.
pub type SharedResolver = Arc<dyn Resolve>;

/// As the machine resolves names.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((name, port)).await?.collect())
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the address names no host")]
    NoHost,
    #[error("the name of the host has no address")]
    Unresolved(#[source] std::io::Error),
    #[error("deliveries may not go to the addresses of the host")]
    Forbidden,
    #[error("no address of the host takes the connection")]
    Unreachable(#[source] std::io::Error),
}

/// Connects to what may be connected to.
#[derive(Clone, Debug)]
pub(crate) struct Guarded {
    pub(crate) resolver: SharedResolver,
    pub(crate) allowed: Arc<Allowed>,
}

impl tower::Service<Uri> for Guarded {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectError;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let guarded = self.clone();
        Box::pin(async move { guarded.connect(&to).await.map(TokioIo::new) })
    }
}

impl Guarded {
    async fn connect(&self, to: &Uri) -> Result<TcpStream, ConnectError> {
        let tls = to.scheme() == Some(&Scheme::HTTPS);
        let host = host(to).ok_or(ConnectError::NoHost)?;
        let port = to.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, port)],
            Err(_) => self.resolver.resolve(host, port).await.map_err(ConnectError::Unresolved)?,
        };
        if addresses.is_empty() {
            return Err(ConnectError::Unresolved(std::io::ErrorKind::NotFound.into()));
        }
        let mut failed = ConnectError::Forbidden;
        let allowed = addresses.into_iter().filter(|address| self.allowed.allows(address.ip(), tls));
        for address in allowed.take(ADDRESSES_MAX) {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Small requests, one after the other: nothing is gained by waiting for more.
                    stream.set_nodelay(true).map_err(ConnectError::Unreachable)?;
                    return Ok(stream);
                }
                Err(error) => failed = ConnectError::Unreachable(error),
            }
        }
        Err(failed)
    }
}

/// The host without the brackets of IPv6.
pub(crate) fn host(uri: &Uri) -> Option<&str> {
    let host = uri.host()?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    (!bare.is_empty()).then_some(bare)
}
