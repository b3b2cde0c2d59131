//! The port on the agency's desk.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hutong_desk::{Ask, Desk};
use hutong_disclosure::{Handle, records};
use hutong_ledger::{
    hash::Hash,
    id::{AgencyId, RecordKey, TxId},
};
use hutong_peer::{
    FinalTransaction, Position,
    vault::{ToSeal, VaultError},
};

use hutong_wire::{prost::Message, v1::disclosure::Access};

use super::{Records, duty};
use crate::{
    audit::PURPOSE,
    contract::{BODY, domain},
    error::Error,
    kind::Key,
};

/// The ledger through a desk.
#[derive(Clone, Debug)]
pub struct DeskRecords(pub Desk);

#[async_trait]
impl Records for DeskRecords {
    fn agency(&self) -> AgencyId {
        self.0.agency()
    }

    async fn seal(&self, key: &Key, subjects: Vec<Handle>, body: Bytes) -> Result<Hash, Error> {
        let record = RecordKey { domain: domain(), record: key.record() };
        let values = vec![(BODY.to_owned(), body)];
        let sealed = self.0.seal(ToSeal { record, subjects, values }).await?;
        let found = sealed.into_iter().find(|(name, _)| name == BODY);
        found.map(|(_, commitment)| commitment).ok_or_else(|| Error::Unavailable("no commitment".into()))
    }

    async fn submit(&self, action: Bytes, actor: &str) -> Result<TxId, Error> {
        Ok(self.0.submit(domain(), action, actor).await?.id)
    }

    async fn find_person(&self, resident_id: &str) -> Result<(Handle, bool), Error> {
        Ok(self.0.find_person(domain(), resident_id).await?)
    }

    async fn recover(&self, key: &Key, official: &str) -> Result<(Hash, Bytes), Error> {
        let ask = Ask {
            record: key.record(),
            fields: vec![BODY.to_owned()],
            purpose: format!("{PURPOSE}rebuild"),
            basis: duty(),
            official: official.to_owned(),
            sealed_until_ms: 0,
        };
        let disclosed = self.0.disclose(domain(), ask).await?;
        // The commitment of what was released is in the access, as it stood then.
        let unavailable = || Error::Unavailable("the access does not tell what was released".into());
        let found = self.0.storage().transaction(disclosed.access).await;
        let found = found.map_err(|error| Error::Unavailable(error.to_string()))?.ok_or_else(unavailable)?;
        let name = records::access(&disclosed.access);
        let change = found.changes.iter().find(|change| change.record == name);
        let access = change.and_then(|change| Access::decode(change.value.as_deref()?).ok());
        let access = access.ok_or_else(unavailable)?;
        let field = access.fields.iter().find(|field| field.name == BODY).ok_or_else(unavailable)?;
        let commitment = field.commitment.as_ref().try_into().map_err(|_| unavailable())?;
        let body = disclosed.fields.into_iter().find(|(name, _)| name == BODY).ok_or_else(unavailable)?.1;
        Ok((Hash(commitment), body))
    }

    async fn finals(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<(Vec<FinalTransaction>, Position), Error> {
        let finals = self.0.storage().finals(after, Some(vec![domain()]), limit).await;
        finals.map_err(|error| Error::Unavailable(error.to_string()))
    }

    async fn wait_final(&self, above: u64, timeout: Duration) -> Result<(), Error> {
        let waited = self.0.storage().wait_final(above, timeout).await;
        waited.map(|_| ()).map_err(|error| Error::Unavailable(error.to_string()))
    }
}

impl From<hutong_desk::Error> for Error {
    fn from(error: hutong_desk::Error) -> Self {
        match error {
            hutong_desk::Error::Refused { code, .. } => Self::Refused { code },
            hutong_desk::Error::Vault(VaultError::Refused { code, .. }) => Self::Refused { code },
            other => Self::Unavailable(other.to_string()),
        }
    }
}
