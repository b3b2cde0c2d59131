//! The vault's side of the bus: takes calls, runs them side by side, and answers each once.

use std::future::Future;

use bytes::Bytes;
use futures::StreamExt;
use hutong_bus::{Headers, PAYLOAD_BYTES_MAX, Request, SharedBus};
use hutong_keys::SealingKey;
use hutong_ledger::id::AgencyId;
use hutong_wire::v1::vault::{self as v1, request::Call, response::Answer};
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{
    SharedVault, VaultError, VaultPeer, convert,
    envelope::{self, AnswerKey},
};
use crate::Error;

/// So many calls run at a time; a further one is told to come again.
const CALLS_MAX: usize = 256;

/// Answers for an agency's vault until the shutdown; what runs then is dropped. `span` makes the span of a call from its
/// headers, which say nothing of what is asked; `key` opens calls, which are sealed to its agency.
pub async fn serve_vault(
    bus: SharedBus,
    agency: AgencyId,
    vault: SharedVault,
    key: SealingKey,
    span: impl Fn(&Headers) -> tracing::Span + Send,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), Error> {
    let failed = |source| Error::Unavailable { callee: "bus", source };
    let mut requests = bus.serve(&crate::subjects::vault(&agency)).await.map_err(failed)?;
    let answerer = Answerer { agency, vault, key };
    let mut running = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            request = requests.next() => match request {
                None => return Err(failed(hutong_bus::Error::Closed)),
                Some(request) if running.len() < CALLS_MAX => {
                    let span = span(&request.message.headers);
                    running.spawn(answerer.clone().answer(request).instrument(span));
                }
                Some(request) => send(request, envelope::refusal(convert::error(busy()))).await,
            },
            Some(ended) = running.join_next(), if !running.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a call of the vault broke off");
                }
            }
        }
    }
}

/// Opens calls and seals their answers.
#[derive(Clone)]
struct Answerer {
    agency: AgencyId,
    vault: SharedVault,
    key: SealingKey,
}

impl Answerer {
    async fn answer(self, mut request: Request) {
        let payload = std::mem::take(&mut request.message.payload);
        let reply = match envelope::open(&self.agency, &self.key, payload) {
            Ok((token, call, key)) => self.closed(&key, run(&*self.vault, &token, call).await),
            // What does not decode may be a value in the clear: nothing of it is repeated.
            Err(part) => envelope::refusal(convert::error(malformed(part))),
        };
        send(request, reply).await;
    }

    fn closed(&self, key: &AnswerKey, answer: Result<Answer, VaultError>) -> Bytes {
        let close = |answer: Result<Answer, VaultError>| {
            let answer = answer.unwrap_or_else(|error| Answer::Refused(convert::error(error)));
            let failed = |error: hutong_keys::Error| {
                envelope::refusal(convert::error(VaultError::Unavailable(error.to_string())))
            };
            key.close(&self.agency, answer).unwrap_or_else(failed)
        };
        let reply = close(answer);
        if reply.len() <= PAYLOAD_BYTES_MAX {
            return reply;
        }
        let told = format!("the answer takes more than {PAYLOAD_BYTES_MAX} bytes; ask for less at a time");
        close(Err(VaultError::refused("too_large", told)))
    }
}

async fn send(request: Request, reply: Bytes) {
    if let Err(error) = request.reply(reply).await {
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
