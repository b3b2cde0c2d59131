//! A newcomer to a city whose streams no longer hold the past: it takes blocks and segments from the other agencies, believes what
//! their certificates and roots bear out, and counts.

#![allow(clippy::unwrap_used, clippy::panic)] // A test's helpers fail as its tests do.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hutong::{
    city::{
        domains::RECORD_TYPES,
        host::Host,
        layout::Layout,
        parts::Site,
        settings::CitySettings,
        up::{Options, Running},
    },
    deploy::{Place, newcomer},
};
use hutong_bus::{
    AppendError, Appended, Batch, Bus, Entry, Error, Filter, Headers, Message, Request, SharedBus, Stream,
    Tip,
};
use hutong_client::{City, Client, Submitted};
use hutong_ledger::{
    epoch::Key,
    id::{AgencyId, Domain},
};
use hutong_membership::proposal::{self, Newcomer};
use hutong_peer::{SharedStorage, subjects};
use hutong_property::build;
use hutong_runtime::supervisor::Grace;
use hutong_wire::v1::property::Unit;

/// A bus whose stream of blocks begins at a sequence: what was before has expired.
#[derive(Debug)]
struct Expired(SharedBus, u64);

#[async_trait]
impl Bus for Expired {
    async fn append(&self, stream: Stream, batch: Batch) -> Result<Appended, AppendError> {
        self.0.append(stream, batch).await
    }

    async fn read(
        &self,
        stream: Stream,
        filter: Filter,
        from: u64,
    ) -> Result<BoxStream<'static, Result<Entry, Error>>, Error> {
        let from = if stream == Stream::Blocks { from.max(self.1) } else { from };
        self.0.read(stream, filter, from).await
    }

    async fn tip(&self, stream: Stream, subject: &str) -> Result<Tip, Error> {
        let tip = self.0.tip(stream, subject).await?;
        Ok(if stream == Stream::Blocks { Tip { first_sequence: self.1, ..tip } } else { tip })
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
        headers: Headers,
        payload: Bytes,
        timeout: Duration,
    ) -> Result<Message, Error> {
        self.0.request(subject, headers, payload, timeout).await
    }

    async fn serve(&self, subject: &str) -> Result<BoxStream<'static, Request>, Error> {
        self.0.serve(subject).await
    }
}

async fn register(client: &Client, city: &City, parcel: &str) {
    let signer = client.signer().unwrap();
    let unit = Unit { place: "NAmes".into(), r#use: "RL".into(), area_centi_mm2: 1, ..Unit::default() };
    let party = build::party([1; 16], &signer.agency);
    let action = build::register(parcel, unit, vec![build::ownership(party, build::share(1, 1))]);
    let domain = "property".parse().unwrap();
    let transaction = client.build(domain).unwrap().action(action).sign(&[signer]).unwrap();
    let submitted = client.submit_final(&transaction).await.unwrap();
    assert!(matches!(submitted, Submitted::Final { .. }), "{} {submitted:?}", city.chain);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_past_comes_from_other_agencies_where_the_stream_ends() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: 4,
        nats: None,
        name: "testville".parse().unwrap(),
    };
    let running = Running::start(Layout::new(folder.path()), options).await.unwrap();
    let city = City::open(folder.path()).unwrap();
    let property: Domain = "property".parse().unwrap();
    let client = Client::of(&city, &city.owner(&property).unwrap().id).unwrap();
    for n in 0..12 {
        register(&client, &city, &format!("p-{n}")).await;
    }

    // The members take it in.
    let id: AgencyId = "transport".parse().unwrap();
    let own = tempfile::tempdir().unwrap();
    let plan = newcomer::Plan { id, validating: true, domains: vec![property], place: Place::Containers };
    let made = newcomer::generate(&plan).unwrap();
    newcomer::write_keys(own.path(), &plan, &made).unwrap();
    let keys = made.iter().map(|key| Key { purpose: key.purpose, public: key.public().0 }).collect();
    let joining = Newcomer { id, name: "Transport".into(), validating: true, keys, domains: vec![property] };
    let next = proposal::joined(&running.genesis.epoch, &joining).unwrap();
    let members: Vec<AgencyId> = running.genesis.epoch.agencies.iter().map(|agency| agency.id).collect();
    let signers: Vec<_> = members.iter().map(|id| city.signer(id).unwrap()).collect();
    let builder = client.build(Domain::MEMBERSHIP).unwrap().action(proposal::replace(&next));
    let builder = members.iter().fold(builder, |builder, id| builder.signer(*id));
    let transaction = builder.sign(&signers.iter().collect::<Vec<_>>()).unwrap();
    let Submitted::Final { outcome, .. } = client.submit_final(&transaction).await.unwrap() else { panic!() };
    assert_eq!(outcome.code(), None);
    register(&client, &city, "p-after").await;

    // Its stream of blocks begins at the last header.
    let last = running.bus.tip(Stream::Blocks, subjects::HEADER).await.unwrap().subject_sequence;
    assert!(last > 20, "there is a past: {last}");
    let bus: SharedBus = Arc::new(Expired(running.bus.clone(), last));
    let host = Host::new(RECORD_TYPES).unwrap();
    let layout = Layout::new(own.path());
    let site = Site {
        host: &host,
        layout: &layout,
        genesis: &running.genesis,
        bus,
        notification: hutong_notification::Config::default(),
        agency: id,
    };
    let storage: SharedStorage = Arc::new(site.storage().unwrap().0);
    site.validation(storage.clone(), vec![property]).unwrap();
    site.readiness(storage.clone(), running.ingest.clone()).unwrap();
    let counted = async {
        loop {
            let standing = storage.standing().await.unwrap();
            if standing.epoch.hosts(property).contains(&id) {
                return standing;
            }
            let height = standing.final_header.height;
            storage.wait_final(height, Duration::from_secs(1)).await.unwrap();
        }
    };
    let standing = tokio::time::timeout(Duration::from_secs(120), counted).await.expect("it counts");
    assert_eq!(standing.epoch.validating().count(), 5);
    for parcel in ["p-0", "p-11", "p-after"] {
        let key = format!("property/{parcel}").parse().unwrap();
        assert!(storage.record(key, None).await.unwrap().is_some(), "{parcel}");
    }
    host.shutdown().drain();
    host.finish(Grace { drain: Duration::from_secs(10), stop: Duration::from_secs(5) }).await.unwrap();
}
