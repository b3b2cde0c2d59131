//! `hutong tail`: follows final changes, one CloudEvent a line.

use futures::StreamExt;
use hutong_client::{NOW, Subscription};

use super::{CommandError, Context};
use crate::cli::Tail;

pub(super) async fn run(context: Context, args: Tail) -> Result<(), CommandError> {
    let client = context.client()?;
    let record = args.record.map(|record| record.parse()).transpose();
    let record =
        record.map_err(|error: hutong_ledger::id::InvalidName| CommandError::Usage(error.to_string()))?;
    let after = match args.after.as_deref() {
        None => Some(NOW.to_owned()),
        Some("0") => None,
        Some(position) => Some(position.to_owned()),
    };
    let mut events = Box::pin(client.subscribe(Subscription {
        domain: args.domain,
        record,
        after,
        ..Subscription::default()
    }));
    let mut left = args.limit.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(event) = events.next().await else { break };
        let event = event?;
        context.output.line(&event.event);
        left -= 1;
    }
    Ok(())
}
