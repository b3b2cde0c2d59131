//! `hutong accesses`: who looked at a person's data; with `--output`, as the document that can be checked offline.

use super::{CommandError, Context};
use crate::cli::Accesses;

pub(super) async fn run(context: Context, args: Accesses) -> Result<(), CommandError> {
    let client = context.person(&args.person)?;
    if let Some(path) = &args.output {
        let document = client.get_bytes("/v1/subjects/me/accesses/document").await?;
        std::fs::write(path, &document).map_err(|source| CommandError::Io { path: path.clone(), source })?;
        context
            .output
            .note(format!("the list is in {}; check it with hutong verify --accesses", path.display()));
    }
    context.output.document(&client.get("/v1/subjects/me/accesses").await?);
    Ok(())
}
