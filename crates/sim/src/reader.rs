//! People who read a reply as it comes, from any place, through the death of the process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::StreamExt as _;
use lionrocket_app::{
    ServiceError,
    turns::{TurnEvent, TurnEvents},
};
use lionrocket_domain::{
    access::Actor,
    ids::{ChatId, TurnId},
    turn::{StopReason, TurnRecord},
};
use tokio::{sync::Notify, time::sleep};

use crate::{process::Process, promises::Promises};

/// The process that serves at the moment. Those who wait for one are woken in the order in which they
/// came, unlike by a `watch` channel: a seed must play the same world again.
#[derive(Default)]
pub(crate) struct Serving {
    process: Mutex<Option<Arc<Process>>>,
    changed: Notify,
}

impl Serving {
    /// The process, dead or alive.
    pub(crate) fn now(&self) -> Option<Arc<Process>> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        process.clone()
    }

    /// Lets another process serve, or none; answers the one before.
    pub(crate) fn replace(&self, next: Option<Arc<Process>>) -> Option<Arc<Process>> {
        let before = {
            let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *process, next)
        };
        self.changed.notify_waiters();
        before
    }

    /// Waits for a process that serves.
    pub(crate) async fn living(&self) -> Arc<Process> {
        loop {
            let changed = self.changed.notified();
            if let Some(process) = self.now().filter(|process| !process.dead.is_cancelled()) {
                return process;
            }
            changed.await;
        }
    }
}

/// One reader of one turn.
pub(crate) struct Reader {
    pub(crate) serving: Arc<Serving>,
    pub(crate) actor: Actor,
    pub(crate) chat_id: ChatId,
    pub(crate) turn_id: TurnId,
    pub(crate) promises: Arc<Promises>,
    /// Where it began to read, and all it has read since.
    pub(crate) from: usize,
    pub(crate) words: String,
}

impl Reader {
    /// Reads to the end, however often the process dies.
    pub(crate) async fn read(mut self) {
        loop {
            let process = self.serving.living().await;
            let follow = process.service.follow(
                self.actor,
                self.chat_id,
                self.turn_id,
                self.from + self.words.len(),
            );
            let followed = tokio::select! {
                biased;
                () = process.dead.cancelled() => continue,
                followed = follow => followed,
            };
            match followed {
                Ok(events) => {
                    let end = tokio::select! {
                        biased;
                        () = process.dead.cancelled() => None,
                        end = self.take(events) => end,
                    };
                    if let Some(record) = end {
                        return self.compare(&record);
                    }
                }
                Err(ServiceError::NotFound) => {
                    return self
                        .promises
                        .broken(format!("turn {} is gone", self.turn_id));
                }
                Err(_) => {}
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn take(&mut self, mut events: TurnEvents) -> Option<Arc<TurnRecord>> {
        while let Some(event) = events.next().await {
            match event {
                TurnEvent::Text { text, end } => {
                    self.words.push_str(&text);
                    if self.from + self.words.len() != end {
                        let (turn_id, place) = (self.turn_id, self.from + self.words.len());
                        let told =
                            format!("turn {turn_id}: a reader is at {place} and is told {end}");
                        self.promises.broken(told);
                        self.words.truncate(0);
                        self.from = end;
                    }
                }
                TurnEvent::Busy(_) => {}
                TurnEvent::Ended(record) => return Some(record),
            }
        }
        None
    }

    fn compare(&self, record: &TurnRecord) {
        self.promises.ended(record);
        let whole = &record.assistant_message.content;
        // Also where the person asked for the end just then, and the turn counts as stopped.
        let is_taken_back = record.assistant_message.stop_reason == Some(StopReason::Refusal);
        let is_same = whole.get(self.from..) == Some(&*self.words);
        if !(is_same || is_taken_back && whole.is_empty()) {
            let (turn_id, from) = (self.turn_id, self.from);
            let (read, saved) = (self.words.len(), whole.len());
            let state = record.turn.state;
            self.promises.broken(format!(
                "turn {turn_id} ({state:?}): {read} bytes were read from {from}, {saved} are saved"
            ));
        }
    }
}
