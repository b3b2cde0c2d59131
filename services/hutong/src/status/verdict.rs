//! What is wrong, and what to do about it. A problem makes the look unhealthy; a note only deserves attention.

use serde::Serialize;

use super::{Disk, Look, Node, Notification};

/// An agency that said nothing for so long is away: each says how far it is every 5 s.
pub(super) const SILENT_S: u64 = 20;
/// An agency so far behind is catching up, and takes part in nothing.
pub(super) const BEHIND_MAX: u64 = 100;
/// Heights that were executed and wait for finality so long show that it does not come.
const STUCK_MS: u64 = 30_000;
/// A disk with less left is nearly full.
const FREE_BYTES_MIN: u64 = 1 << 30;
const FREE_SHARE: u64 = 20;

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable, for programs.
    pub code: &'static str,
    /// What was seen, where, and what to do.
    pub detail: String,
}

/// What a look comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub problems: Vec<Finding>,
    pub notes: Vec<Finding>,
}

impl Verdict {
    pub fn is_healthy(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, code: &'static str, detail: String) {
        self.problems.push(Finding { code, detail });
    }

    fn note(&mut self, code: &'static str, detail: String) {
        self.notes.push(Finding { code, detail });
    }
}

impl Look {
    /// What is wrong with it, at this time of day.
    pub fn verdict(&self, now_ms: u64) -> Verdict {
        let mut verdict = Verdict::default();
        match &self.unready {
            Ok(parts) => {
                for (part, state) in parts {
                    let detail = format!("{part} is not ready: {state}. Its log says more.");
                    verdict.problem("not_ready", detail);
                }
            }
            Err(why) => {
                verdict.problem("no_answer", format!("the port gives no answer: {why}"));
                // Nor does anything behind it.
                return verdict;
            }
        }
        match &self.node {
            Ok(node) => judge_node(node, now_ms, &mut verdict),
            Err(why) => verdict.problem("no_answer", format!("storage gives no answer: {why}")),
        }
        match &self.ingest {
            Ok(ingest) => {
                if !ingest.ready {
                    let detail =
                        "ingest takes no transactions yet: it waits for storage, or reads its journal back.";
                    verdict.problem("not_ready", detail.to_owned());
                }
                if ingest.queue_bytes > ingest.queue_bytes_max / 5 * 4 {
                    let detail = format!(
                        "ingest has {} of {} bytes queued and soon refuses with `overloaded`: more arrives than is \
                         ordered. Look whether heights become final, and which agency sends so much.",
                        ingest.queue_bytes, ingest.queue_bytes_max
                    );
                    verdict.problem("queue_full", detail);
                }
                judge_disk("ingest", ingest.disk, &mut verdict);
            }
            Err(why) => verdict.problem("no_answer", format!("ingest gives no answer: {why}")),
        }
        match &self.notification {
            Ok(notification) => judge_subscribers(notification, &mut verdict),
            Err(why) => verdict.problem("no_answer", format!("notification gives no answer: {why}")),
        }
        verdict
    }
}

fn judge_node(node: &Node, now_ms: u64, verdict: &mut Verdict) {
    for (invariant, violations) in node.invariants.iter().filter(|(_, violations)| **violations > 0) {
        let detail = format!(
            "{invariant} was seen not to hold {violations} times. Keep the node's folder as it is, stop the node, and run \
             `hutong fsck`."
        );
        verdict.problem("invariant_broken", detail);
    }
    for agency in &node.agencies {
        let id = &agency.agency;
        match agency.heard {
            None => {
                let detail = format!(
                    "{id} was not heard since this node started. Look whether it runs and reaches the bus."
                );
                verdict.problem("agency_silent", detail);
            }
            Some(heard) if heard.silent_s > SILENT_S => {
                let detail = format!(
                    "{id} said nothing for {} s. Look whether it runs and reaches the bus.",
                    heard.silent_s
                );
                verdict.problem("agency_silent", detail);
            }
            Some(heard) if heard.behind > BEHIND_MAX => {
                let detail = format!(
                    "{id} is {} heights behind. It catches up by itself; if the number does not fall, look at its disk and log.",
                    heard.behind
                );
                verdict.problem("agency_behind", detail);
            }
            Some(_) => {}
        }
    }
    let present = node.present().count();
    if present < node.epoch.quorum {
        let detail = format!(
            "{present} of {} validating agencies take part and {} must: nothing becomes final until more are back.",
            node.epoch.validating.len(),
            node.epoch.quorum
        );
        verdict.problem("no_quorum", detail);
    }
    for domain in &node.epoch.domains {
        let present = node.hosts_present(domain);
        if present < domain.quorum {
            let detail = format!(
                "{}: {present} of {} hosts take part and {} must: its transactions wait.",
                domain.domain,
                domain.hosts.len(),
                domain.quorum
            );
            verdict.problem("domain_stalled", detail);
        }
    }
    let waited_ms = now_ms.saturating_sub(node.final_time_ms);
    if node.lag > 0 && waited_ms > STUCK_MS {
        let detail = format!(
            "{} executed heights are not final, and none became so for {} s. Votes or cosignatures are missing: see which \
             agency is silent or behind.",
            node.lag,
            waited_ms / 1000
        );
        verdict.problem("finality_stalled", detail);
    }
    judge_disk("storage", node.disk, verdict);
}

fn judge_disk(whose: &str, disk: Option<Disk>, verdict: &mut Verdict) {
    match disk {
        None => verdict
            .problem("disk_unknown", format!("the folder of {whose} can't be looked at; its log says why.")),
        Some(disk) if disk.free_bytes < FREE_BYTES_MIN || disk.free_bytes < disk.total_bytes / FREE_SHARE => {
            let detail = format!(
                "the disk of {whose} has {} of {} bytes left. Make room before it is full: it then stops taking part.",
                disk.free_bytes, disk.total_bytes
            );
            verdict.problem("disk_nearly_full", detail);
        }
        Some(_) => {}
    }
}

/// A subscriber that can't be reached is its own affair, and worth a word to it.
fn judge_subscribers(notification: &Notification, verdict: &mut Verdict) {
    for subscriber in &notification.subscribers {
        let agency = &subscriber.agency;
        if subscriber.dead_letters > 0 {
            let detail = format!(
                "{} events for {agency} are laid aside: its receiver did not take them. `hutong subscriptions dead-letters` \
                 lists them, `replay` sends them again.",
                subscriber.dead_letters
            );
            verdict.note("dead_letters", detail);
        }
        if subscriber.lag_heights > BEHIND_MAX {
            let detail = format!("a receiver of {agency} is {} heights behind.", subscriber.lag_heights);
            verdict.note("receiver_behind", detail);
        }
        if subscriber.subscriptions.get("stopped").is_some_and(|stopped| *stopped > 0) {
            let detail =
                format!("a subscription of {agency} has stopped; `hutong subscriptions list` says why.");
            verdict.note("subscription_stopped", detail);
        }
    }
}
