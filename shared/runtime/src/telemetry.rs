//! Logs and traces of the process: a tracing subscriber, once per process, and its OTLP exporter.
//!
//! The subscriber is the one thing here that the process has only one of. A second [`init`] changes nothing and
//! says so, which lets two cities start in one test process.

use std::{io::IsTerminal as _, num::NonZeroU64, time::Duration};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SdkTracerProvider},
};
use serde::{Deserialize, Serialize};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{Cause, Error, error::panic_message};

/// How long an export may take before its spans are dropped.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where logs and traces go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetrySettings {
    pub format: LogFormat,
    /// `level` or `target=level`, comma-separated.
    pub filter: String,
    /// The OTLP/HTTP endpoint for traces, such as `http://collector:4318/v1/traces`; none: no traces.
    pub otlp_endpoint: Option<String>,
    /// The OTLP/HTTP endpoint for metrics, such as `http://collector:4318/v1/metrics`; none: only `/metrics` shows them.
    pub otlp_metrics_endpoint: Option<String>,
    /// How often they are sent.
    pub otlp_metrics_every_s: NonZeroU64,
    /// The share of new traces that is kept, 0 to 1. A trace that came in with a request keeps its caller's choice.
    pub trace_ratio: f64,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".into(),
            otlp_endpoint: None,
            otlp_metrics_endpoint: None,
            otlp_metrics_every_s: NonZeroU64::new(30).unwrap_or(NonZeroU64::MIN),
            trace_ratio: 1.0,
        }
    }
}

/// For people or for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Keeps the exporter; [`Telemetry::shutdown`] sends what it still holds.
#[derive(Debug)]
#[must_use = "dropping it loses the last traces"]
pub struct Telemetry {
    provider: Option<SdkTracerProvider>,
    installed: bool,
}

impl Telemetry {
    /// Whether this call installed the subscriber; false when the process had one.
    pub fn installed(&self) -> bool {
        self.installed
    }

    /// The same from an async thread, which it does not block.
    pub async fn end(self) {
        if let Err(error) = tokio::task::spawn_blocking(|| self.shutdown()).await {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }

    /// Sends the last traces. Blocks up to the export timeout, so call it off the async threads, at the very end.
    pub fn shutdown(self) {
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown_with_timeout(EXPORT_TIMEOUT)
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Installs the subscriber. Logs go to standard error: standard output belongs to a command's result.
pub fn init(settings: &TelemetrySettings, service: &str, instance: &str) -> Result<Telemetry, Error> {
    let filter = EnvFilter::try_new(&settings.filter)
        .map_err(|source| Error::LogFilter { filter: settings.filter.clone(), source })?;
    let provider = match &settings.otlp_endpoint {
        Some(endpoint) => Some(exporter(endpoint, settings.trace_ratio, service, instance)?),
        None => None,
    };
    let traces = provider.as_ref().map(|provider| trace_layer(provider, service));
    let installed =
        tracing_subscriber::registry().with(traces).with(logs(settings.format)).with(filter).try_init();
    Ok(Telemetry { provider, installed: installed.is_ok() })
}

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

fn logs<S>(format: LogFormat) -> BoxedLayer<S>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    // Colours are for people: a file or a collector would keep their escape codes.
    let layer = if std::io::stderr().is_terminal() { layer } else { layer.with_ansi(false) };
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}

fn trace_layer(provider: &SdkTracerProvider, service: &str) -> BoxedLayer<Registry> {
    tracing_opentelemetry::layer().with_tracer(provider.tracer(service.to_owned())).boxed()
}

fn exporter(endpoint: &str, ratio: f64, service: &str, instance: &str) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(sender(endpoint)?)
        .with_endpoint(endpoint)
        .with_timeout(EXPORT_TIMEOUT)
        .build()
        .map_err(|source| Error::Traces { endpoint: endpoint.to_owned(), source: source.into() })?;
    let resource = Resource::builder()
        .with_service_name(service.to_owned())
        .with_attribute(KeyValue::new("service.instance.id", instance.to_owned()))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(resource)
        .build())
}

/// A client that blocks, as the exporter's own thread may. Made on a thread too: it may not be made on an async one.
fn sender(endpoint: &str) -> Result<reqwest::blocking::Client, Error> {
    let tls = crate::tls::client(endpoint.starts_with("https:"))?;
    let make = || reqwest::blocking::Client::builder().tls_backend_preconfigured(tls).build();
    let made = std::thread::scope(|scope| scope.spawn(make).join());
    let failed = |source: Cause| Error::Traces { endpoint: endpoint.to_owned(), source };
    match made {
        Ok(made) => made.map_err(|error| failed(error.into())),
        Err(payload) => Err(failed(panic_message(payload.as_ref()).into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_twice_is_harmless() {
        let settings = TelemetrySettings { filter: "warn".into(), ..TelemetrySettings::default() };
        let first = init(&settings, "hutong", "one").unwrap();
        let second = init(&settings, "hutong", "two").unwrap();
        assert!(!(first.installed() && second.installed()));
        first.shutdown();
        second.shutdown();
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        let settings = TelemetrySettings { filter: "hutong=loudly".into(), ..TelemetrySettings::default() };
        assert!(matches!(init(&settings, "hutong", "one"), Err(Error::LogFilter { .. })));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_reach_the_collector() {
        use axum::{Router, body::Bytes, routing::post};
        use tracing::subscriber::with_default;

        let (sent, mut received) = tokio::sync::mpsc::channel::<Bytes>(4);
        let app = Router::new().route(
            "/v1/traces",
            post(move |body: Bytes| async move {
                let _ = sent.send(body).await;
            }),
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, app).await });
        let provider = exporter(&endpoint, 1.0, "storage", "alpha").unwrap();
        let subscriber = tracing_subscriber::registry().with(trace_layer(&provider, "storage"));
        with_default(subscriber, || tracing::info_span!("cosign the checkpoint").in_scope(|| {}));
        let telemetry = Telemetry { provider: Some(provider), installed: false };
        tokio::task::spawn_blocking(|| telemetry.shutdown()).await.unwrap();
        let body = received.recv().await.unwrap();
        let holds = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(holds("cosign the checkpoint") && holds("storage") && holds("alpha"));
        server.abort();
    }
}
