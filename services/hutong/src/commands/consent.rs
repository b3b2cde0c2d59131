//! `hutong consent`: a person gives, withdraws and lists consents.

use hutong_runtime::{Clock, SystemClock};
use serde_json::json;

use super::{CommandError, Context};
use crate::cli::Consent;

const PATH: &str = "/v1/subjects/me/consents";

pub(super) async fn run(context: Context, command: Consent) -> Result<(), CommandError> {
    let answer = match command {
        Consent::Give(args) => {
            let now_ms = SystemClock::new().unix_ms();
            let from_ms = args.from.map_or(now_ms, unix_ms);
            let body = json!({
                "domain": args.domain,
                "consumer": args.consumer,
                "record_type": args.record_type,
                "fields": args.fields,
                "purposes": args.purposes,
                "from_ms": from_ms,
                "until_ms": unix_ms(args.until),
            });
            context.person(&args.person)?.post_json(PATH, &body).await?
        }
        Consent::Withdraw { consent, person } => {
            let path = format!("{PATH}/{}/{}/withdraw", consent.domain, consent.record);
            context.person(&person)?.post_json(&path, &json!({})).await?
        }
        Consent::List { person } => context.person(&person)?.get(PATH).await?,
    };
    context.output.document(&answer);
    Ok(())
}

/// Before 1970 is no time of a ledger: it counts as its beginning.
pub(super) fn unix_ms(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}
