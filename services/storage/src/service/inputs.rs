//! What the agency's own services ask of the loop: where it stands, and that it takes a block.

use std::sync::Arc;

use hutong_ledger::id::TxId;
use hutong_peer::{ExecutedBlock, Session, Submitted, storage::Standing};
use tokio::sync::oneshot;

use super::{StorageService, now};
use crate::{
    Error,
    handle::{Input, Pending, Progress},
};

impl StorageService {
    pub(super) fn take(&mut self, input: Input) -> Result<(), Error> {
        match input {
            Input::Standing(answer) => {
                let standing = Standing {
                    session: self.session,
                    final_header: self.core.base().header.clone(),
                    epoch: self.core.epoch().clone(),
                    next_height: self.core.next_height(),
                    recalled_height: self.recalled_height,
                };
                let _ = answer.send(standing);
            }
            Input::Held { height, answer } => {
                let _ = answer.send(self.core.archived_at(height));
            }
            Input::Progress(answer) => {
                let progress = Progress {
                    held: self.core.next_height() - 1,
                    certified: self.core.certified_height(),
                    others: self.others.values().copied().collect(),
                };
                let _ = answer.send(progress);
            }
            Input::Pending { id, answer } => {
                let _ = answer.send(self.pending(&id));
            }
            Input::Submit { session, block, answer } => {
                let full = self.core.held() >= self.config.heights_held_max;
                if full && session == self.session && block.height() == self.core.next_height() {
                    self.waiting.push_back((block, answer));
                } else {
                    self.submit(session, block, answer)?;
                }
            }
        }
        Ok(())
    }

    fn submit(
        &mut self,
        session: Session,
        block: Arc<ExecutedBlock>,
        answer: oneshot::Sender<Submitted>,
    ) -> Result<(), Error> {
        let submitted = if session == self.session {
            self.core.submit(block, now(&self.clock))?
        } else {
            Submitted::Refused { reason: "the session is that of an earlier life of storage".into() }
        };
        let _ = answer.send(submitted);
        Ok(())
    }

    fn pending(&self, id: &TxId) -> Option<Pending> {
        self.core.slots().find_map(|slot| {
            let mut parts = slot.block.segments.iter();
            parts.find_map(|part| {
                let tx = part.segment.transactions.iter().find(|tx| tx.id == *id)?;
                Some(Pending { domain: part.domain, agency: tx.body.agency, height: slot.height() })
            })
        })
    }

    /// Submissions wait while too much is held that is not final.
    pub(super) fn take_waiting(&mut self) -> Result<(), Error> {
        while self.core.held() < self.config.heights_held_max
            && let Some((block, answer)) = self.waiting.pop_front()
        {
            self.submit(self.session, block, answer)?;
        }
        Ok(())
    }
}
