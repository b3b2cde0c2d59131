//! `hutong bench --disclosures`: sealed fields asked for over HTTP, each by an access of its own that is final first, then
//! released, opened and checked against its commitment. One after the other, all about one person, so that it shows
//! whether a list that grows makes the vault slower; then by many clients at once.

use std::{sync::Arc, time::Instant};

use hutong_client::{City, Client, Submitted};
use hutong_ledger::id::{AgencyId, Domain, RecordKey};
use hutong_wire::v1::{
    catalogue::Agreement,
    disclosure::{Basis, RequestAccess, basis},
};
use serde::Serialize;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    BenchError as Error, Options, Running,
    report::{Histogram, LatencyMs},
};
use crate::{
    city::{CityError, layout::Layout, settings::CitySettings},
    cli::Bench,
    commands::{CommandError, Context, disclose::Requester},
};

/// So many at the beginning and at the end are compared.
const COMPARED: usize = 100;
const CLIENTS: u32 = 32;
const AGREEMENT: &str = "bench";
const FIELD: &str = "name";
const PURPOSE: &str = "measurement";
/// Valid by its form, and nobody's.
const RESIDENT: &str = "11010519491231002X";

/// How long the parts of a disclosure take.
#[derive(Clone, Copy, Debug, Serialize)]
struct Parts {
    /// Until the access is final.
    access: LatencyMs,
    /// The vault's answer, over HTTP.
    release: LatencyMs,
    /// Opening it, and the access as the ledger has it to check against.
    check: LatencyMs,
    all: LatencyMs,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Compared {
    first_hundred: LatencyMs,
    last_hundred: LatencyMs,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Concurrent {
    clients: u32,
    disclosures: u32,
    seconds: f64,
    disclosures_per_s: f64,
    latency_ms: LatencyMs,
}

/// The result.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    agencies: u16,
    bus: String,
    /// In a row, by one client.
    disclosures: u32,
    seconds: f64,
    disclosures_per_s: f64,
    latency_ms: Parts,
    /// The vault's answers at the beginning of the row and at its end.
    release_ms: Compared,
    concurrent: Concurrent,
}

impl Report {
    fn text(&self) -> String {
        let Parts { access, release, check, all } = self.latency_ms;
        let Compared { first_hundred, last_hundred } = self.release_ms;
        format!(
            "{} disclosures in a row in {:.1} s, {} validating\n\
             rate        {:.0} disclosures a second, {:.0} by {} clients at once\n\
             latency     p50 {:.2} ms, p99 {:.2} ms: access final {:.2}, release {:.2}, check {:.2} ms (p50)\n\
             the vault   p50 {:.2} ms in the first hundred, {:.2} ms in the last",
            self.disclosures,
            self.seconds,
            self.agencies,
            self.disclosures_per_s,
            self.concurrent.disclosures_per_s,
            self.concurrent.clients,
            all.p50,
            all.p99,
            access.p50,
            release.p50,
            check.p50,
            first_hundred.p50,
            last_hundred.p50,
        )
    }
}

pub(super) async fn run(context: &Context, args: &Bench, count: u32) -> Result<(), CommandError> {
    let folder = tempfile::tempdir().map_err(Error::from)?;
    let layout = Layout::new(folder.path().join("city"));
    let options = Options {
        settings: CitySettings::listening(([127, 0, 0, 1], 0)),
        agencies: usize::from(args.agencies),
        nats: (args.bus != "embedded").then(|| args.bus.clone()),
        name: "bench".parse().map_err(CityError::from)?,
    };
    let city = Running::start(layout.clone(), options).await?;
    let measured = measure(context, args, &layout, count).await;
    city.stop().await?;
    context.output.result(&measured?, Report::text);
    Ok(())
}

async fn measure(
    context: &Context,
    args: &Bench,
    layout: &Layout,
    count: u32,
) -> Result<Report, CommandError> {
    let city = City::open(layout.root())?;
    let asker = Arc::new(prepare(&city, layout).await?);
    context.output.note(format!("measuring {count} disclosures in a row"));
    let (mut rows, began) = (Vec::with_capacity(count as usize), Instant::now());
    for _ in 0..count {
        rows.push(asker.disclose().await?);
    }
    let seconds = began.elapsed().as_secs_f64();
    let clients = args.clients.unwrap_or(CLIENTS);
    context.output.note(format!("and as many by {clients} clients at once"));
    let concurrent = at_once(&asker, clients, count).await?;
    let of = |part: fn(&Took) -> u64, rows: &[Took]| latency(rows.iter().map(part));
    let compared = COMPARED.min(rows.len());
    Ok(Report {
        agencies: args.agencies,
        bus: args.bus.clone(),
        disclosures: count,
        seconds,
        disclosures_per_s: f64::from(count) / seconds,
        latency_ms: Parts {
            access: of(|took| took.access, &rows),
            release: of(|took| took.release, &rows),
            check: of(|took| took.check, &rows),
            all: of(Took::all, &rows),
        },
        release_ms: Compared {
            first_hundred: of(|took| took.release, &rows[..compared]),
            last_hundred: of(|took| took.release, &rows[rows.len() - compared..]),
        },
        concurrent,
    })
}

async fn at_once(asker: &Arc<Asker>, clients: u32, count: u32) -> Result<Concurrent, CommandError> {
    let (mut running, began) = (JoinSet::new(), Instant::now());
    for client in 0..clients {
        let (asker, own) = (asker.clone(), count / clients + u32::from(client < count % clients));
        running.spawn(async move {
            let mut took = Vec::with_capacity(own as usize);
            for _ in 0..own {
                took.push(asker.disclose().await?.all());
            }
            Ok::<_, CommandError>(took)
        });
    }
    let mut all = Vec::with_capacity(count as usize);
    while let Some(ended) = running.join_next().await {
        all.extend(ended.map_err(Error::from)??);
    }
    let seconds = began.elapsed().as_secs_f64();
    let disclosures_per_s = f64::from(count) / seconds;
    Ok(Concurrent { clients, disclosures: count, seconds, disclosures_per_s, latency_ms: latency(all) })
}

fn latency(micros: impl IntoIterator<Item = u64>) -> LatencyMs {
    let mut histogram = Histogram::default();
    micros.into_iter().for_each(|micros| histogram.add(micros, 1));
    LatencyMs { p50: histogram.quantile_ms(0.5), p99: histogram.quantile_ms(0.99) }
}

/// Microseconds that the parts of one disclosure took.
#[derive(Clone, Copy, Debug)]
struct Took {
    access: u64,
    release: u64,
    check: u64,
}

impl Took {
    fn all(&self) -> u64 {
        self.access + self.release + self.check
    }
}

/// Who asks, and for what.
struct Asker {
    requester: Requester,
    record: RecordKey,
}

impl Asker {
    async fn disclose(&self) -> Result<Took, CommandError> {
        let domain = self.record.domain;
        let request = RequestAccess {
            record: self.record.record.to_string(),
            fields: vec![FIELD.into()],
            purpose: PURPOSE.into(),
            basis: Some(Basis { kind: Some(basis::Kind::Agreement(AGREEMENT.into())), ..Basis::default() }),
            sealed_until_ms: 0,
        };
        let mut last = Instant::now();
        let mut lap = || {
            let took = last.elapsed();
            last = Instant::now();
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
        };
        let transaction = self.requester.transaction(domain, "bench", request)?;
        applied(self.requester.client.submit_final(&transaction).await?)?;
        let access = lap();
        let answer = self.requester.collect(domain, transaction.id).await?;
        let release = lap();
        self.requester.open(domain, transaction.id, &answer).await?;
        Ok(Took { access, release, check: lap() })
    }
}

fn applied(submitted: Submitted) -> Result<(), Error> {
    match submitted {
        Submitted::Final { outcome, .. } => match outcome.code() {
            None => Ok(()),
            Some(code) => Err(Error::Rejected(code.to_owned())),
        },
        // It is collected when it is final.
        Submitted::Accepted(_) => Ok(()),
    }
}

/// A person whose name is sealed, and an agreement that lets another agency read it.
async fn prepare(city: &City, layout: &Layout) -> Result<Asker, CommandError> {
    let domain: Domain = hutong_property::domain();
    let missing = |what: &str| CityError::Genesis(format!("the city has no {what}"));
    let owner = city.owner(&domain).ok_or_else(|| missing("owner of property"))?.id;
    let others = city.agencies.iter().map(|agency| agency.id);
    let consumer: AgencyId =
        others.into_iter().find(|id| *id != owner).ok_or_else(|| missing("second agency"))?;
    let client = Client::of(city, &owner)?;
    let person =
        json!({ "domain": domain, "resident_id": RESIDENT, "values": { FIELD: "Somebody made up" } });
    let registered = client.post_json("/v1/persons", &person).await?;
    let handle = registered["handle"].as_str().unwrap_or_default();
    let record: RecordKey = format!("{domain}/person/{handle}").parse().map_err(CityError::from)?;
    let agreement = Agreement {
        id: AGREEMENT.into(),
        owner: owner.to_string(),
        consumer: consumer.to_string(),
        domain: domain.to_string(),
        record_type: hutong_disclosure::PERSON.into(),
        fields: vec![FIELD.into()],
        purposes: vec![PURPOSE.into()],
        legal_basis: "a measurement".into(),
        from_ms: 1,
        until_ms: u64::from(u32::MAX) * 1000,
        ..Agreement::default()
    };
    let builder =
        client.build(Domain::CATALOGUE)?.signer(consumer).action(hutong_catalogue::build::agree(agreement));
    let transaction = builder.sign(&[client.signer()?, &city.signer(&consumer)?])?;
    applied(client.submit_final(&transaction).await?)?;
    Ok(Asker { requester: Requester::new(city, layout, &consumer)?, record })
}
