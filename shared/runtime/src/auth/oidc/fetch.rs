//! Fetching a provider's documents: small JSON, over TLS unless on this machine, in bounded time and size, and never from
//! where it redirects to.

use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde::de::DeserializeOwned;

use crate::Error;

/// More than any provider's documents need.
const DOCUMENT_BYTES_MAX: usize = 256 * 1024;
/// How long one document may take.
const TIMEOUT: Duration = Duration::from_secs(5);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Why a document could not be had. It has no part of what came.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("it does not answer")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("it did not answer in time")]
    Timeout,
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("its answer broke off or is too large")]
    Body,
    #[error("its answer is not the JSON that it should be")]
    Form,
    #[error("it says that it is another issuer")]
    OtherIssuer,
    #[error("its keys are not where they may be: {0}")]
    KeysAddress(&'static str),
}

/// Fetches documents.
#[derive(Clone, Debug)]
pub(super) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
}

impl Fetcher {
    /// The machine's trusted roots are not read where no issuer needs them.
    pub(super) fn new(tls: bool) -> Result<Self, Error> {
        let builder = HttpsConnectorBuilder::new().with_tls_config(crate::tls::client(tls)?);
        let connector = builder.https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// A document, with the headers that it came with.
    pub(super) async fn json<T: DeserializeOwned>(&self, from: Uri) -> Result<(T, HeaderMap), FetchError> {
        tokio::time::timeout(TIMEOUT, self.get(from)).await.map_err(|_| FetchError::Timeout)?
    }

    async fn get<T: DeserializeOwned>(&self, from: Uri) -> Result<(T, HeaderMap), FetchError> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = from;
        request.headers_mut().insert(header::ACCEPT, JSON);
        let response = self.client.request(request).await.map_err(FetchError::Unreachable)?;
        let (head, body) = response.into_parts();
        if head.status != StatusCode::OK {
            return Err(FetchError::Status(head.status));
        }
        let body = Limited::new(body, DOCUMENT_BYTES_MAX).collect().await.map_err(|_| FetchError::Body)?;
        let document = serde_json::from_slice(&body.to_bytes()).map_err(|_| FetchError::Form)?;
        Ok((document, head.headers))
    }
}
