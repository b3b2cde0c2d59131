//! The front: one port before services that each have their own.
//!
//! It finds the service that answers a call by the call's path, sends the call there and the answer back, both as they
//! come. It describes the whole API and serves the pages of error codes. It must not decide anything: who calls, and
//! what they may, the services check themselves, and whose service a caller reaches is only a matter of address.

mod forward;
mod routes;

use std::{collections::BTreeMap, time::Duration};

use axum::{Router, middleware::from_fn_with_state};
use hutong_ledger::id::AgencyId;
use hutong_runtime::{
    Health, Metrics, SharedClock,
    http::{HttpSettings, Problem, Rates, limit_rates, openapi},
};
use reqwest::Client;
use serde::{Deserialize, Serialize};

pub use routes::{Route, Target, documents, target};

use crate::city::{CityError, errors};

/// How long a service may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// What the front is told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrontSettings {
    /// The agency whose services answer what is asked in no agency's name.
    pub agency: String,
    pub http: HttpSettings,
    pub telemetry: hutong_runtime::telemetry::TelemetrySettings,
    /// The address of each service: `ingest`, `storage-<agency>`, `property` and so on.
    pub upstreams: BTreeMap<String, String>,
}

impl hutong_runtime::config::Settings for FrontSettings {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(error) = self.agency.parse::<AgencyId>() {
            faults.push(format!("agency: {error}"));
        }
        faults.extend(self.http.faults().into_iter().map(|fault| format!("http.{fault}")));
        for (name, url) in &self.upstreams {
            if !reqwest::Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme())) {
                faults.push(format!("upstreams.{name}: {url} is no http:// address"));
            }
        }
        for name in routes::needed(&self.agency) {
            if !self.upstreams.contains_key(&name) {
                faults.push(format!("upstreams.{name}: missing; say where it answers"));
            }
        }
        faults
    }
}

/// What a call is sent on with.
#[derive(Clone, Debug)]
struct Front {
    client: Client,
    agency: String,
    upstreams: BTreeMap<String, String>,
}

/// The front's routes: everything that is not its own goes to a service.
pub fn app(
    settings: &FrontSettings,
    health: &Health,
    metrics: &Metrics,
    clock: &SharedClock,
) -> Result<Router, CityError> {
    let failed = |error| CityError::service("the front", error);
    // A redirect is the caller's to follow.
    let secure = settings.upstreams.values().find(|url| url.starts_with("https:"));
    let client = hutong_client::tls::http(secure.map_or("http:", String::as_str))
        .map_err(|error| CityError::service("the front", error))?
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none());
    let client = client.no_proxy().build().map_err(failed)?;
    let (agency, upstreams) = (settings.agency.clone(), settings.upstreams.clone());
    let front = Front { client, agency, upstreams };
    let documents = documents().into_iter().map(|(_, document)| document);
    let document = openapi::merge("Hutong", env!("CARGO_PKG_VERSION"), documents);
    let docs =
        openapi::routes(&document).map_err(|error| CityError::service("the OpenAPI document", error))?;
    let rates = Rates::new(&settings.http.rates, clock, metrics);
    Ok(Router::new()
        .merge(docs)
        .merge(errors::routes())
        .merge(health.routes())
        .merge(metrics.routes())
        .route("/", axum::routing::get(|| async { axum::response::Redirect::temporary("/docs/") }))
        .merge(forward::routes(front).layer(from_fn_with_state(rates, limit_rates))))
}

fn unknown() -> Problem {
    Problem::new("unknown_path", http::StatusCode::NOT_FOUND, "No service of this city answers here.")
}
