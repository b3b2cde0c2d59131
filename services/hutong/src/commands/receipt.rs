//! `hutong receipt`: fetches the offline receipt of a transaction.

use super::{CommandError, Context};
use crate::cli::ReceiptArgs;

pub(super) async fn run(context: Context, args: ReceiptArgs) -> Result<(), CommandError> {
    let receipt = context.client()?.receipt(&args.id).await?;
    match args.output {
        Some(path) => {
            std::fs::write(&path, &receipt)
                .map_err(|source| CommandError::Io { path: path.clone(), source })?;
            context.output.note(format!("receipt written to {}", path.display()));
        }
        None => context.output.line(String::from_utf8_lossy(&receipt).trim_end()),
    }
    Ok(())
}
