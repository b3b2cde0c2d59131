//! `hutong fsck`: derives headers, logs, state and quorums again from an agency's archive, and compares.

use hutong_ledger::{genesis::Genesis, id::AgencyId};
use serde_json::json;

use super::{CommandError, Context};
use crate::{
    city::{
        CityError,
        domains::{RECORD_TYPES, contracts},
        found,
        layout::Layout,
    },
    cli::Fsck,
};

pub(super) fn run(context: &Context, args: &Fsck) -> Result<(), CommandError> {
    let layout = Layout::new(&context.global.data);
    let layout = match &args.state {
        Some(state) => layout.with_state(state),
        None => layout,
    };
    let genesis: Genesis = found::read_json(&layout.genesis())?;
    let stored = |agency: &AgencyId| layout.agency(agency).join("storage").exists();
    let agencies: Vec<AgencyId> = match args.agency {
        Some(agency) if stored(&agency) => vec![agency],
        Some(agency) => {
            let data = layout.root().display();
            return Err(CommandError::Usage(format!("{data} holds no archive of {agency}")));
        }
        None => genesis.epoch.agencies.iter().map(|agency| agency.id).filter(stored).collect(),
    };
    if agencies.is_empty() {
        return Err(CommandError::Usage(format!("{} holds no agency's archive", layout.root().display())));
    }
    let (mut reports, mut texts, mut sound) = (Vec::new(), Vec::new(), true);
    for agency in agencies {
        let folder = layout.agency(&agency).join("storage");
        let report = hutong_storage::fsck(&folder, &contracts(RECORD_TYPES), &genesis)
            .map_err(|error| CityError::service("fsck", error))?;
        sound &= report.difference.is_none();
        let found = report.difference.as_ref().map(|difference| {
            json!({ "what": difference.what, "height": difference.height, "reason": difference.reason })
        });
        texts.push(match &report.difference {
            None => format!(
                "{agency}: sound up to height {}, {} transactions",
                report.final_height, report.transactions
            ),
            Some(first) => format!("{agency}: {} at height {:?}: {}", first.what, first.height, first.reason),
        });
        reports.push(json!({
            "agency": agency,
            "final_height": report.final_height,
            "records": report.records,
            "transactions": report.transactions,
            "refused": report.refused,
            "difference": found,
        }));
    }
    let result = json!({ "sound": sound, "agencies": reports });
    context.output.result(&result, |_| texts.join("\n"));
    if sound {
        Ok(())
    } else {
        Err(CommandError::Negative("the data folder differs from its archive".into()))
    }
}
