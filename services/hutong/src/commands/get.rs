//! `hutong get`: what is final, as JSON.

use hutong_client::Client;
use serde_json::Value;

use super::{CommandError, Context};
use crate::cli::Get;

pub(super) async fn run(context: Context, args: Get) -> Result<(), CommandError> {
    let client = context.client()?;
    let document = match args {
        Get::Record { key, version } => client.record(&key, version).await?,
        Get::History { key } => client.history(&key).await?,
        Get::Proof { key } => {
            let bytes = client.proof(&key).await?;
            serde_json::from_slice::<Value>(&bytes)
                .map_err(|error| CommandError::Negative(format!("the proof is not JSON: {error}")))?
        }
        Get::Transaction { id } => client.transaction(&id).await?,
        Get::Block { height } => client.block(height).await?,
        Get::Status => client.status().await?,
    };
    context.output.document(&document);
    Ok(())
}

impl Context {
    /// A client that calls as the first agency of the city whose key is here.
    pub(super) fn client(&self) -> Result<Client, CommandError> {
        let city = self.city()?;
        let held = city.agencies.iter().find(|agency| city.signer(&agency.id).is_ok());
        let agency = held.ok_or_else(|| {
            CommandError::Usage(format!("{} holds no agency's signing key", self.global.data.display()))
        })?;
        Ok(Client::of(&city, &agency.id)?)
    }
}
