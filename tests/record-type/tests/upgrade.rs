//! A later version of a domain's contract: nodes are upgraded one by one, the members put it in force, and a node that was
//! forgotten stops before the first height that it could not execute, says why, and goes on once it is upgraded.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{path::Path, sync::Arc, time::Duration};

use hutong::{
    city::{
        domains::{RECORD_TYPES, RecordType, contracts},
        host::Host,
        layout::Layout,
        parts::{Face, Site},
        settings::CitySettings,
        up::{Options, Running},
    },
    deploy::{Place, newcomer},
};
use hutong_bus::SharedBus;
use hutong_client::{City, Client, Submitted};
use hutong_disclosure::{Disclosing, SealedDomain, SealedRecord, SealedType};
use hutong_ledger::{
    contract::{Action, Change, Contract, Refusal, Verified, View},
    epoch::{Epoch, Key},
    genesis::Genesis,
    id::{AgencyId, Domain, RecordId, RecordKey},
};
use hutong_membership::proposal::{self, Newcomer};
use hutong_peer::SharedStorage;
use hutong_runtime::supervisor::Grace;
use hutong_test_record_type::{Allotments, document, domain, routes, wire::action::Kind};
use serde_json::{Value, json};

const GRACE: Grace = Grace { drain: Duration::from_secs(10), stop: Duration::from_secs(5) };

/// Version 2: plots below 50 m² are no longer opened. Everything else is as before.
#[derive(Clone, Copy, Debug)]
struct Second;

impl Contract for Second {
    fn domain(&self) -> Domain {
        domain()
    }

    fn version(&self) -> u32 {
        2
    }

    fn decode(&self, action: &[u8]) -> Result<Action, Refusal> {
        Allotments.decode(action)
    }

    fn reads(&self, tx: &Verified<'_>, loaded: &View<'_>) -> Result<Vec<RecordKey>, Refusal> {
        Allotments.reads(tx, loaded)
    }

    fn decide(&self, tx: &Verified<'_>, state: &View<'_>) -> Result<Vec<Change>, Refusal> {
        match tx.action::<Kind>()? {
            Kind::Open(action) if action.area_m2 < 50 => {
                Err(Refusal::new("plot_too_small", "a plot has 50 m² or more").at("area_m2"))
            }
            _ => Allotments.decide(tx, state),
        }
    }

    fn render(&self, record: &RecordId, value: &[u8]) -> Option<Value> {
        Allotments.render(record, value)
    }
}

impl SealedDomain for Second {
    fn sealed_types(&self) -> Vec<SealedType> {
        Allotments.sealed_types()
    }

    fn sealed(&self, record: &RecordId, value: &[u8]) -> Option<SealedRecord> {
        Allotments.sealed(record, value)
    }
}

const OLD: RecordType = RecordType {
    name: "allotments",
    owner: "natural-resources",
    contract: || Arc::new(Disclosing(Allotments)),
    earlier: &[],
    sealed: Some(|| Arc::new(Allotments)),
    import: None,
    document,
    serve: |_, desks| Ok(Face { routes: routes(desks.own.clone()), document: document() }),
};
const NEW: RecordType = RecordType {
    contract: || Arc::new(Disclosing(Second)),
    earlier: &[|| Arc::new(Disclosing(Allotments))],
    sealed: Some(|| Arc::new(Second)),
    ..OLD
};

fn software(of: RecordType) -> &'static [RecordType] {
    let mut record_types = RECORD_TYPES.to_vec();
    record_types.push(of);
    record_types.leak()
}

async fn start(data: &Path, software: &'static [RecordType]) -> Running {
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: 4,
        nats: None,
        name: "testville".parse().unwrap(),
    };
    Running::start_with(Layout::new(data), options, software).await.unwrap()
}

fn owner(data: &Path) -> (City, Client) {
    let city = City::open(data).unwrap();
    let client = Client::of(&city, &OLD.owner.parse().unwrap()).unwrap();
    (city, client)
}

/// Opens a plot; the code of the refusal, if it is refused.
async fn open(client: &Client, id: &str, area_m2: u32) -> Option<String> {
    let answer = client.post_json("/allotments/v1/plots", &json!({ "id": id, "area_m2": area_m2 })).await;
    answer.err().map(|error| error.to_string())
}

async fn in_force(client: &Client) -> Epoch {
    serde_json::from_value(client.get("/v1/membership").await.unwrap()).unwrap()
}

/// Puts an epoch in force, signed by all members of the city in the data folder.
async fn replace(city: &City, client: &Client, next: &Epoch) {
    let signers: Vec<_> = city.agencies.iter().filter_map(|agency| city.signer(&agency.id).ok()).collect();
    let builder = client.build(Domain::MEMBERSHIP).unwrap().action(proposal::replace(next));
    let builder = signers.iter().fold(builder, |builder, signer| builder.signer(signer.agency));
    let transaction = builder.sign(&signers.iter().collect::<Vec<_>>()).unwrap();
    let Submitted::Final { outcome, .. } = client.submit_final(&transaction).await.unwrap() else {
        panic!("the change is final")
    };
    assert_eq!(outcome.code(), None);
}

/// A fifth agency, which hosts the domain, with software of its own.
struct Fifth {
    host: Host,
    storage: SharedStorage,
}

impl Fifth {
    const ID: &str = "parks";

    fn start(
        data: &Path,
        genesis: &Genesis,
        bus: &SharedBus,
        software: &'static [RecordType],
        running: &Running,
    ) -> Self {
        let host = Host::new(software).unwrap();
        let layout = Layout::new(data);
        let site = Site {
            host: &host,
            layout: &layout,
            genesis,
            bus: bus.clone(),
            notification: hutong_notification::Config::default(),
            agency: Self::ID.parse().unwrap(),
        };
        let storage: SharedStorage = Arc::new(site.storage().unwrap().0);
        site.validation(storage.clone(), vec![domain()]).unwrap();
        site.readiness(storage.clone(), running.ingest.clone()).unwrap();
        Self { host, storage }
    }

    async fn until(&self, what: &str, reached: impl Fn(&hutong_peer::storage::Standing) -> bool) {
        let waiting = async {
            loop {
                let standing = self.storage.standing().await.unwrap();
                if reached(&standing) {
                    return;
                }
                self.storage.wait_final(standing.final_header.height, Duration::from_secs(1)).await.unwrap();
            }
        };
        tokio::time::timeout(Duration::from_secs(120), waiting)
            .await
            .unwrap_or_else(|_| panic!("never: {what}"));
    }
}

/// Prepares the fifth agency's folder and has the city take it in.
async fn join(own: &Path, city: &City, client: &Client) {
    let id: AgencyId = Fifth::ID.parse().unwrap();
    let plan = newcomer::Plan { id, validating: true, domains: vec![domain()], place: Place::Containers };
    let made = newcomer::generate(&plan).unwrap();
    newcomer::write_keys(own, &plan, &made).unwrap();
    let keys = made.iter().map(|key| Key { purpose: key.purpose, public: key.public().0 }).collect();
    let joining = Newcomer { id, name: "Parks".into(), validating: true, keys, domains: vec![domain()] };
    let next = proposal::joined(&in_force(client).await, &joining).unwrap();
    replace(city, client, &next).await;
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_node_stops_before_the_new_version_and_goes_on_once_upgraded() {
    let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (old, new) = (software(OLD), software(NEW));

    // Under version 1, small plots are fine; also after the software was upgraded, as long as version 1 is in force.
    let running = start(folder.path(), old).await;
    let (_, client) = owner(folder.path());
    assert_eq!(open(&client, "small-1", 10).await, None);
    running.stop().await.unwrap();
    let running = start(folder.path(), new).await;
    let (city, client) = owner(folder.path());
    assert_eq!(open(&client, "small-2", 10).await, None);
    let status = client.status().await.unwrap();
    let domains = status["epoch"]["domains"].as_array().unwrap();
    let allotments = domains.iter().find(|of| of["domain"] == "allotments").unwrap();
    assert_eq!((&allotments["contract"], &allotments["contracts_here"]), (&json!(1), &json!([1, 2])));

    // A fifth agency hosts the domain, with the old software.
    join(own.path(), &city, &client).await;
    let fifth = Fifth::start(own.path(), &running.genesis, &running.bus, old, &running);
    let id: AgencyId = Fifth::ID.parse().unwrap();
    fifth.until("it counts", |standing| standing.epoch.hosts(domain()).contains(&id)).await;

    // The members put version 2 in force. The city goes on, and the fifth stops with the reason.
    assert!(proposal::activated(&in_force(&client).await, domain(), 1).is_err(), "there is no way back");
    let next = proposal::activated(&in_force(&client).await, domain(), 2).unwrap();
    replace(&city, &client, &next).await;
    let stopped = tokio::time::timeout(Duration::from_secs(120), fifth.host.finish(GRACE)).await;
    let why = stopped.expect("it stops by itself").expect_err("it cannot go on");
    let why = chain(&why);
    let expected = format!(
        "epoch {} runs allotments under contract version 2; this software has 1. Upgrade this node",
        next.number
    );
    assert!(why.contains(&expected), "{why}");
    drop(fifth.storage);
    let refused = open(&client, "small-3", 10).await.expect("version 2 decides");
    assert!(refused.contains("plot_too_small"), "{refused}");
    assert_eq!(open(&client, "large", 80).await, None);

    // Started again as it is, it stops again; upgraded, it catches up and votes.
    let fifth = Fifth::start(own.path(), &running.genesis, &running.bus, old, &running);
    let again = tokio::time::timeout(Duration::from_secs(120), fifth.host.finish(GRACE)).await;
    assert!(chain(&again.expect("it stops by itself").unwrap_err()).contains("contract version 2"));
    drop(fifth.storage);
    let fifth = Fifth::start(own.path(), &running.genesis, &running.bus, new, &running);
    let height = running.storage.standing().await.unwrap().final_header.height;
    fifth.until("it has caught up", |standing| standing.final_header.height >= height).await;
    for (plot, there) in [("small-1", true), ("small-2", true), ("small-3", false), ("large", true)] {
        let key: RecordKey = format!("allotments/plot/{plot}").parse().unwrap();
        assert_eq!(fifth.storage.record(key, None).await.unwrap().is_some(), there, "{plot}");
    }
    fifth.host.shutdown().drain();
    fifth.host.finish(GRACE).await.unwrap();
    drop(fifth.storage);
    let genesis = running.genesis.clone();
    running.stop().await.unwrap();

    // Everything is derived again from each archive, each height under the version that was in force.
    let layouts = [(Layout::new(folder.path()), "natural-resources"), (Layout::new(own.path()), Fifth::ID)];
    for (layout, agency) in layouts {
        let folder = layout.agency(&agency.parse().unwrap()).join("storage");
        let report = hutong_storage::fsck(&folder, &contracts(new), &genesis).unwrap();
        assert_eq!(report.difference, None, "{agency}");
        // Software that lacks what was in force says so, and does not pretend.
        let lacking = hutong_storage::fsck(&folder, &contracts(old), &genesis).unwrap();
        let told = lacking.difference.expect("version 2 is unknown to it").reason;
        assert!(told.contains("no contract of allotments in version"), "{told}");
    }
}
