//! Carries the trace over a boundary (W3C Trace Context), so that one transaction is one trace through every
//! service. When nothing is traced, both directions cost a check and allocate nothing.

use std::collections::HashMap;

use opentelemetry::{
    propagation::TextMapPropagator as _,
    trace::{SpanContext, TraceContextExt as _},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The header that carries the trace; `tracestate` may follow it.
pub const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";

/// The headers that carry the current span to whoever receives them; none when it is not traced.
pub fn inject() -> Vec<(String, String)> {
    let span = Span::current();
    if span.is_none() {
        return Vec::new();
    }
    let context = span.context();
    if !context.span().span_context().is_valid() {
        return Vec::new();
    }
    let mut headers = HashMap::with_capacity(2);
    TraceContextPropagator::new().inject_context(&context, &mut headers);
    headers.retain(|_, value| !value.is_empty());
    headers.into_iter().collect()
}

/// Makes the span a child of the one that the headers carry, if they carry one. The span must not have begun:
/// call this before entering it. What is no trace context is passed over.
pub fn follow<'a>(span: &Span, headers: impl IntoIterator<Item = (&'a str, &'a str)>) {
    if span.is_disabled() {
        return;
    }
    if let Some(context) = extract(headers) {
        let _ = span.set_parent(context);
    }
}

/// Links the span to the one that the headers carry: for a block, which follows from many transactions.
pub fn link<'a>(span: &Span, headers: impl IntoIterator<Item = (&'a str, &'a str)>) {
    if span.is_disabled() {
        return;
    }
    if let Some(context) = extract(headers) {
        let linked: SpanContext = context.span().span_context().clone();
        span.add_link(linked);
    }
}

fn extract<'a>(headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<opentelemetry::Context> {
    let carried: HashMap<String, String> = headers
        .into_iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case(TRACEPARENT) || name.eq_ignore_ascii_case(TRACESTATE))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    if !carried.contains_key(TRACEPARENT) {
        return None;
    }
    let context = TraceContextPropagator::new().extract(&carried);
    context.span().span_context().is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    fn traced<R>(run: impl FnOnce() -> R) -> R {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        with_default(tracing_subscriber::registry().with(layer), run)
    }

    fn pairs(headers: &[(String, String)]) -> Vec<(&str, &str)> {
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn a_span_follows_over_a_boundary() {
        let sent = traced(|| tracing::info_span!("submit").in_scope(inject));
        assert_eq!(sent[0].0, TRACEPARENT);
        let trace_id = sent[0].1.split('-').nth(1).unwrap().to_owned();
        let onward = traced(|| {
            let span = tracing::info_span!("order");
            follow(&span, [("TraceParent", sent[0].1.as_str())]);
            span.in_scope(inject)
        });
        assert_eq!(onward[0].1.split('-').nth(1).unwrap(), trace_id);
        assert_ne!(onward[0].1, sent[0].1);
    }

    #[test]
    fn a_link_keeps_the_own_trace() {
        let sent = traced(|| tracing::info_span!("submit").in_scope(inject));
        let block = traced(|| {
            let span = tracing::info_span!("block");
            link(&span, pairs(&sent));
            span.in_scope(inject)
        });
        assert_ne!(block[0].1.split('-').nth(1), sent[0].1.split('-').nth(1));
    }

    #[test]
    fn untraced_means_no_headers() {
        assert!(inject().is_empty());
        with_default(tracing_subscriber::registry(), || {
            tracing::info_span!("plain").in_scope(|| assert!(inject().is_empty()));
        });
        traced(|| assert!(inject().is_empty()));
    }

    #[test]
    fn what_is_no_context_is_passed_over() {
        traced(|| {
            for value in ["", "00-zz", "00-00000000000000000000000000000000-0000000000000000-01", "\u{1F980}"]
            {
                let span = tracing::info_span!("receive");
                follow(&span, [(TRACEPARENT, value), ("other", "x")]);
                assert_eq!(span.in_scope(inject).len(), 1);
            }
        });
    }
}
