//! `hutong genesis`: founds a development city in an empty data folder.

use hutong_runtime::{Clock, SystemClock};
use serde_json::json;

use super::{CommandError, Context};
use crate::{
    city::{domains::RECORD_TYPES, found, layout::Layout},
    cli::GenesisArgs,
};

const URL: &str = "http://127.0.0.1:8080";

pub(super) fn run(context: &Context, args: &GenesisArgs) -> Result<(), CommandError> {
    let layout = Layout::new(&context.global.data);
    if layout.genesis().exists() {
        let path = layout.genesis();
        return Err(CommandError::Usage(format!("{} exists; a chain has one genesis", path.display())));
    }
    let url = context.global.url.as_deref().unwrap_or(URL);
    let time_ms = SystemClock::new().unix_ms();
    let genesis = found::found(&layout, RECORD_TYPES, args.name, usize::from(args.agencies), time_ms, url)?;
    let result = json!({
        "chain": genesis.chain(),
        "genesis": layout.genesis(),
        "trust": layout.trust(),
        "agencies": genesis.epoch.agencies.iter().map(|a| a.id).collect::<Vec<_>>(),
    });
    context.output.result(&result, |_| {
        format!(
            "chain {}\ngenesis {}\ntrust file {}",
            genesis.chain(),
            layout.genesis().display(),
            layout.trust().display()
        )
    });
    Ok(())
}
