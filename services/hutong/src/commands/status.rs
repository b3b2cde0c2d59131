//! `hutong status`: asks a node and its services how they are. Ends with a failure when something is wrong, so that a script or a
//! pager can ask too.

use std::{collections::BTreeMap, time::Duration};

use hutong_client::Client;
use hutong_runtime::{Clock as _, SystemClock};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{CommandError, Context};
use crate::{
    cli::AsAgency,
    status::{Answer, Look},
};

/// A port that takes longer is not well.
const TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn run(context: Context, args: AsAgency) -> Result<(), CommandError> {
    let client = context.acting(args.agency)?.attempts_max(1);
    let look = Look {
        unready: unready(client.url()).await,
        node: ask(&client, "/v1/status").await,
        ingest: ask(&client, "/v1/status/ingest").await,
        notification: ask(&client, "/v1/status/notification").await,
    };
    let now_ms = SystemClock::new().unix_ms();
    let verdict = look.verdict(now_ms);
    context.output.result(&look.document(&verdict), |_| look.text(&verdict, now_ms));
    match verdict.problems.len() {
        0 => Ok(()),
        1 => Err(CommandError::Negative("1 problem".into())),
        more => Err(CommandError::Negative(format!("{more} problems"))),
    }
}

async fn ask<T: DeserializeOwned>(client: &Client, path: &str) -> Answer<T> {
    let document = tokio::time::timeout(TIMEOUT, client.get(path)).await;
    let document = document.map_err(|_| format!("none within {} s", TIMEOUT.as_secs()))?;
    let document = document.map_err(|error| chain(&error))?;
    serde_json::from_value(document).map_err(|error| format!("it is of another version: {error}"))
}

#[derive(Deserialize)]
struct Ready {
    #[serde(default)]
    waiting_for: BTreeMap<String, Value>,
}

/// The parts behind the port that are not ready. It says so with an error status, and in the same form.
async fn unready(url: &str) -> Answer<BTreeMap<String, Value>> {
    let http = hutong_client::tls::http(url).map_err(|error| chain(&error))?;
    let http = http.timeout(TIMEOUT).build().map_err(|error| chain(&error))?;
    let answer = http.get(format!("{url}/readyz")).send().await.map_err(|error| chain(&error))?;
    let ready: Ready = answer.json().await.map_err(|error| chain(&error))?;
    Ok(ready.waiting_for)
}

/// An error with its causes, on one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
