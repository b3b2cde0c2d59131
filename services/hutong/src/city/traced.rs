//! A bus whose requests carry the caller's trace, so that a transaction is one trace through separate processes too.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hutong_bus::{
    AppendError, Appended, Batch, Bus, Entry, Error, Filter, Headers, Message, Request, SharedBus, Stream,
    Tip,
};
use hutong_runtime::trace;

/// Passes everything on; only requests gain headers.
#[derive(Debug)]
pub struct TracedBus(pub SharedBus);

/// The span of a request that is answered here, as part of its caller's trace.
pub fn span(headers: &Headers) -> tracing::Span {
    let span = tracing::info_span!("bus.request", otel.kind = "server");
    trace::follow(&span, headers.iter());
    span
}

#[async_trait]
impl Bus for TracedBus {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        self.0.append(stream, batch).await
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
        self.0.read(stream, filter, from).await
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, Error> {
        self.0.tip(stream, subject).await
    }

    async fn publish(&self, message: Message) -> Result<(), Error> {
        self.0.publish(message).await
    }

    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, Error> {
        self.0.subscribe(filter).await
    }

    async fn request(
        &self,
        subject: &str,
        mut headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, Error> {
        for (name, value) in trace::inject() {
            headers.set(name, value);
        }
        self.0.request(subject, headers, payload, timeout).await
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        self.0.serve(subject).await
    }
}
