//! What operators see of ingest.

use std::collections::HashMap;

use hutong_ledger::id::Domain;
use hutong_peer::ingest::{Answer, Code};
use hutong_runtime::{
    Metrics,
    metrics::{Counter, Gauge, Histogram},
};
use parking_lot::Mutex;

#[derive(Debug)]
pub(crate) struct Meters {
    metrics: Metrics,
    accepted: Mutex<HashMap<Domain, Counter>>,
    refused: Vec<(Code, Counter)>,
    groups: Counter,
    appended_again: Counter,
    unordered: Counter,
    queue_bytes: Gauge,
    pending: Gauge,
    answer: Histogram,
    check: Histogram,
    append: Histogram,
}

impl Meters {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let refused = |code: Code| {
            let help = "Transactions that were not taken, by reason.";
            (code, metrics.counter("hutong_ingest_refused_total", help, &[("code", code.name())]))
        };
        let counter = |name, help| metrics.counter(name, help, &[]);
        let latency = |name, help| metrics.latency(name, help, &[]);
        Self {
            accepted: Mutex::default(),
            refused: Code::ALL.into_iter().map(refused).collect(),
            groups: counter("hutong_ingest_groups_total", "Groups appended to the stream."),
            appended_again: counter(
                "hutong_ingest_appended_again_total",
                "Groups that the stream had lost, or whose transactions a block passed over, appended again.",
            ),
            unordered: counter(
                "hutong_ingest_unordered_total",
                "Accepted transactions that no block took before they expired.",
            ),
            queue_bytes: metrics.gauge(
                "hutong_ingest_queue_bytes",
                "Bytes of transactions between arrival and acceptance.",
                &[],
            ),
            pending: metrics.gauge("hutong_ingest_pending", "Accepted transactions that are not final.", &[]),
            answer: latency("hutong_ingest_answer_seconds", "Time from a submission to its acceptance."),
            check: latency("hutong_ingest_check_seconds", "Time to check a batch of signatures."),
            append: latency("hutong_ingest_append_seconds", "Time to make a group durable and append it."),
            metrics: metrics.clone(),
        }
    }

    pub(crate) fn answered(&self, answers: &[Answer], seconds: f64) {
        self.answer.observe(seconds);
        for rejected in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            if let Some((_, counter)) = self.refused.iter().find(|(code, _)| *code == rejected.code) {
                counter.inc();
            }
        }
    }

    pub(crate) fn appended(&self, domain: Domain, transactions: usize, seconds: f64) {
        self.groups.inc();
        self.append.observe(seconds);
        let mut accepted = self.accepted.lock();
        let counter = accepted.entry(domain).or_insert_with(|| {
            let help = "Transactions that are durable and on the stream.";
            self.metrics.counter("hutong_ingest_accepted_total", help, &[("domain", domain.as_str())])
        });
        counter.inc_by(transactions as u64);
    }

    pub(crate) fn checked(&self, seconds: f64) {
        self.check.observe(seconds);
    }

    pub(crate) fn appended_again(&self) {
        self.appended_again.inc();
    }

    pub(crate) fn unordered(&self) {
        self.unordered.inc();
    }

    pub(crate) fn queue_bytes(&self, bytes: usize) {
        self.queue_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn pending(&self, transactions: usize) {
        self.pending.set(i64::try_from(transactions).unwrap_or(i64::MAX));
    }
}
