//! The caller's side of a vault over the bus.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use hutong_bus::{Headers, PAYLOAD_BYTES_MAX, SharedBus};
use hutong_ledger::{
    hash::Hash,
    id::{AgencyId, Domain, TxId},
};
use hutong_wire::{
    prost::Message,
    v1::vault::{self as v1, request::Call, response::Answer},
};

use super::{Handle, Released, ToSeal, VaultError, VaultPeer, convert};

/// An agency's vault, wherever on the bus it runs.
#[derive(Debug)]
pub struct RemoteVault {
    bus: SharedBus,
    subject: String,
    timeout: Duration,
}

impl RemoteVault {
    /// `timeout` is what one call may take to be answered.
    pub fn new(bus: SharedBus, agency: AgencyId, timeout: Duration) -> Self {
        Self { bus, subject: crate::subjects::vault(&agency), timeout }
    }

    /// Nothing is repeated here when an answer is lost: only the caller knows what a second try means.
    async fn call(&self, token: &str, call: Call) -> Result<Answer, VaultError> {
        let request = v1::Request { token: token.to_owned(), call: Some(call) };
        let payload: Bytes = request.encode_to_vec().into();
        if payload.len() > PAYLOAD_BYTES_MAX {
            let told = format!("a call takes at most {PAYLOAD_BYTES_MAX} bytes; give less at a time");
            return Err(VaultError::refused("too_large", told));
        }
        let reply = self.bus.request(&self.subject, Headers::default(), payload, self.timeout).await;
        let reply = reply.map_err(|error| VaultError::Unavailable(error.to_string()))?;
        let response = v1::Response::decode(reply.payload).map_err(|_| garbled("the answer"))?;
        match response.answer {
            Some(Answer::Refused(refused)) => Err(convert::to_error(refused)),
            Some(answer) => Ok(answer),
            None => Err(garbled("the answer")),
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
