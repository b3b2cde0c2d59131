//! `hutong health`: whether a service is ready, for a container that has nothing else to ask with.

use std::time::Duration;

use super::{CommandError, Context};
use crate::cli::HealthArgs;

/// A service that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn run(context: Context, args: HealthArgs) -> Result<(), CommandError> {
    let failed =
        |error: reqwest::Error| CommandError::Negative(format!("{} gives no answer: {error}", args.address));
    let client =
        hutong_client::tls::http(&args.address)?.timeout(TIMEOUT).no_proxy().build().map_err(failed)?;
    let answer = client.get(&args.address).send().await.map_err(failed)?;
    let status = answer.status();
    let body = answer.text().await.map_err(failed)?;
    if !status.is_success() {
        return Err(CommandError::Negative(format!("{} answers {status}: {body}", args.address)));
    }
    context.output.line(body);
    Ok(())
}
