//! What the adapter needs to know to reach a broker.

use std::{fmt, path::PathBuf, time::Duration};

/// Where the broker is and how the city's streams are kept there.
#[derive(Clone, Debug)]
pub struct Options {
    /// One or more servers, comma-separated: `nats://host:port` or `tls://host:port`.
    pub url: String,
    /// The connection's name in the broker's lists.
    pub name: String,
    pub credentials: Credentials,
    pub tls: Option<Tls>,
    /// Copies of each stream: 1 on one server, 3 on a cluster.
    pub replicas: usize,
    /// Puts the streams and subjects of this bus apart from others on the same account: `a-z`, `0-9` and `-`.
    pub namespace: Option<String>,
    /// How long to wait for an acknowledgement before it counts as unknown.
    pub request_timeout: Duration,
    /// Each stream takes this much at most; an append beyond it is refused. `None`: only the account's limits.
    pub stream_bytes_max: Option<u64>,
    /// What a listener may leave waiting before it misses messages.
    pub queue_messages_max: usize,
    /// The `host:port` of each server's HTTP monitoring, where it can be reached: the only place that tells a
    /// client without a system account whether the broker syncs before it acknowledges.
    pub monitors: Vec<String>,
    /// Answers come to subjects that start with this; with accounts, each user may listen only to its own.
    pub inbox: Option<String>,
    /// Whether streams that are missing are made. With accounts only their keeper may.
    pub make_streams: bool,
    /// For a user that the broker lets read subject by subject: a read of several subjects has a consumer for each,
    /// and then keeps the order of each subject, not that between them; the last entry of a subject is asked for by
    /// the subject's name, which any replica may answer.
    pub by_subject: bool,
}

impl Options {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            name: "hutong".into(),
            credentials: Credentials::None,
            tls: None,
            replicas: 1,
            namespace: None,
            request_timeout: Duration::from_secs(5),
            stream_bytes_max: None,
            queue_messages_max: 4096,
            monitors: Vec::new(),
            inbox: None,
            make_streams: true,
            by_subject: false,
        }
    }
}

/// Who the client says it is.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody, or who the TLS certificate says.
    #[default]
    None,
    UserPassword {
        user: String,
        password: String,
    },
    Token(String),
    /// The seed of an nkey (`SU…`): the broker knows only the public key.
    NKey(String),
}

impl fmt::Debug for Credentials {
    /// Says the kind, never the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::UserPassword { user, .. } => {
                f.debug_struct("UserPassword").field("user", user).finish_non_exhaustive()
            }
            Self::Token(_) => f.write_str("Token(…)"),
            Self::NKey(_) => f.write_str("NKey(…)"),
        }
    }
}

/// TLS with own files, all PEM.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// The authorities that the servers' certificates must come from, if not the system's.
    pub authorities: Option<PathBuf>,
    /// The client's certificate and key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}
