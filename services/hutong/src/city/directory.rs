//! The keys of the epoch in force, for the HTTP front: who may sign a token now.

use std::{sync::Arc, time::Duration};

use hutong_ledger::{
    epoch::{Epoch, Purpose},
    id::ChainId,
};
use hutong_peer::SharedStorage;
use hutong_runtime::auth::KeyDirectory;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long one wait for a new final height lasts.
const WAIT: Duration = Duration::from_secs(10);
/// The pause after a failed question.
const RETRY: Duration = Duration::from_millis(500);

/// Knows the epoch in force, as storage tells it.
#[derive(Clone, Debug)]
pub struct Directory {
    chain: Arc<str>,
    epoch: watch::Receiver<Arc<Epoch>>,
}

impl Directory {
    /// The directory, and the work that keeps it up to date until stopped.
    pub fn follow(
        chain: ChainId,
        first: Arc<Epoch>,
        storage: SharedStorage,
        stop: CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, epoch) = watch::channel(first);
        let work = async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = keep_up(storage, sender) => {}
            }
        };
        (Self { chain: chain.as_str().into(), epoch }, work)
    }

    pub fn epoch(&self) -> Arc<Epoch> {
        self.epoch.borrow().clone()
    }
}

async fn keep_up(storage: SharedStorage, sender: watch::Sender<Arc<Epoch>>) {
    let mut height = 0;
    loop {
        let told = async {
            let standing = storage.standing().await?;
            sender.send_if_modified(|known| {
                let newer = standing.epoch.number != known.number;
                if newer {
                    *known = standing.epoch.clone();
                }
                newer
            });
            height = standing.final_header.height;
            storage.wait_final(height, WAIT).await
        };
        if let Err(error) = told.await {
            tracing::debug!(%error, "storage does not answer; the keys known stay in force");
            tokio::time::sleep(RETRY).await;
        }
    }
}

impl KeyDirectory for Directory {
    fn signing_key(&self, agency: &str, key_id: &str) -> Option<[u8; 32]> {
        let (agency, key_id) = (agency.parse().ok()?, key_id.parse().ok()?);
        self.epoch.borrow().key(&agency, Purpose::Signing, &key_id)
    }

    fn is_member(&self, agency: &str) -> bool {
        agency.parse().is_ok_and(|agency| self.epoch.borrow().agency(&agency).is_some())
    }

    fn chain(&self) -> &str {
        &self.chain
    }
}
