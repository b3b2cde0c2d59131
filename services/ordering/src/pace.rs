//! Whose turn it is, and since when something is overdue.

use std::time::Duration;

use hutong_ledger::{epoch::Epoch, id::AgencyId};

/// What an orderer has seen of the others and of itself.
#[derive(Debug)]
pub(crate) struct Pace {
    own: AgencyId,
    take_over: Duration,
    /// Who made the last proposal on the stream.
    active: Option<AgencyId>,
    /// When something last moved: a proposal, a certificate, or the first work after idleness.
    moved_at: Duration,
    /// 0 to 255: spreads standbys of one rank.
    jitter: u8,
}

impl Pace {
    pub(crate) fn new(
        own: AgencyId,
        take_over: Duration,
        active: Option<AgencyId>,
        now: Duration,
        jitter: u8,
    ) -> Self {
        Self { own, take_over, active, moved_at: now, jitter }
    }

    pub(crate) fn proposed(&mut self, by: AgencyId, now: Duration) {
        self.active = Some(by);
        self.moved_at = now;
    }

    pub(crate) fn moved(&mut self, now: Duration) {
        self.moved_at = now;
    }

    /// Whether this orderer cuts fresh blocks without waiting.
    pub(crate) fn is_active(&self, epoch: &Epoch) -> bool {
        match self.active {
            Some(active) if epoch.orderers.contains(&active) => active == self.own,
            _ => epoch.orderers.first() == Some(&self.own),
        }
    }

    /// How long nothing may move before this orderer acts: the active one waits once, the standbys by rank.
    pub(crate) fn delay(&self, epoch: &Epoch) -> Duration {
        let standby = epoch.orderers.iter().filter(|orderer| Some(**orderer) != self.active);
        let rank = if self.is_active(epoch) {
            0
        } else {
            standby.into_iter().position(|orderer| *orderer == self.own).unwrap_or(epoch.orderers.len())
                as u32
                + 1
        };
        let base = self.take_over * (rank + 1);
        base + self.take_over * u32::from(self.jitter) / 1024
    }

    /// How long until this orderer should act, zero when it is overdue.
    pub(crate) fn until_due(&self, epoch: &Epoch, now: Duration) -> Duration {
        (self.moved_at + self.delay(epoch)).saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use hutong_ledger::epoch::Epoch;

    use super::*;

    fn epoch(orderers: &[&str]) -> Epoch {
        Epoch {
            number: 0,
            from_height: 1,
            agencies: Vec::new(),
            domains: Vec::new(),
            orderers: orderers.iter().map(|id| id.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn the_last_proposer_goes_on_and_standbys_wait_by_rank() {
        let epoch = epoch(&["a", "b", "c"]);
        let second = Duration::from_secs(1);
        let pace = |own: &str, active: Option<&str>| {
            Pace::new(own.parse().unwrap(), second, active.map(|a| a.parse().unwrap()), Duration::ZERO, 0)
        };
        assert!(pace("a", None).is_active(&epoch), "on an empty stream the first rank begins");
        assert!(!pace("a", Some("b")).is_active(&epoch));
        assert!(pace("b", Some("b")).is_active(&epoch));
        assert_eq!(pace("b", Some("b")).delay(&epoch), second);
        assert_eq!(pace("a", Some("b")).delay(&epoch), 2 * second);
        assert_eq!(pace("c", Some("b")).delay(&epoch), 3 * second);
        assert!(pace("a", Some("gone")).is_active(&epoch), "an orderer that left is no rival");
    }
}
