//! The thread of [`crate::state`]: tasks in order, one at a time. In a simulation there is no thread: a task is done
//! when it is handed in.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use hutong_ledger::id::{Domain, RecordId};
use hutong_peer::ExecutedBlock;
use parking_lot::Mutex;
use tokio::sync::{mpsc as async_mpsc, oneshot};

use crate::{
    Error,
    recent::FinalBlock,
    state::{Computed, ProvenState, State},
};

#[derive(Debug)]
pub(crate) enum Task {
    Compute(Arc<ExecutedBlock>),
    Rewind {
        height: u64,
    },
    Settle(Arc<FinalBlock>),
    Prove {
        domain: Domain,
        record: RecordId,
        answer: oneshot::Sender<Result<Option<ProvenState>, Error>>,
    },
    /// Write what is derived and end.
    Close,
}

/// What the thread sends back: results of blocks, in the order in which they were handed in, or why it stopped.
pub(crate) type Results = async_mpsc::UnboundedReceiver<Result<Computed, Error>>;

/// Hands tasks to the thread. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Tasks(Doer);

#[derive(Clone, Debug)]
enum Doer {
    Thread(mpsc::Sender<Task>),
    /// Whoever hands a task in does it; None once it is closed or has failed.
    Here(Arc<Mutex<Option<State>>>, async_mpsc::UnboundedSender<Result<Computed, Error>>),
}

impl Tasks {
    pub(crate) fn send(&self, task: Task) -> Result<(), Error> {
        match &self.0 {
            Doer::Thread(tasks) => tasks.send(task).map_err(|_| Error::Gone { what: "state" }),
            Doer::Here(state, results) => do_here(&mut state.lock(), task, results),
        }
    }

    pub(crate) async fn prove(&self, domain: Domain, record: RecordId) -> Result<Option<ProvenState>, Error> {
        let (answer, proven) = oneshot::channel();
        self.send(Task::Prove { domain, record, answer })?;
        proven.await.unwrap_or(Err(Error::Gone { what: "state" }))
    }
}

/// Starts the thread, unless all is done in step with who asks. It ends when it is told to, or when all [`Tasks`] are
/// gone.
pub(crate) fn start(
    mut state: State,
    in_step: bool,
) -> Result<(Tasks, Results, Option<JoinHandle<()>>), Error> {
    let (results, computed) = async_mpsc::unbounded_channel();
    if in_step {
        return Ok((Tasks(Doer::Here(Arc::new(Mutex::new(Some(state))), results)), computed, None));
    }
    let (tasks, queue) = mpsc::channel();
    let run = move || {
        while let Ok(task) = queue.recv() {
            if matches!(task, Task::Close) {
                break;
            }
            if let Err(error) = perform(&mut state, task, &results) {
                let _ = results.send(Err(error));
                return;
            }
        }
        if let Err(error) = state.close() {
            tracing::error!(%error, "the state trees were not persisted; the next start derives them again");
        }
    };
    let thread = std::thread::Builder::new().name("state".into()).spawn(run);
    let thread = thread.map_err(|_| Error::Gone { what: "state" })?;
    Ok((Tasks(Doer::Thread(tasks)), computed, Some(thread)))
}

fn do_here(
    state: &mut Option<State>,
    task: Task,
    results: &async_mpsc::UnboundedSender<Result<Computed, Error>>,
) -> Result<(), Error> {
    let Some(open) = state else { return Err(Error::Gone { what: "state" }) };
    let done = match task {
        Task::Close => open.close(),
        task => return perform(open, task, results).inspect_err(|_| *state = None),
    };
    *state = None;
    done
}

fn perform(
    state: &mut State,
    task: Task,
    results: &async_mpsc::UnboundedSender<Result<Computed, Error>>,
) -> Result<(), Error> {
    match task {
        Task::Compute(block) => {
            // The service may be gone already; then nobody misses the result.
            let _ = results.send(Ok(state.compute(&block)?));
        }
        Task::Rewind { height } => state.rewind(height),
        Task::Settle(block) => state.settle(&block)?,
        Task::Prove { domain, record, answer } => {
            let _ = answer.send(state.prove(domain, &record));
        }
        Task::Close => {}
    }
    Ok(())
}
