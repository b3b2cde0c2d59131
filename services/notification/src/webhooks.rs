//! Deliveries to receivers outside, over CloudEvents web hooks: one courier for each subscription.
//!
//! A receiver is asked before anything is sent to it (`handshake`), gets one signed event at a time in order
//! (`message`, `signature`), and is waited for when it does not take it (`policy`). Where a request may go is checked
//! on the address that is connected to (`address`, `connect`). What could not be delivered in all the time that it was
//! tried for is laid aside, and the next event has its turn.
//!
//! It must not follow redirects, hold more than a page of events for a subscription, let one wait for another, or go on
//! to an event before what became of the last one is kept.

pub(crate) mod address;
mod connect;
mod courier;
mod handshake;
mod message;
mod meters;
mod policy;
mod sender;
mod signature;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hutong_ledger::id::{AgencyId, ChainId};
use hutong_runtime::{Metrics, SharedClock};
use tokio::task::JoinSet;

pub(crate) use connect::host;
pub use connect::{Resolve, SharedResolver, SystemResolver};
pub use policy::Jitter;
pub(crate) use signature::SECRETS_MAX;

use crate::{
    Error,
    config::Webhooks as Config,
    service::Node,
    subscriptions::hooks::{Added, Hooks},
};
use address::Allowed;
use courier::Courier;
use meters::Meters;
use sender::Sender;

/// How often lags are told to metrics.
const SURVEY: Duration = Duration::from_secs(5);

/// What couriers share.
#[derive(Debug)]
pub(crate) struct Webhooks {
    config: Config,
    pub(crate) hooks: Hooks,
    pub(crate) allowed: Arc<Allowed>,
    sender: Sender,
    meters: Meters,
    jitter: Jitter,
    /// As whom receivers are asked.
    pub(crate) origin: String,
}

/// What deliveries are given from outside.
#[derive(Debug)]
pub struct Outside {
    pub resolver: SharedResolver,
    pub jitter: Jitter,
}

impl Outside {
    /// The machine's names; pauses that differ from those of other nodes.
    pub fn system() -> Result<Self, Error> {
        let seed = u64::from_be_bytes(hutong_keys::random_bytes()?);
        Ok(Self { resolver: Arc::new(SystemResolver), jitter: Jitter::seeded(seed) })
    }
}

impl Webhooks {
    pub(crate) fn new(
        (chain, agency): (ChainId, AgencyId),
        config: Config,
        hooks: Hooks,
        outside: Outside,
        clock: SharedClock,
        metrics: Metrics,
    ) -> Result<Self, Error> {
        let allowed = Arc::new(Allowed::new(&config.allow_networks)?);
        let (timeout, answer_bytes_max) = (config.timeout(), config.answer_bytes_max);
        let sender = Sender::new(outside.resolver, allowed.clone(), clock, timeout, answer_bytes_max)?;
        let origin =
            if config.origin.is_empty() { format!("{agency}.{chain}") } else { config.origin.clone() };
        let meters = Meters::new(metrics, agency);
        Ok(Self { config, hooks, allowed, sender, meters, jitter: outside.jitter, origin })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }
}

/// Runs a courier for each subscription, until one fails in a way that needs an operator.
pub(crate) async fn run(node: Arc<Node>, mut added: Added) -> Error {
    let mut couriers = JoinSet::new();
    let mut known: BTreeMap<AgencyId, ()> = BTreeMap::new();
    loop {
        tokio::select! {
            Some(hook) = added.recv() => {
                couriers.spawn(Courier::new(node.clone(), hook).run());
            }
            Some(ended) = couriers.join_next() => match ended {
                // Its subscription was removed.
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(error) => return Error::Courier(error),
            },
            () = node.clock.sleep(SURVEY), if !(known.is_empty() && node.webhooks.hooks.all().is_empty()) => {
                let tip = *node.source.tip.borrow();
                node.webhooks.meters.survey(&node.webhooks.hooks.all(), tip, &mut known);
            }
        }
    }
}
