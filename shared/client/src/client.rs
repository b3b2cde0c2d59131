//! Calls to a city: what there is to read. Submitting is in `submit`, subscribing in [`crate::events`].

use bytes::Bytes;
use hutong_ledger::{
    id::{AgencyId, ChainId, Domain, RecordKey, TxId},
    receipt::{TrustFile, Verified},
};
use reqwest::Method;
use serde_json::Value;

use crate::{
    City, Error, Signer, TransactionBuilder,
    call::{Bearer, Token, now_ms},
};

/// How long a transaction that [`Client::build`] makes may wait to be ordered.
const NOT_AFTER_AHEAD_MS: u64 = 3_600_000;

/// A caller of one city, usually on behalf of one agency. Cheap to clone parts of, made to be shared by reference.
#[derive(Debug)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) url: String,
    pub(crate) chain: ChainId,
    pub(crate) signer: Option<Signer>,
    /// A person's token, where the caller is one.
    pub(crate) bearer: Option<Bearer>,
    pub(crate) token: Token,
    pub(crate) attempts_max: u32,
}

impl Client {
    /// A caller at an address; without a signer it sees what is public.
    pub fn new(url: impl Into<String>, chain: ChainId, signer: Option<Signer>) -> Result<Self, Error> {
        let url: String = url.into().trim_end_matches('/').to_owned();
        // Connections live as long as the client; answers may take as long as finality does.
        let http = crate::tls::http(&url)?.tcp_nodelay(true).build();
        let http = http.map_err(|source| Error::Unreachable { url: url.clone(), source })?;
        Ok(Self { http, url, chain, signer, bearer: None, token: Token::default(), attempts_max: 5 })
    }

    /// A caller of a city on behalf of one of its agencies, whose key lies in the data folder.
    pub fn of(city: &City, agency: &AgencyId) -> Result<Self, Error> {
        Self::new(&city.url, city.chain, Some(city.signer(agency)?))
    }

    /// A caller with a token that someone else issued: a person's, from the identity provider.
    pub fn bearing(url: impl Into<String>, chain: ChainId, token: impl Into<String>) -> Result<Self, Error> {
        Ok(Self { bearer: Some(Bearer(token.into())), ..Self::new(url, chain, None)? })
    }

    /// How often a call is tried again while what stands in its way may pass. Five times unless this says otherwise.
    #[must_use]
    pub fn attempts_max(mut self, attempts_max: u32) -> Self {
        self.attempts_max = attempts_max;
        self
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn chain(&self) -> ChainId {
        self.chain
    }

    pub fn signer(&self) -> Result<&Signer, Error> {
        self.signer.as_ref().ok_or(Error::NoSigner)
    }

    /// A transaction of this client's agency, to be ordered within the hour.
    pub fn build(&self, domain: Domain) -> Result<TransactionBuilder, Error> {
        let not_after_ms = now_ms().saturating_add(NOT_AFTER_AHEAD_MS);
        TransactionBuilder::new(self.chain, domain, self.signer()?.agency, not_after_ms)
    }

    /// Any document of the city's API, by its path from the root.
    pub async fn get(&self, path: &str) -> Result<Value, Error> {
        let bytes = self.get_bytes(path).await?;
        let answer = |error: serde_json::Error| Error::Answer {
            url: format!("{}{path}", self.url),
            reason: format!("it is no JSON: {error}"),
        };
        serde_json::from_slice(&bytes).map_err(answer)
    }

    /// Posts a JSON document; the answer is one too.
    pub async fn post_json(&self, path: &str, document: &Value) -> Result<Value, Error> {
        self.send_json(Method::POST, path, document).await
    }

    /// Changes what is at a path by a JSON document; the answer is one too.
    pub async fn patch_json(&self, path: &str, document: &Value) -> Result<Value, Error> {
        self.send_json(Method::PATCH, path, document).await
    }

    /// Deletes what is at a path.
    pub async fn delete(&self, path: &str) -> Result<(), Error> {
        self.call(path, |url| self.http.delete(url)).await.map(|_| ())
    }

    async fn send_json(&self, method: Method, path: &str, document: &Value) -> Result<Value, Error> {
        let build = |url: String| self.http.request(method.clone(), url).json(document);
        let (_, bytes) = self.call(path, build).await?;
        let answer = |error: serde_json::Error| Error::Answer {
            url: format!("{}{path}", self.url),
            reason: format!("it is no JSON: {error}"),
        };
        serde_json::from_slice(&bytes).map_err(answer)
    }

    /// The same, as the bytes that came: what is verified is verified as it was sent.
    pub async fn get_bytes(&self, path: &str) -> Result<Bytes, Error> {
        Ok(self.call(path, |url| self.http.get(url)).await?.1)
    }

    /// What became of a transaction.
    pub async fn transaction(&self, id: &TxId) -> Result<Value, Error> {
        self.get(&format!("/v1/transactions/{id}")).await
    }

    /// The offline receipt of a final transaction.
    pub async fn receipt(&self, id: &TxId) -> Result<Bytes, Error> {
        self.get_bytes(&format!("/v1/transactions/{id}/receipt")).await
    }

    /// The receipt, checked against a trust file.
    pub async fn verified(&self, id: &TxId, trust: &TrustFile) -> Result<Verified, Error> {
        Ok(hutong_ledger::receipt::verify(&self.receipt(id).await?, trust)?)
    }

    /// A record as it is, or as a version of it was.
    pub async fn record(&self, key: &RecordKey, version: Option<u64>) -> Result<Value, Error> {
        let version = version.map_or_else(String::new, |version| format!("?version={version}"));
        self.get(&format!("/v1/records/{key}{version}")).await
    }

    /// A record's versions.
    pub async fn history(&self, key: &RecordKey) -> Result<Value, Error> {
        self.get(&format!("/v1/records/{key}/history")).await
    }

    /// The offline proof of a record's current state.
    pub async fn proof(&self, key: &RecordKey) -> Result<Bytes, Error> {
        self.get_bytes(&format!("/v1/records/{key}/proof")).await
    }

    pub async fn blocks(&self) -> Result<Value, Error> {
        self.get("/v1/blocks").await
    }

    pub async fn block(&self, height: u64) -> Result<Value, Error> {
        self.get(&format!("/v1/blocks/{height}")).await
    }

    pub async fn status(&self) -> Result<Value, Error> {
        self.get("/v1/status").await
    }
}
