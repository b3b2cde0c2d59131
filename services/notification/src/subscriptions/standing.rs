//! How the subscriptions of each subscriber stand: how late, with what laid aside, and how many do what.

use std::{collections::BTreeMap, sync::Arc};

use hutong_ledger::id::AgencyId;

use super::{hook::Hook, record::Status};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Final heights that the slowest active one has not been told of. Who is not to be delivered to now is not late.
    pub(crate) lag_heights: u64,
    /// Events that are laid aside and kept.
    pub(crate) dead_letters: u64,
    /// How many of each status, in the order of [`Status::ALL`].
    pub(crate) statuses: [u64; Status::ALL.len()],
}

/// Of each subscriber that has any.
pub(crate) fn standings(hooks: &[Arc<Hook>], tip: u64) -> BTreeMap<AgencyId, Standing> {
    let mut standings: BTreeMap<AgencyId, Standing> = BTreeMap::new();
    for hook in hooks {
        let look = hook.look();
        let standing = standings.entry(hook.owner).or_default();
        if look.settings.status == Status::Active {
            let lag = tip.saturating_sub(look.progress.position.transaction.height);
            standing.lag_heights = standing.lag_heights.max(lag);
        }
        standing.dead_letters += look.progress.dead_letters;
        let at = Status::ALL.iter().position(|(status, _)| *status == look.settings.status);
        standing.statuses[at.unwrap_or_default()] += 1;
    }
    standings
}
