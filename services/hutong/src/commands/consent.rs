//! `hutong consent`: a person gives, withdraws and lists consents.

use hutong_runtime::{Clock, SystemClock};
use serde_json::{Value, json};

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
    context.output.result(&answer, shown);
    Ok(())
}

/// One consent or a list of them, for people.
fn shown(answer: &Value) -> String {
    let Some(consents) = answer["consents"].as_array() else { return one(answer) };
    let listed: Vec<String> = consents.iter().map(one).collect();
    let text = if listed.is_empty() { "no consents".to_owned() } else { listed.join("\n\n") };
    text + &unreachable(answer)
}

fn one(consent: &Value) -> String {
    let told = |name: &str| consent[name].as_str().unwrap_or_default();
    format!(
        "consent  {}/{} {}\nallows   {} to read {} of {}\nfor      {}\nfrom     {} until {}\ncite     --consent {}",
        told("domain"),
        told("id"),
        told("state"),
        told("consumer"),
        list(&consent["fields"]),
        told("record_type"),
        list(&consent["purposes"]),
        time(&consent["from_ms"]),
        time(&consent["until_ms"]),
        told("basis"),
    )
}

/// The texts of a list, separated by commas.
pub(super) fn list(texts: &Value) -> String {
    let texts = texts.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.collect::<Vec<_>>().join(", ")
}

/// A time of the ledger, for people.
pub(super) fn time(ms: &Value) -> String {
    let time = ms.as_i64().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| "an unknown time".into(), |time| time.strftime("%F %T UTC").to_string())
}

/// Which agencies did not answer, if any.
pub(super) fn unreachable(answer: &Value) -> String {
    match list(&answer["unreachable"]) {
        none if none.is_empty() => none,
        agencies => format!("\n\nnot answering now, so what is there is not shown: {agencies}"),
    }
}

/// Before 1970 is no time of a ledger: it counts as its beginning.
pub(super) fn unix_ms(time: jiff::Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}
