//! The bus over NATS JetStream.
//!
//! It looks at the broker before it runs on it, and refuses with [`Error::Unfit`] where promises of the port would
//! not hold: an old server, a stream that may drop or rewrite entries, a broker that acknowledges before it syncs.
//! Readers and listeners reconnect by themselves; appends and requests never repeat themselves.
//!
//! It must not rely on anything that the broker remembers for a reader, change a stream that exists, or read more
//! into an answer than it says: an acknowledgement that does not come is unknown, never a failure.
//!
//! Parts: [`server`] and [`streams`] check, [`append`] and [`reader`] work, [`names`] translates.

mod append;
mod names;
mod options;
mod reader;
mod server;
mod streams;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions, Event, RequestErrorKind,
    jetstream::{
        self,
        context::GetStreamErrorKind,
        stream::{DirectGetErrorKind, LastRawMessageErrorKind},
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use hutong_bus::{
    AppendError, Appended, Batch, Bus, Entry, Error, Filter, Headers, Message, Request, Stream, Tip,
};
use tokio::sync::watch;

pub use options::{Credentials, Options, Tls};

use crate::{
    append::Appender,
    names::{Names, from_broker, to_broker},
};

/// A connection to a broker that was found fit. When the last owner drops it, readers and listeners end.
#[derive(Debug)]
pub struct NatsBus {
    shared: Arc<Shared>,
    /// Its end is what readers and listeners watch.
    open: watch::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    jetstream: jetstream::Context,
    names: Names,
    request_timeout: Duration,
    by_subject: bool,
    /// In the order of [`Stream::ALL`], as last seen.
    incarnations: [AtomicU64; 3],
}

impl NatsBus {
    /// Connects, makes the streams that are missing, and checks that server and streams are fit.
    pub async fn connect(options: Options) -> Result<Arc<Self>, Error> {
        let names = Names::new(options.namespace.as_deref())?;
        let client = connect(&options).await?;
        server::check(&client.server_info())?;
        server::check_sync(&client, &options).await?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(options.request_timeout);
        let incarnations: [AtomicU64; 3] = Default::default();
        for (stream, incarnation) in Stream::ALL.into_iter().zip(&incarnations) {
            let info = streams::ensure(&jetstream, stream, &names, &options).await?;
            incarnation.store(streams::incarnation(&info), Ordering::Release);
        }
        let Options { request_timeout, by_subject, .. } = options;
        let shared = Arc::new(Shared { client, jetstream, names, request_timeout, by_subject, incarnations });
        Ok(Arc::new(Self { shared, open: watch::Sender::new(()) }))
    }

    /// Returns when the broker has seen what this connection sent before: a listener that was announced hears
    /// whatever anyone publishes from now on.
    async fn settle(&self) -> Result<(), Error> {
        match self.shared.jetstream.query_account().await {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::transport("cannot reach the broker", error)),
        }
    }
}

async fn connect(options: &Options) -> Result<Client, Error> {
    let mut connect = ConnectOptions::new()
        .name(&options.name)
        .request_timeout(Some(options.request_timeout))
        .subscription_capacity(options.queue_messages_max)
        .event_callback(|event| async move {
            match event {
                Event::Connected => tracing::info!("connected to the broker"),
                event => tracing::warn!(%event, "the connection to the broker changed"),
            }
        });
    connect = match options.credentials.clone() {
        Credentials::None => connect,
        Credentials::UserPassword { user, password } => connect.user_and_password(user, password),
        Credentials::Token(token) => connect.token(token),
        Credentials::NKey(seed) => connect.nkey(seed),
    };
    if let Some(inbox) = &options.inbox {
        connect = connect.custom_inbox_prefix(inbox);
    }
    if let Some(Tls { authorities, certificate }) = options.tls.clone() {
        connect = connect.require_tls(true);
        if let Some(authorities) = authorities {
            connect = connect.add_root_certificates(authorities);
        }
        if let Some((certificate, key)) = certificate {
            connect = connect.add_client_certificate(certificate, key);
        }
    }
    let servers: Vec<&str> = options.url.split(',').map(str::trim).collect();
    connect
        .connect(servers)
        .await
        .map_err(|error| Error::transport(format!("cannot connect to {}", options.url), error))
}

impl Shared {
    fn incarnation(&self, stream: Stream) -> u64 {
        self.seen(stream).load(Ordering::Acquire)
    }

    fn seen(&self, stream: Stream) -> &AtomicU64 {
        match stream {
            Stream::Transactions => &self.incarnations[0],
            Stream::Blocks => &self.incarnations[1],
            Stream::Events => &self.incarnations[2],
        }
    }

    /// The sequence of the last entry under a subject (as the broker names it); 0 if there is none.
    async fn last(&self, stream: Stream, subject: &str) -> Result<u64, Error> {
        let at_broker = self.jetstream.get_stream_no_info(self.names.stream(stream)).await;
        let at_broker =
            at_broker.map_err(|error| Error::transport(format!("cannot look at {stream}"), error))?;
        if self.by_subject {
            return match at_broker.direct_get_last_for_subject(subject).await {
                Ok(message) => Ok(message.sequence),
                Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(0),
                Err(error) => Err(Error::transport(format!("cannot look at {stream}"), error)),
            };
        }
        match at_broker.get_last_raw_message_by_subject(subject).await {
            Ok(message) => Ok(message.sequence),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
            Err(error) => Err(Error::transport(format!("cannot look at {stream}"), error)),
        }
    }

    /// Looks at the stream, and notes whether it is still the same.
    async fn info(&self, stream: Stream) -> Result<jetstream::stream::Info, Error> {
        let name = self.names.stream(stream);
        let found = self.jetstream.get_stream(&name).await.map_err(|error| match error.kind() {
            GetStreamErrorKind::JetStream(_) => {
                server::unfit(format!("the stream {name} cannot be used: {error}; start again to make it"))
            }
            _ => Error::transport(format!("cannot look at the stream {name}"), error),
        })?;
        let info = found.cached_info().clone();
        let incarnation = streams::incarnation(&info);
        if self.seen(stream).swap(incarnation, Ordering::AcqRel) != incarnation {
            tracing::warn!(%stream, incarnation, "the stream was made anew");
        }
        Ok(info)
    }
}

#[async_trait]
impl Bus for NatsBus {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        let Shared { client, names, request_timeout, .. } = &*self.shared;
        let incarnation = self.shared.incarnation(stream);
        Appender { client, names, timeout: *request_timeout, incarnation, stream }.append(batch).await
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
        reader::read(self.shared.clone(), self.open.subscribe(), stream, filter, from).await
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, Error> {
        let subject = self.shared.names.subject(subject);
        // The subject first: so the stream's end is never before it.
        let subject_sequence = self.shared.last(stream, &subject).await?;
        let info = self.shared.info(stream).await?;
        Ok(Tip {
            incarnation: streams::incarnation(&info),
            sequence: info.state.last_sequence,
            subject_sequence,
            first_sequence: info.state.first_sequence.max(1),
        })
    }

    async fn publish(&self, message: Message) -> Result<(), Error> {
        message.check()?;
        let subject = self.shared.names.subject(&message.subject);
        let sent = if message.headers.is_empty() {
            self.shared.client.publish(subject, message.payload).await
        } else {
            self.shared
                .client
                .publish_with_headers(subject, to_broker(&message.headers), message.payload)
                .await
        };
        sent.map_err(|error| Error::transport(format!("cannot publish under {}", message.subject), error))
    }

    async fn subscribe(&self, filter: Filter) -> Result<BoxStream<'static, Message>, Error> {
        filter.check()?;
        let mut subscriptions = Vec::new();
        for pattern in self.shared.names.patterns(&filter) {
            let subscription = self.shared.client.subscribe(pattern).await;
            subscriptions.push(subscription.map_err(|error| Error::transport("cannot subscribe", error))?);
        }
        self.settle().await?;
        let names = self.shared.names.clone();
        let messages = futures::stream::select_all(subscriptions).map(move |message| local(&names, &message));
        Ok(messages.take_until(ended(self.open.subscribe())).boxed())
    }

    async fn request(
        &self,
        subject: &str,
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, Error> {
        let message = Message { subject: subject.into(), headers, payload };
        message.check()?;
        let Message { subject, headers, payload } = message;
        let mut request = async_nats::Request::new().payload(payload).timeout(Some(timeout));
        if !headers.is_empty() {
            request = request.headers(to_broker(&headers));
        }
        match self.shared.client.send_request(self.shared.names.subject(&subject), request).await {
            Ok(reply) => {
                Ok(Message { subject, headers: from_broker(reply.headers.as_ref()), payload: reply.payload })
            }
            Err(error) => Err(match error.kind() {
                RequestErrorKind::NoResponders => Error::NoResponder { subject },
                RequestErrorKind::TimedOut => Error::Timeout { subject },
                _ => Error::transport(format!("cannot ask {subject}"), error),
            }),
        }
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        Filter::one(subject).check()?;
        let subscription = self.shared.client.subscribe(self.shared.names.subject(subject)).await;
        let subscription =
            subscription.map_err(|error| Error::transport(format!("cannot serve {subject}"), error))?;
        self.settle().await?;
        let shared = self.shared.clone();
        // A message that names nowhere to answer is no request.
        let requests = subscription.filter_map(move |message| std::future::ready(request(&shared, message)));
        Ok(requests.take_until(ended(self.open.subscribe())).boxed())
    }
}

/// Completes when the bus is dropped.
async fn ended(mut open: watch::Receiver<()>) {
    let _ = open.changed().await;
}

fn local(names: &Names, message: &async_nats::Message) -> Message {
    Message {
        subject: names.local(&message.subject).to_owned(),
        headers: from_broker(message.headers.as_ref()),
        payload: message.payload.clone(),
    }
}

fn request(shared: &Arc<Shared>, message: async_nats::Message) -> Option<Request> {
    let inbox = message.reply.clone()?;
    let message = local(&shared.names, &message);
    let (client, subject) = (shared.client.clone(), message.subject.clone());
    let respond = move |headers: Headers, payload: Bytes| {
        let reply = Message { subject, headers, payload };
        Box::pin(async move {
            reply.check()?;
            let sent = if reply.headers.is_empty() {
                client.publish(inbox, reply.payload).await
            } else {
                client.publish_with_headers(inbox, to_broker(&reply.headers), reply.payload).await
            };
            sent.map_err(|error| Error::transport(format!("cannot answer under {}", reply.subject), error))
        }) as futures::future::BoxFuture<'static, _>
    };
    Some(Request { message, respond: Box::new(respond) })
}
