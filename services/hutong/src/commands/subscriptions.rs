//! `hutong subscriptions`: webhooks of an agency, from a shell.

use hutong_client::Client;
use hutong_ledger::id::AgencyId;
use serde_json::{Value, json};

use super::{CommandError, Context};
use crate::cli::{CreateSubscription, OneSubscription, Subscriptions};

const PATH: &str = "/v1/subscriptions";
/// Dead letters that are asked for at once.
const PAGE: usize = 1000;

pub(super) async fn run(context: Context, command: Subscriptions) -> Result<(), CommandError> {
    let answer = match command {
        Subscriptions::Create(args) => create(&context, args).await?,
        Subscriptions::List(args) => context.acting(args.agency)?.get(PATH).await?,
        Subscriptions::Show(one) => context.acting(one.agency.agency)?.get(&path(&one.id)).await?,
        Subscriptions::Pause(one) => change(&context, one, "paused").await?,
        Subscriptions::Resume(one) => change(&context, one, "active").await?,
        Subscriptions::Replay(args) => {
            let asked = match args.from_height {
                Some(height) => json!({ "from_height": height }),
                None => json!({ "dead_letters": args.dead_letters }),
            };
            post(&context, args.one, "replay", &asked).await?
        }
        Subscriptions::DeadLetters(one) => dead_letters(&context, one).await?,
        Subscriptions::Rotate(args) => {
            post(&context, args.one, "secret", &json!({ "overlap_s": args.overlap_s })).await?
        }
        Subscriptions::Delete(one) => {
            context.acting(one.agency.agency)?.delete(&path(&one.id)).await?;
            json!({ "deleted": one.id })
        }
    };
    context.output.document(&answer);
    Ok(())
}

async fn create(context: &Context, args: CreateSubscription) -> Result<Value, CommandError> {
    let changes: Vec<_> = args.change.iter().map(|change| change.name()).collect();
    let mut asked = json!({
        "endpoint": args.endpoint,
        "filter": { "domains": args.domain, "records": args.record, "changes": changes, "agencies": args.by },
        "mode": if args.binary { "binary" } else { "structured" },
        "description": args.description,
    });
    if let Some(height) = args.from_height {
        asked["from_height"] = height.into();
    }
    Ok(context.acting(args.agency.agency)?.post_json(PATH, &asked).await?)
}

async fn change(context: &Context, one: OneSubscription, status: &str) -> Result<Value, CommandError> {
    let client = context.acting(one.agency.agency)?;
    Ok(client.patch_json(&path(&one.id), &json!({ "status": status })).await?)
}

async fn post(
    context: &Context,
    one: OneSubscription,
    what: &str,
    asked: &Value,
) -> Result<Value, CommandError> {
    let client = context.acting(one.agency.agency)?;
    Ok(client.post_json(&format!("{}/{what}", path(&one.id)), asked).await?)
}

/// All of them, page by page.
async fn dead_letters(context: &Context, one: OneSubscription) -> Result<Value, CommandError> {
    let client = context.acting(one.agency.agency)?;
    let (mut letters, mut after) = (Vec::new(), 0);
    loop {
        let page = format!("{}/dead-letters?after={after}&limit={PAGE}", path(&one.id));
        let mut page = client.get(&page).await?;
        if let Value::Array(more) = page["dead_letters"].take() {
            letters.extend(more);
        }
        match page["next_after"].as_u64() {
            Some(next) => after = next,
            None => return Ok(json!({ "dead_letters": letters })),
        }
    }
}

/// An id that is none is the city's to refuse, but it must not lead elsewhere.
fn path(id: &str) -> String {
    let plain: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("{PATH}/{plain}")
}

impl Context {
    /// A caller for an agency, or for the first one whose key is here.
    pub(super) fn acting(&self, agency: Option<AgencyId>) -> Result<Client, CommandError> {
        match agency {
            Some(agency) => Ok(Client::of(&self.city()?, &agency)?),
            None => self.client(),
        }
    }
}
