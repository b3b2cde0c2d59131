//! Metrics of one process or one city: counters, gauges and latencies by name, and `/metrics` in OpenMetrics.
//!
//! Handles are cheap to clone; take them once and keep them, since asking by name takes a lock. Labels name
//! things of a bounded number (domain, route, agency), never people or records.

use std::{collections::HashMap, fmt, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{StatusCode, header};
use parking_lot::Mutex;
use prometheus_client::{
    encoding::text::encode,
    metrics::family::{Family, MetricConstructor},
    registry::Registry,
};

mod invariants;
pub mod otlp;

pub use invariants::InvariantCounters;
pub use prometheus_client::metrics::{counter::Counter, gauge::Gauge, histogram::Histogram};

/// The media type of OpenMetrics text.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels = Vec<(String, String)>;

/// The upper bounds of latency buckets, in seconds: from a fraction of the finality goal to where callers give up.
const LATENCY_S: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0];

/// Makes histograms with the latency buckets.
#[derive(Clone, Copy, Debug)]
struct Latencies;

impl MetricConstructor<Histogram> for Latencies {
    fn new_metric(&self) -> Histogram {
        Histogram::new(LATENCY_S)
    }
}

enum Kind {
    Counter(Family<Labels, Counter>),
    Gauge(Family<Labels, Gauge>),
    Latency(Family<Labels, Histogram, Latencies>),
}

#[derive(Default)]
struct Inner {
    registry: Registry,
    families: HashMap<String, Kind>,
}

/// The registry. Clones share it.
#[derive(Clone, Default)]
pub struct Metrics {
    inner: Arc<Mutex<Inner>>,
}

/// Finds the family of a name, or registers it. A name that already stands for another kind is a mistake in the
/// program: it is logged, and the handle works but is not exported.
macro_rules! family {
    ($metrics:expr, $name:expr, $help:expr, $labels:expr, $kind:ident, $make:expr) => {{
        let inner = &mut *$metrics.inner.lock();
        let labels: Labels = $labels.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        match inner.families.get($name) {
            Some(Kind::$kind(family)) => family.get_or_create_owned(&labels),
            Some(_) => {
                tracing::error!(
                    name = $name,
                    "the metric exists with another kind; this one is not exported"
                );
                $make.get_or_create_owned(&labels)
            }
            None => {
                let family = $make;
                inner.registry.register($name, $help.trim_end_matches('.'), family.clone());
                inner.families.insert($name.to_owned(), Kind::$kind(family.clone()));
                family.get_or_create_owned(&labels)
            }
        }
    }};
}

impl Metrics {
    pub fn new() -> Self {
        Self::default()
    }

    /// A count that only grows. Its exported name ends in `_total`, whether or not the given one does.
    pub fn counter(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Counter {
        let name = name.strip_suffix("_total").unwrap_or(name);
        family!(self, name, help, labels, Counter, Family::<Labels, Counter>::default())
    }

    /// A number that goes up and down.
    pub fn gauge(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Gauge {
        family!(self, name, help, labels, Gauge, Family::<Labels, Gauge>::default())
    }

    /// A distribution of seconds. By custom the name ends in `_seconds`.
    pub fn latency(&self, name: &str, help: &str, labels: &[(&str, &str)]) -> Histogram {
        let make = Family::<Labels, Histogram, Latencies>::new_with_constructor(Latencies);
        family!(self, name, help, labels, Latency, make)
    }

    /// Everything, as OpenMetrics text.
    pub fn encode(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.inner.lock().registry)?;
        Ok(text)
    }

    /// `/metrics`.
    pub fn routes(&self) -> Router {
        Router::new().route("/metrics", get(serve)).with_state(self.clone())
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("families", &self.inner.lock().families.len()).finish()
    }
}

async fn serve(State(metrics): State<Metrics>) -> Response {
    match metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics can't be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::Request;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn the_same_name_and_labels_are_the_same_metric() {
        let metrics = Metrics::new();
        let property = metrics.counter("hutong_final_total", "Final.", &[("domain", "property")]);
        property.inc();
        metrics.counter("hutong_final_total", "Final.", &[("domain", "property")]).inc_by(2);
        metrics.counter("hutong_final", "Final.", &[("domain", "parking")]).inc();
        assert_eq!(property.get(), 3);
        let text = metrics.encode().unwrap();
        assert!(text.contains("hutong_final_total{domain=\"property\"} 3\n"), "{text}");
        assert!(text.contains("hutong_final_total{domain=\"parking\"} 1\n"), "{text}");
        assert_eq!(text.matches("# TYPE hutong_final counter").count(), 1, "{text}");
    }

    #[test]
    fn two_cities_share_nothing() {
        let (one, two) = (Metrics::new(), Metrics::new());
        one.gauge("hutong_height", "Height.", &[]).set(7);
        two.gauge("hutong_height", "Height.", &[]).set(9);
        assert!(one.encode().unwrap().contains("hutong_height{} 7\n"));
        assert!(two.encode().unwrap().contains("hutong_height{} 9\n"));
    }

    #[test]
    fn a_name_of_two_kinds_is_exported_once() {
        let metrics = Metrics::new();
        metrics.gauge("hutong_x", "X.", &[]).set(1);
        metrics.latency("hutong_x", "X.", &[]).observe(1.0);
        assert_eq!(metrics.encode().unwrap().matches("# TYPE").count(), 1);
    }

    #[tokio::test]
    async fn latencies_are_served_with_their_buckets() {
        let metrics = Metrics::new();
        metrics.latency("hutong_wait_seconds", "Wait.", &[("step", "sign")]).observe(0.003);
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = metrics.routes().oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], OPENMETRICS);
        let text = to_bytes(response.into_body(), 100_000).await.unwrap();
        let text = std::str::from_utf8(&text).unwrap();
        assert!(text.contains("hutong_wait_seconds_bucket{le=\"0.005\",step=\"sign\"} 1"), "{text}");
        assert!(text.contains("hutong_wait_seconds_bucket{le=\"0.002\",step=\"sign\"} 0"), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
