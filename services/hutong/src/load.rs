//! Loading a file of records: each row becomes a transaction whose id the row and the day give, so that loading again
//! doubles nothing; or, where a domain's service seals what is loaded, a document posted to its API.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use hutong_client::{City, Client, Submitted};
use hutong_ledger::{id::Domain, transaction::Transaction};
use hutong_runtime::SharedClock;
use serde::Serialize;
use serde_json::Value;

use crate::{
    city::{
        domains::RECORD_TYPES,
        import::{BrokenRow, Importing, Step},
    },
    commands::CommandError,
};

/// Transactions of one submit.
const BATCH: usize = 100;
const DAY_MS: u64 = 24 * 3600 * 1000;
/// How long a service may take to see the records that became final.
const RECORDS_SEEN_WITHIN: Duration = Duration::from_secs(10);
/// The code under which a row that can't be read is counted.
const BROKEN_ROW: &str = "broken_row";

/// What a load came to: every record is in `final` or in `refused`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// Transactions sent, and rows that could not be read.
    pub submitted: u64,
    #[serde(rename = "final")]
    pub finals: u64,
    /// By stable code.
    pub refused: BTreeMap<String, u64>,
    /// Rows that could not be read; the rest was loaded.
    pub broken_rows: Vec<BrokenRow>,
    /// What is wrong in rows that were loaded all the same, without it.
    pub warnings: Vec<BrokenRow>,
    pub seconds: f64,
}

impl Summary {
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} submitted, {} final, {} refused, in {:.1} s",
            self.submitted,
            self.finals,
            self.refused.values().sum::<u64>(),
            self.seconds
        );
        for (code, count) in &self.refused {
            text.push_str(&format!("\n  {count:>7} {code}"));
        }
        for row in self.broken_rows.iter().chain(&self.warnings) {
            text.push_str(&format!("\n  {}", row.text));
        }
        text
    }

    fn refuse(&mut self, code: &str, count: u64) {
        *self.refused.entry(code.to_owned()).or_default() += count;
    }
}

/// A document for a domain's API.
#[derive(Debug)]
struct Document {
    path: &'static str,
    kind: &'static str,
    body: String,
    records: u64,
}

/// A file that is ready to be loaded.
#[derive(Debug)]
pub struct Load {
    client: Client,
    transactions: Vec<Transaction>,
    documents: Vec<Document>,
    news: Vec<(&'static str, Value)>,
    broken_rows: Vec<BrokenRow>,
    warnings: Vec<BrokenRow>,
}

impl Load {
    /// Reads the file of a domain and signs what it holds.
    pub fn prepare(
        city: &City,
        domain: Domain,
        file: &[u8],
        clock: &SharedClock,
    ) -> Result<Self, CommandError> {
        let usage = CommandError::Usage;
        let record_type = RECORD_TYPES.iter().find(|record_type| record_type.name == domain.as_str());
        let import = record_type.and_then(|record_type| record_type.import).ok_or_else(|| {
            let able = RECORD_TYPES.iter().filter(|one| one.import.is_some()).map(|one| one.name);
            usage(format!(
                "there is no importer for {domain}; there are {}",
                able.collect::<Vec<_>>().join(", ")
            ))
        })?;
        let owner = city.owner(&domain).ok_or_else(|| usage(format!("nobody owns {domain}")))?;
        let second = city.agencies.iter().find(|agency| agency.id != owner.id).map(|agency| agency.id);
        let importing = Importing { owner: owner.id, second, now_ms: clock.unix_ms() };
        let imported = import(file, &importing).map_err(usage)?;
        let client = Client::of(city, &owner.id)?;
        let signer = city.signer(&owner.id)?;
        let other = second.and_then(|second| city.signer(&second).ok());
        // The same for all loads of a day, so that a repeated load gives the same ids.
        let not_after_ms = (clock.unix_ms() / DAY_MS + 2) * DAY_MS;
        let (mut transactions, mut documents, mut news) = (Vec::new(), Vec::new(), Vec::new());
        for step in imported.steps {
            match step {
                Step::Sign { nonce, action, by_both } => {
                    let builder = client.build(domain)?.not_after_ms(not_after_ms).actor("load");
                    let builder = builder.nonce(nonce).action(action);
                    transactions.push(match (&other, by_both) {
                        (Some(other), true) => builder.signer(other.agency).sign(&[&signer, other])?,
                        _ => builder.sign(&[&signer])?,
                    });
                }
                Step::Post { path, kind, body, records } => {
                    documents.push(Document { path, kind, body, records });
                }
                Step::Tell { path, body } => news.push((path, body)),
            }
        }
        let (broken_rows, warnings) = (imported.broken_rows, imported.warnings);
        Ok(Self { client, transactions, documents, news, broken_rows, warnings })
    }

    /// How many records are to be loaded.
    pub fn len(&self) -> usize {
        let posted: u64 = self.documents.iter().map(|document| document.records).sum();
        self.transactions.len() + usize::try_from(posted).unwrap_or(usize::MAX)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Submits everything, so many transactions under way at a time, and waits until all is final.
    pub async fn run(
        self,
        in_flight: usize,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<Summary, CommandError> {
        let began = Instant::now();
        let Self { client, transactions, documents, news, broken_rows, warnings } = self;
        let broken = broken_rows.len() as u64;
        let mut summary = Summary { broken_rows, warnings, submitted: broken, ..Summary::default() };
        if broken > 0 {
            summary.refuse(BROKEN_ROW, broken);
        }
        let (client, progress) = (Arc::new(client), &progress);
        let batches =
            stream::iter(transactions.chunks(BATCH.min(in_flight.max(1))).map(<[Transaction]>::to_vec));
        let submitted = batches
            .map(|batch| {
                let client = client.clone();
                async move {
                    let outcomes = submit(&client, &batch).await?;
                    progress(outcomes.len() as u64);
                    Ok::<_, CommandError>(outcomes)
                }
            })
            .buffered((in_flight / BATCH).max(1));
        let mut submitted = std::pin::pin!(submitted);
        while let Some(outcomes) = submitted.try_next().await? {
            for code in outcomes {
                summary.submitted += 1;
                match code {
                    None => summary.finals += 1,
                    Some(code) => summary.refuse(&code, 1),
                }
            }
        }
        for document in documents {
            summary.submitted += document.records;
            match client.post_bytes(document.path, document.kind, document.body.into()).await {
                Ok(_) => summary.finals += document.records,
                Err(hutong_client::Error::Refused(refusal)) => {
                    summary.refuse(&refusal.code, document.records)
                }
                Err(error) => return Err(error.into()),
            }
            progress(document.records);
        }
        for (path, body) in news {
            tell(&client, path, &body).await?;
        }
        summary.seconds = began.elapsed().as_secs_f64();
        Ok(summary)
    }
}

/// The code of each transaction's refusal, or none for those applied. What is only accepted is asked for again until
/// it is final.
async fn submit(client: &Client, batch: &[Transaction]) -> Result<Vec<Option<String>>, CommandError> {
    let mut codes: Vec<Option<Option<String>>> = vec![None; batch.len()];
    loop {
        let open: Vec<usize> = (0..batch.len()).filter(|place| codes[*place].is_none()).collect();
        if open.is_empty() {
            return Ok(codes.into_iter().flatten().collect());
        }
        let again: Vec<Transaction> = open.iter().map(|place| batch[*place].clone()).collect();
        let mut waits = false;
        for (place, answer) in open.into_iter().zip(client.submit_batch(&again, true).await?) {
            match answer {
                Ok(Submitted::Final { outcome, .. }) => {
                    codes[place] = Some(outcome.code().map(str::to_owned))
                }
                Ok(Submitted::Accepted(_)) => waits = true,
                Err(refusal) if refusal.is_passing() => waits = true,
                Err(refusal) => codes[place] = Some(Some(refusal.code)),
            }
        }
        if waits {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Tells what is so for now. The service may not have seen the records yet; newer news is no failure.
async fn tell(client: &Client, path: &str, body: &Value) -> Result<(), CommandError> {
    let began = Instant::now();
    loop {
        match client.post_json(path, body).await {
            Ok(_) => return Ok(()),
            Err(hutong_client::Error::Refused(refusal)) if refusal.status == 409 => return Ok(()),
            Err(hutong_client::Error::Refused(refusal))
                if refusal.status == 404 && began.elapsed() < RECORDS_SEEN_WITHIN =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
