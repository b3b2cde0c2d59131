//! The vault's side of the bus: takes calls, runs them side by side, and answers each once.

use std::future::Future;

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{PAYLOAD_BYTES_MAX, Request, SharedBus};
use hutong_ledger::id::AgencyId;
use hutong_wire::{
    prost::Message,
    v1::vault::{self as v1, request::Call, response::Answer},
};
use tokio::task::JoinSet;

use super::{SharedVault, VaultError, VaultPeer, convert};
use crate::Error;

/// So many calls run at a time; a further one is told to come again.
const CALLS_MAX: usize = 256;

/// Answers for an agency's vault until the shutdown; what runs then is dropped.
pub async fn serve_vault(
    bus: SharedBus,
    agency: AgencyId,
    vault: SharedVault,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let failed = |source| Error::Unavailable { callee: "bus", source };
    let mut requests = bus.serve(&crate::subjects::vault(&agency)).await.map_err(failed)?;
    let mut running = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            request = requests.next() => match request {
                None => return Err(failed(hutong_bus::Error::Closed)),
                Some(request) if running.len() < CALLS_MAX => {
                    running.spawn(answer(vault.clone(), request));
                }
                Some(request) => reply(request, Err(busy())).await,
            },
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a call of the vault broke off");
                }
            }
        }
    }
}

async fn answer(vault: SharedVault, mut request: Request) {
    let payload = std::mem::take(&mut request.message.payload);
    let answer = match v1::Request::decode(payload) {
        Ok(v1::Request { token, call: Some(call) }) => run(&*vault, &token, call).await,
        // What does not decode may be a value in the clear: nothing of it is repeated.
        _ => Err(malformed("the request")),
    };
    reply(request, answer).await;
}

async fn reply(request: Request, answer: Result<Answer, VaultError>) {
    let answer = answer.unwrap_or_else(|error| Answer::Refused(convert::error(error)));
    let mut bytes: Bytes = v1::Response { answer: Some(answer) }.encode_to_vec().into();
    if bytes.len() > PAYLOAD_BYTES_MAX {
        let told = format!("the answer takes more than {PAYLOAD_BYTES_MAX} bytes; ask for less at a time");
        let refused = Answer::Refused(convert::error(VaultError::refused("too_large", told)));
        bytes = v1::Response { answer: Some(refused) }.encode_to_vec().into();
    }
    if let Err(error) = request.reply(bytes).await {
        tracing::debug!(%error, "an answer of the vault was not sent");
    }
}

async fn run(vault: &dyn VaultPeer, token: &str, call: Call) -> Result<Answer, VaultError> {
    match call {
        Call::Seal(seal) => {
            let values = convert::to_seal(seal).map_err(malformed)?;
            Ok(Answer::Sealed(convert::commitments(vault.seal(token, values).await?)))
        }
        Call::FindPerson(call) => {
            let domain = call.domain.parse().map_err(|_| malformed("find_person.domain"))?;
            let (handle, made) = vault.find_person(token, domain, &call.resident_id).await?;
            Ok(Answer::Person(v1::Person { handle: Bytes::copy_from_slice(&handle), made }))
        }
        Call::OwnHandles(_) => {
            let handles = vault.own_handles(token).await?.into_iter().map(|(domain, handle)| v1::Handle {
                domain: domain.to_string(),
                handle: Bytes::copy_from_slice(&handle),
            });
            Ok(Answer::Handles(v1::Handles { handles: handles.collect() }))
        }
        Call::Release(call) => {
            let access = convert::to_access(&call.access).map_err(malformed)?;
            Ok(Answer::Released(convert::released(&vault.release(access).await?)))
        }
    }
}

fn malformed(part: &str) -> VaultError {
    VaultError::refused("malformed", format!("{part} is not what it should be"))
}

fn busy() -> VaultError {
    VaultError::Unavailable("it has too many calls at once".into())
}
