//! Metrics over OTLP/HTTP: what `/metrics` shows, sent to a collector every so often (OTLP 1.x, `ExportMetricsServiceRequest` as
//! binary protobuf). All numbers are cumulative, so what one attempt loses the next one brings.

use std::time::Duration;

use axum::body::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};
use prometheus_client::encoding::prometheus_protobuf::{self, prometheus_data_model as model};
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use crate::{Error, SharedClock};

/// How long the collector may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// What a collector may say to a request, at most.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Whose metrics they are.
#[derive(Clone, Debug)]
pub struct Origin {
    pub service: String,
    pub instance: String,
    pub version: String,
}

/// Sends metrics to one collector.
#[derive(Debug)]
pub struct Exporter {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    endpoint: Uri,
    every: Duration,
    origin: Origin,
    clock: SharedClock,
}

/// Why the collector did not take them.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the collector does not answer")]
    Unreachable(#[source] hyper_util::client::legacy::Error),
    #[error("the collector did not answer in time")]
    Timeout,
    #[error("the collector answered with status {0}")]
    Status(http::StatusCode),
    #[error("the metrics can't be written: {0}")]
    Form(String),
}

impl Exporter {
    pub fn new(endpoint: &str, every: Duration, origin: Origin, clock: SharedClock) -> Result<Self, Error> {
        let refused = |source: Box<dyn std::error::Error + Send + Sync>| Error::MetricsExport {
            endpoint: endpoint.to_owned(),
            source,
        };
        let uri: Uri = endpoint.parse().map_err(|error| refused(Box::new(error)))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(refused("it is no http:// or https:// address".into())),
        };
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(crate::tls::client(tls)?)
            .https_or_http()
            .enable_http1();
        let client = Client::builder(TokioExecutor::new()).build(connector.build());
        Ok(Self { client, endpoint: uri, every, origin, clock })
    }

    /// Sends them until told to stop, and then once more.
    pub async fn run(self, metrics: Metrics, stop: CancellationToken) {
        let began_ms = self.clock.unix_ms();
        let mut well = true;
        loop {
            let stopped = tokio::select! {
                () = stop.cancelled() => true,
                () = self.clock.sleep(self.every) => false,
            };
            match self.send(&metrics, began_ms).await {
                Ok(()) => {
                    if !std::mem::replace(&mut well, true) {
                        tracing::info!("the collector takes metrics again");
                    }
                }
                // Once, and not each time: a collector may be away for days.
                Err(error) => {
                    if std::mem::replace(&mut well, false) {
                        tracing::warn!(%error, "metrics were not sent; the next attempts are silent");
                    }
                }
            }
            if stopped {
                return;
            }
        }
    }

    async fn send(&self, metrics: &Metrics, began_ms: u64) -> Result<(), Failure> {
        let families = prometheus_protobuf::encode(&metrics.inner.lock().registry)
            .map_err(|error| Failure::Form(error.to_string()))?;
        let body = request(families, &self.origin, began_ms, self.clock.unix_ms()).encode_to_vec();
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, PROTOBUF);
        let sent = async {
            let answer = self.client.request(request).await.map_err(Failure::Unreachable)?;
            let status = answer.status();
            // Read so that the connection can be used again; what the collector says besides is its own affair.
            let _ = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await;
            if status.is_success() { Ok(()) } else { Err(Failure::Status(status)) }
        };
        tokio::select! {
            sent = sent => sent,
            () = self.clock.sleep(TIMEOUT) => Err(Failure::Timeout),
        }
    }
}

/// The metrics in the form of OTLP.
fn request(
    families: Vec<model::MetricFamily>,
    origin: &Origin,
    began_ms: u64,
    now_ms: u64,
) -> ExportMetricsServiceRequest {
    let times = Times { began: began_ms.saturating_mul(1_000_000), now: now_ms.saturating_mul(1_000_000) };
    let attributes = vec![
        attribute("service.name", &origin.service),
        attribute("service.instance.id", &origin.instance),
        attribute("service.version", &origin.version),
    ];
    let scope =
        InstrumentationScope { name: "hutong".into(), version: origin.version.clone(), ..Default::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(Resource { attributes, ..Default::default() }),
            scope_metrics: vec![ScopeMetrics {
                scope: Some(scope),
                metrics: families.into_iter().filter_map(|family| metric(family, times)).collect(),
                ..Default::default()
            }],
            ..Default::default()
        }],
    }
}

/// Nanoseconds since 1970.
#[derive(Clone, Copy)]
struct Times {
    began: u64,
    now: u64,
}

/// None for kinds that there are none of.
fn metric(family: model::MetricFamily, times: Times) -> Option<Metric> {
    let points = family.metric.into_iter().map(|point| {
        let attributes: Vec<KeyValue> =
            point.label.iter().map(|label| attribute(&label.name, &label.value)).collect();
        (attributes, point)
    });
    let number = |attributes, value| NumberDataPoint {
        attributes,
        start_time_unix_nano: times.began,
        time_unix_nano: times.now,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..Default::default()
    };
    let cumulative = AggregationTemporality::Cumulative as i32;
    let data = match model::MetricType::try_from(family.r#type).ok()? {
        model::MetricType::Gauge => Data::Gauge(Gauge {
            data_points: points
                .filter_map(|(attributes, point)| Some(number(attributes, point.gauge?.value)))
                .collect(),
        }),
        model::MetricType::Counter => Data::Sum(Sum {
            data_points: points
                .filter_map(|(attributes, point)| Some(number(attributes, point.counter?.value)))
                .collect(),
            aggregation_temporality: cumulative,
            is_monotonic: true,
        }),
        model::MetricType::Histogram => Data::Histogram(Histogram {
            data_points: points
                .filter_map(|(attributes, point)| Some(histogram(attributes, &point.histogram?, times)))
                .collect(),
            aggregation_temporality: cumulative,
        }),
        _ => return None,
    };
    let unit = if family.name.ends_with("_seconds") { "s" } else { "" };
    // The suffix is of Prometheus; a collector that speaks it puts it back.
    let name = family.name.strip_suffix("_total").unwrap_or(&family.name);
    Some(Metric {
        name: name.to_owned(),
        description: family.help,
        unit: unit.into(),
        data: Some(data),
        ..Default::default()
    })
}

/// Prometheus counts what is up to each bound; here each bucket counts its own, and the last, without a bound, the rest.
fn histogram(attributes: Vec<KeyValue>, told: &model::Histogram, times: Times) -> HistogramDataPoint {
    let bounded: Vec<_> = told.bucket.iter().filter(|bucket| bucket.upper_bound < f64::MAX).collect();
    let mut below = 0;
    let mut bucket_counts: Vec<u64> = bounded
        .iter()
        .map(|bucket| {
            bucket.cumulative_count.saturating_sub(std::mem::replace(&mut below, bucket.cumulative_count))
        })
        .collect();
    bucket_counts.push(told.sample_count.saturating_sub(below));
    HistogramDataPoint {
        attributes,
        start_time_unix_nano: times.began,
        time_unix_nano: times.now,
        count: told.sample_count,
        sum: Some(told.sample_sum),
        bucket_counts,
        explicit_bounds: bounded.iter().map(|bucket| bucket.upper_bound).collect(),
        ..Default::default()
    }
}

fn attribute(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, extract::State, http::HeaderMap, routing::post};
    use tokio::sync::mpsc;

    use super::*;
    use crate::{ManualClock, SystemClock};

    fn origin() -> Origin {
        Origin { service: "storage".into(), instance: "alpha".into(), version: "1.2.3".into() }
    }

    type Received = (HeaderMap, Bytes);

    async fn collector() -> (String, mpsc::Receiver<Received>) {
        async fn take(
            State(sent): State<mpsc::Sender<Received>>,
            headers: HeaderMap,
            body: Bytes,
        ) -> &'static str {
            sent.send((headers, body)).await.unwrap();
            ""
        }
        let (sent, received) = mpsc::channel(16);
        let app = Router::new().route("/v1/metrics", post(take)).with_state(sent);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/v1/metrics", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (endpoint, received)
    }

    fn find<'a>(request: &'a ExportMetricsServiceRequest, name: &str) -> &'a Data {
        let metrics = &request.resource_metrics[0].scope_metrics[0].metrics;
        metrics.iter().find(|metric| metric.name == name).unwrap().data.as_ref().unwrap()
    }

    #[tokio::test]
    async fn a_collector_gets_every_kind_again_and_again_and_once_more_at_the_end() {
        let (endpoint, mut received) = collector().await;
        let metrics = Metrics::new();
        metrics.counter("hutong_final_total", "Final.", &[("domain", "property")]).inc_by(3);
        metrics.gauge("hutong_height", "Height.", &[]).set(-7);
        let latency = metrics.latency("hutong_wait_seconds", "Wait.", &[]);
        latency.observe(0.003);
        latency.observe(0.0031);
        latency.observe(100.0);
        let clock = ManualClock::at(5_000);
        let every = Duration::from_secs(30);
        let exporter = Exporter::new(&endpoint, every, origin(), Arc::new(clock.clone())).unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(exporter.run(metrics.clone(), stop.clone()));
        while clock.sleepers() == 0 {
            tokio::task::yield_now().await;
        }
        clock.advance(every);
        let (headers, body) = received.recv().await.unwrap();
        assert_eq!(headers["content-type"], "application/x-protobuf");
        let request = ExportMetricsServiceRequest::decode(body).unwrap();
        let attributes = &request.resource_metrics[0].resource.as_ref().unwrap().attributes;
        assert!(attributes.contains(&attribute("service.name", "storage")));
        assert!(attributes.contains(&attribute("service.instance.id", "alpha")));
        let Data::Sum(sum) = find(&request, "hutong_final") else { panic!("a counter is a sum") };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
        let point = &sum.data_points[0];
        assert_eq!(point.value, Some(number_data_point::Value::AsDouble(3.0)));
        assert_eq!(point.attributes, [attribute("domain", "property")]);
        assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (5_000_000_000, 35_000_000_000));
        let Data::Gauge(gauge) = find(&request, "hutong_height") else { panic!("a gauge is a gauge") };
        assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsDouble(-7.0)));
        let Data::Histogram(histogram) = find(&request, "hutong_wait_seconds") else { panic!("a histogram") };
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.bucket_counts.iter().sum::<u64>()), (3, 3));
        assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
        let at = point.explicit_bounds.iter().position(|bound| (bound - 0.005).abs() < 1e-9).unwrap();
        assert_eq!((point.bucket_counts[at], point.bucket_counts.last()), (2, Some(&1)));
        metrics.counter("hutong_final_total", "Final.", &[("domain", "property")]).inc();
        stop.cancel();
        running.await.unwrap();
        let request = ExportMetricsServiceRequest::decode(received.recv().await.unwrap().1).unwrap();
        let Data::Sum(sum) = find(&request, "hutong_final") else { panic!("a counter is a sum") };
        assert_eq!(sum.data_points[0].value, Some(number_data_point::Value::AsDouble(4.0)));
    }

    #[tokio::test]
    async fn a_collector_that_is_away_keeps_nothing_from_going_on() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}/v1/metrics", listener.local_addr().unwrap());
        drop(listener);
        let exporter =
            Exporter::new(&endpoint, Duration::from_secs(1), origin(), SystemClock::shared()).unwrap();
        assert!(matches!(exporter.send(&Metrics::new(), 0).await, Err(Failure::Unreachable(_))));
        let stop = CancellationToken::new();
        stop.cancel();
        exporter.run(Metrics::new(), stop).await;
    }

    #[test]
    fn an_endpoint_that_is_none_is_refused() {
        for wrong in ["collector:4318", "ftp://collector/v1/metrics", ""] {
            let made = Exporter::new(wrong, Duration::from_secs(1), origin(), SystemClock::shared());
            assert!(matches!(made, Err(Error::MetricsExport { .. })), "{wrong}");
        }
    }
}
