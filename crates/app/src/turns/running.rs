//! The replies that this process works on: how many there may be, and how to end one early.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use lionrocket_domain::ids::TurnId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Why a reply is to end before the model has said all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The person asked for it.
    Stopped,
    /// The process ends.
    Shutdown,
}

/// The replies of this process.
#[derive(Debug)]
pub(super) struct Running {
    /// Replies that may be taken in, those that wait included.
    places: Arc<Semaphore>,
    /// Replies that the model may write at once.
    writers: Arc<Semaphore>,
    /// How to end each of them.
    cuts: Mutex<HashMap<TurnId, watch::Sender<Option<Cut>>>>,
}

impl Running {
    /// Lets so many replies be written at once and so many more wait for that.
    pub(super) fn new(max_running: usize, max_waiting: usize) -> Self {
        let places = max_running.saturating_add(max_waiting);
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            writers: Arc::new(Semaphore::new(max_running.min(Semaphore::MAX_PERMITS))),
            cuts: Mutex::default(),
        }
    }

    /// Takes a place, if one is free.
    pub(super) fn admit(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// What a reply waits for before the model is asked.
    pub(super) fn writers(&self) -> Arc<Semaphore> {
        Arc::clone(&self.writers)
    }

    /// Takes the right to have the model write one more reply, if it need not be waited for. Not for a
    /// process that is about to end.
    pub(super) fn write_at_once(&self) -> Option<OwnedSemaphorePermit> {
        if self.places.is_closed() {
            return None;
        }
        Arc::clone(&self.writers).try_acquire_owned().ok()
    }

    /// Enters a reply; it can be ended from here on.
    pub(super) fn enter(&self, turn_id: TurnId) -> watch::Receiver<Option<Cut>> {
        let (sender, receiver) = watch::channel(None);
        self.cuts().insert(turn_id, sender);
        receiver
    }

    /// Forgets a reply that has ended.
    pub(super) fn leave(&self, turn_id: TurnId) {
        self.cuts().remove(&turn_id);
    }

    /// Ends a reply, if it is one of this process.
    pub(super) fn cut(&self, turn_id: TurnId, cut: Cut) {
        if let Some(sender) = self.cuts().get(&turn_id) {
            sender.send_replace(Some(cut));
        }
    }

    /// Takes no more replies in.
    pub(super) fn close(&self) {
        self.places.close();
    }

    /// The replies of this process.
    pub(super) fn at_work(&self) -> Vec<TurnId> {
        self.cuts().keys().copied().collect()
    }

    /// Ends all replies of this process and answers how many there are.
    pub(super) fn cut_all(&self, cut: Cut) -> usize {
        let cuts = self.cuts();
        for sender in cuts.values() {
            sender.send_replace(Some(cut));
        }
        cuts.len()
    }

    fn cuts(&self) -> MutexGuard<'_, HashMap<TurnId, watch::Sender<Option<Cut>>>> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits until a reply is to end early.
pub(super) async fn wait_for_cut(cut: &mut watch::Receiver<Option<Cut>>) -> Cut {
    match cut.wait_for(Option::is_some).await.map(|cut| *cut) {
        Ok(Some(cut)) => cut,
        // Nobody is left who could ask for it.
        Ok(None) | Err(_) => std::future::pending().await,
    }
}
