//! A look as people read it.

use std::fmt::Write as _;

use indicatif::HumanBytes;

use super::{Disk, Ingest, Look, Node, Notification, Verdict};

impl Look {
    pub fn text(&self, verdict: &Verdict, now_ms: u64) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut text, verdict, now_ms);
        text
    }

    fn write(&self, out: &mut String, verdict: &Verdict, now_ms: u64) -> std::fmt::Result {
        if let Ok(node) = &self.node {
            write_node(out, node, now_ms)?;
        }
        if let Ok(ingest) = &self.ingest {
            write_ingest(out, ingest)?;
        }
        if let Ok(notification) = &self.notification {
            write_notification(out, notification)?;
        }
        writeln!(out)?;
        for problem in &verdict.problems {
            writeln!(out, "problem    {}: {}", problem.code, problem.detail)?;
        }
        for note in &verdict.notes {
            writeln!(out, "note       {}: {}", note.code, note.detail)?;
        }
        writeln!(out, "{}", if verdict.is_healthy() { "healthy" } else { "not healthy" })
    }
}

fn write_node(out: &mut String, node: &Node, now_ms: u64) -> std::fmt::Result {
    let epoch = &node.epoch;
    writeln!(out, "city       {}", node.chain)?;
    writeln!(out, "node       {}, hutong {}", node.agency, node.version)?;
    let ago_s = now_ms.saturating_sub(node.final_time_ms) / 1000;
    writeln!(
        out,
        "final      height {}, its block {} old; {} more executed, {} not written yet",
        node.final_height,
        age(ago_s),
        node.lag,
        node.unwritten
    )?;
    writeln!(
        out,
        "epoch      {} from height {}; quorum {} of {}; orderers {}",
        epoch.number,
        epoch.from_height,
        epoch.quorum,
        epoch.validating.len(),
        epoch.orderers.join(", ")
    )?;
    let broken = node.invariants.values().filter(|violations| **violations > 0).count();
    let held = if broken == 0 { "all hold".to_owned() } else { format!("{broken} broken") };
    writeln!(out, "invariants {held}")?;
    write_disk(out, "storage", node.disk)?;
    let width = widest(node.agencies.iter().map(|agency| agency.agency.as_str()), "AGENCY");
    writeln!(out, "\n{:width$}  {:>10}  {:>10}  {:>7}  HEARD", "AGENCY", "EXECUTED", "FINAL", "BEHIND")?;
    for agency in &node.agencies {
        match agency.heard {
            Some(heard) => {
                let silent = if heard.silent_s == 0 {
                    "now".to_owned()
                } else {
                    format!("{} ago", age(heard.silent_s))
                };
                writeln!(
                    out,
                    "{:width$}  {:>10}  {:>10}  {:>7}  {silent}",
                    agency.agency, heard.executed_height, heard.final_height, heard.behind
                )?;
            }
            None => writeln!(out, "{:width$}  {:>10}  {:>10}  {:>7}  never", agency.agency, "-", "-", "-")?,
        }
    }
    let width = widest(epoch.domains.iter().map(|domain| domain.domain.as_str()), "DOMAIN");
    let owners = widest(epoch.domains.iter().map(|domain| domain.owner.as_str()), "OWNER");
    writeln!(out, "\n{:width$}  {:owners$}  CONTRACT  HOSTS HERE  QUORUM", "DOMAIN", "OWNER")?;
    for domain in &epoch.domains {
        let hosts = format!("{}/{}", node.hosts_present(domain), domain.hosts.len());
        writeln!(
            out,
            "{:width$}  {:owners$}  {:>8}  {hosts:>10}  {:>6}",
            domain.domain, domain.owner, domain.contract, domain.quorum
        )?;
    }
    writeln!(out)
}

fn write_ingest(out: &mut String, ingest: &Ingest) -> std::fmt::Result {
    writeln!(
        out,
        "ingest     {} accepted and not final; {} of {} queued",
        ingest.pending,
        HumanBytes(ingest.queue_bytes),
        HumanBytes(ingest.queue_bytes_max)
    )?;
    write_disk(out, "ingest", ingest.disk)
}

fn write_notification(out: &mut String, notification: &Notification) -> std::fmt::Result {
    if notification.subscribers.is_empty() {
        return writeln!(out, "telling    nobody has subscribed");
    }
    for subscriber in &notification.subscribers {
        let statuses = subscriber.subscriptions.iter().filter(|(_, count)| **count > 0);
        let mut parts: Vec<String> = statuses.map(|(status, count)| format!("{count} {status}")).collect();
        parts.push(format!("{} streams", subscriber.streams));
        writeln!(
            out,
            "telling    {}: {}; {} heights late, {} dead letters",
            subscriber.agency,
            parts.join(", "),
            subscriber.lag_heights,
            subscriber.dead_letters
        )?;
    }
    Ok(())
}

fn write_disk(out: &mut String, whose: &str, disk: Option<Disk>) -> std::fmt::Result {
    let Some(disk) = disk else { return Ok(()) };
    writeln!(
        out,
        "disk       {whose}: {} used, {} of {} left",
        HumanBytes(disk.used_bytes),
        HumanBytes(disk.free_bytes),
        HumanBytes(disk.total_bytes)
    )
}

fn widest<'a>(names: impl Iterator<Item = &'a str>, head: &str) -> usize {
    names.map(str::len).max().unwrap_or_default().max(head.len())
}

/// Seconds in the unit that fits.
fn age(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
