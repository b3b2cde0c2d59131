//! Loading a file of records: rows become transactions, each with an id that the row and the day give, so that loading
//! again doubles nothing.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt, TryStreamExt, stream};
use hutong_client::{City, Client, Signer, Submitted};
use hutong_ledger::{id::Domain, transaction::Transaction};
use hutong_property::sales::{self, Agents, RowError, Sale};
use hutong_runtime::SharedClock;
use serde::Serialize;

use crate::commands::CommandError;

/// Transactions of one submit.
const BATCH: usize = 100;
const DAY_MS: u64 = 24 * 3600 * 1000;

/// What a load came to: every transaction is in `final` or in `refused`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    pub submitted: u64,
    #[serde(rename = "final")]
    pub finals: u64,
    /// By stable code.
    pub refused: BTreeMap<String, u64>,
    /// Rows that could not be read; the rest was loaded.
    pub broken_rows: Vec<RowError>,
    pub seconds: f64,
}

impl Summary {
    pub fn text(&self) -> String {
        let mut text = format!(
            "{} transactions submitted, {} final, {} refused, in {:.1} s",
            self.submitted,
            self.finals,
            self.refused.values().sum::<u64>(),
            self.seconds
        );
        for (code, count) in &self.refused {
            text.push_str(&format!("\n  {count:>7} {code}"));
        }
        for row in &self.broken_rows {
            text.push_str(&format!("\n  {row}"));
        }
        text
    }
}

/// A file that is ready to be loaded.
#[derive(Debug)]
pub struct Load {
    client: Client,
    transactions: Vec<Transaction>,
    broken_rows: Vec<RowError>,
}

impl Load {
    /// Reads the file of a domain and signs what it holds.
    pub fn prepare(
        city: &City,
        domain: Domain,
        file: &[u8],
        clock: &SharedClock,
    ) -> Result<Self, CommandError> {
        if domain != hutong_property::domain() {
            return Err(CommandError::Usage(format!("there is no importer for {domain}; property has one")));
        }
        let owner =
            city.owner(&domain).ok_or_else(|| CommandError::Usage(format!("nobody owns {domain}")))?;
        let buyers = city.agencies.iter().find(|agency| agency.id != owner.id);
        let buyers = buyers.ok_or_else(|| CommandError::Usage("a transfer needs a second agency".into()))?;
        let agents = Agents { sellers: owner.id, buyers: buyers.id };
        let (sales, broken_rows) =
            sales::read(file, agents).map_err(|error| CommandError::Usage(error.to_string()))?;
        let client = Client::of(city, &owner.id)?;
        let (seller, buyer) = (city.signer(&owner.id)?, city.signer(&buyers.id)?);
        // The same for all loads of a day, so that a repeated load gives the same ids.
        let not_after_ms = (clock.unix_ms() / DAY_MS + 2) * DAY_MS;
        let mut transactions = Vec::with_capacity(2 * sales.len());
        for sale in &sales {
            transactions.extend(sign(&client, sale, [&seller, &buyer], not_after_ms)?);
        }
        Ok(Self { client, transactions, broken_rows })
    }

    pub fn len(&self) -> usize {
        self.transactions.len()
    }

    pub fn is_empty(&self) -> bool {
        self.transactions.is_empty()
    }

    /// Submits everything, so many transactions under way at a time, and waits until all is final.
    pub async fn run(
        self,
        in_flight: usize,
        progress: impl Fn(u64) + Send + Sync,
    ) -> Result<Summary, CommandError> {
        let began = Instant::now();
        let Self { client, transactions, broken_rows } = self;
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
        let mut summary = Summary { broken_rows, ..Summary::default() };
        let mut submitted = std::pin::pin!(submitted);
        while let Some(outcomes) = submitted.try_next().await? {
            for code in outcomes {
                summary.submitted += 1;
                match code {
                    None => summary.finals += 1,
                    Some(code) => *summary.refused.entry(code).or_default() += 1,
                }
            }
        }
        summary.seconds = began.elapsed().as_secs_f64();
        Ok(summary)
    }
}

fn sign(
    client: &Client,
    sale: &Sale,
    [seller, buyer]: [&Signer; 2],
    not_after_ms: u64,
) -> Result<[Transaction; 2], CommandError> {
    let [(first_nonce, first), (second_nonce, second)] = sale.steps();
    let builder = || {
        Ok::<_, CommandError>(
            client.build(hutong_property::domain())?.not_after_ms(not_after_ms).actor("load"),
        )
    };
    Ok([
        builder()?.nonce(first_nonce).action(first.clone()).sign(&[seller])?,
        builder()?.nonce(second_nonce).action(second.clone()).signer(buyer.agency).sign(&[seller, buyer])?,
    ])
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
