//! Who persons are, for vaults: what an identity provider says of a token.

use async_trait::async_trait;
use hutong_disclosure::ResidentId;
use hutong_vault::ports::PersonCheck;

/// No identity provider is configured: nobody is known.
#[derive(Clone, Copy, Debug)]
pub struct NoProvider;

#[async_trait]
impl PersonCheck for NoProvider {
    async fn resident_id(&self, _: &str) -> Result<ResidentId, String> {
        Err("no identity provider is configured here".into())
    }
}
