//! The caller's side of a vault over the bus. What it sends only that vault can read.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use hutong_bus::{Headers, PAYLOAD_BYTES_MAX, SharedBus};
use hutong_ledger::{
    epoch::Purpose,
    hash::Hash,
    id::{AgencyId, Domain, TxId},
};
use hutong_wire::{
    prost::Message,
    v1::vault::{self as v1, reply::Reply, request::Call, response::Answer},
};

use super::{Handle, Released, ToSeal, VaultError, VaultPeer, convert, envelope};
use crate::SharedStorage;

/// Where the registered sealing keys of agencies are found.
#[async_trait]
pub trait SealingKeys: Send + Sync + Debug + 'static {
    async fn sealing_key(&self, agency: AgencyId) -> Result<[u8; 32], VaultError>;
}

/// As the epoch in force has them.
#[async_trait]
impl SealingKeys for SharedStorage {
    async fn sealing_key(&self, agency: AgencyId) -> Result<[u8; 32], VaultError> {
        let standing = self.standing().await.map_err(|error| VaultError::Unavailable(error.to_string()))?;
        let key = standing.epoch.agency(&agency).and_then(|agency| agency.key(Purpose::Sealing));
        key.map(|key| key.public).ok_or_else(|| {
            VaultError::Unavailable(format!("{agency} has no registered sealing key to call its vault under"))
        })
    }
}

/// An agency's vault, wherever on the bus it runs.
#[derive(Debug)]
pub struct RemoteVault {
    bus: SharedBus,
    agency: AgencyId,
    keys: Arc<dyn SealingKeys>,
    subject: String,
    timeout: Duration,
}

impl RemoteVault {
    /// `timeout` is what one call may take to be answered.
    pub fn new(bus: SharedBus, agency: AgencyId, keys: Arc<dyn SealingKeys>, timeout: Duration) -> Self {
        Self { bus, agency, keys, subject: crate::subjects::vault(&agency), timeout }
    }

    /// Nothing is repeated here when an answer is lost: only the caller knows what a second try means.
    async fn call(&self, token: &str, call: Call) -> Result<Answer, VaultError> {
        let public = self.keys.sealing_key(self.agency).await?;
        let closed = envelope::close(&self.agency, &public, token, call);
        let (payload, key) = closed.map_err(|error| VaultError::Unavailable(error.to_string()))?;
        if payload.len() > PAYLOAD_BYTES_MAX {
            let told = format!("a call takes at most {PAYLOAD_BYTES_MAX} bytes; give less at a time");
            return Err(VaultError::refused("too_large", told));
        }
        let reply = self.bus.request(&self.subject, Headers::default(), payload, self.timeout).await;
        let reply = reply.map_err(|error| VaultError::Unavailable(error.to_string()))?;
        let reply = v1::Reply::decode(reply.payload).map_err(|_| garbled("the answer"))?;
        let answer = match reply.reply {
            Some(Reply::Sealed(sealed)) => key.open(&self.agency, &sealed).map_err(garbled)?,
            // Nobody vouches for it.
            Some(Reply::Refused(refused)) => return Err(VaultError::Unavailable(refused.message)),
            None => return Err(garbled("the answer")),
        };
        match answer {
            Answer::Refused(refused) => Err(convert::to_error(refused)),
            answer => Ok(answer),
        }
    }
}

#[async_trait]
impl VaultPeer for RemoteVault {
    async fn seal(&self, token: &str, values: ToSeal) -> Result<Vec<(String, Hash)>, VaultError> {
        match self.call(token, Call::Seal(convert::seal(values))).await? {
            Answer::Sealed(sealed) => convert::to_commitments(sealed).map_err(garbled),
            _ => Err(garbled("the answer")),
        }
    }

    async fn find_person(
        &self,
        token: &str,
        domain: Domain,
        resident_id: &str,
    ) -> Result<(Handle, bool), VaultError> {
        let call = v1::FindPerson { domain: domain.to_string(), resident_id: resident_id.to_owned() };
        match self.call(token, Call::FindPerson(call)).await? {
            Answer::Person(person) => Ok((convert::to_handle(&person.handle).map_err(garbled)?, person.made)),
            _ => Err(garbled("the answer")),
        }
    }

    async fn own_handles(&self, token: &str) -> Result<Vec<(Domain, Handle)>, VaultError> {
        let Answer::Handles(found) = self.call(token, Call::OwnHandles(v1::OwnHandles {})).await? else {
            return Err(garbled("the answer"));
        };
        let handle = |found: &v1::Handle| {
            let domain = found.domain.parse().map_err(|_| garbled("handles.domain"))?;
            Ok((domain, convert::to_handle(&found.handle).map_err(garbled)?))
        };
        found.handles.iter().map(handle).collect()
    }

    async fn release(&self, access: TxId) -> Result<Released, VaultError> {
        let call = v1::Release { access: Bytes::copy_from_slice(&access.0) };
        match self.call("", Call::Release(call)).await? {
            Answer::Released(released) => {
                let released = convert::to_released(released).map_err(garbled)?;
                if released.access == access { Ok(released) } else { Err(garbled("released.access")) }
            }
            _ => Err(garbled("the answer")),
        }
    }
}

fn garbled(part: &str) -> VaultError {
    VaultError::Unavailable(format!("what came back is no answer to this call: {part}"))
}
