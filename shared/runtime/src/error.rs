//! What can go wrong in the runtime itself.

use std::{io, net::SocketAddr, path::PathBuf};

use crate::{config::Faults, http::TlsFault};

/// Whatever a service failed with.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the runtime.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration is not usable:\n{0}")]
    Config(Faults),
    #[error("configuration file {}: can't read it", path.display())]
    ConfigFile { path: PathBuf, source: io::Error },
    #[error("can't listen on {address}; is another process using it?")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("can't watch for the signals that end the process")]
    Signals(#[source] io::Error),
    #[error("{name} ended although nobody asked it to")]
    Ended { name: String },
    #[error("{name} failed")]
    Failed { name: String, source: Cause },
    #[error("{name} panicked: {message}")]
    Panicked { name: String, message: String },
    #[error("{name} did not stop within {limit_s} s and was cut off")]
    Stuck { name: String, limit_s: u64 },
    #[error("a computation panicked: {message}")]
    Computation { message: String },
    #[error("can't start {threads} compute threads")]
    Threads { threads: usize, source: rayon::ThreadPoolBuildError },
    #[error("the log filter {filter:?} is not a list of target=level")]
    LogFilter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("no TLS client can be made")]
    Tls(#[source] rustls::Error),
    #[error("the port's certificate can't be used")]
    Certificate(#[source] Box<TlsFault>),
    #[error("can't export metrics to {endpoint}")]
    MetricsExport { endpoint: String, source: Cause },
    #[error("can't export traces to {endpoint}")]
    Traces { endpoint: String, source: Cause },
}

/// The words of a panic, as far as it had any.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}
