//! People who read a reply as it comes, from any place, through the death of the process.

use std::{sync::Arc, time::Duration};

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
use tokio::{sync::watch, time::sleep};

use crate::{process::Process, promises::Promises};

/// The process that serves at the moment.
pub(crate) type Served = watch::Receiver<Option<Arc<Process>>>;

/// Waits for a process that serves.
pub(crate) async fn serving(served: &mut Served) -> Option<Arc<Process>> {
    let process = served
        .wait_for(|process| {
            process
                .as_ref()
                .is_some_and(|process| !process.dead.is_cancelled())
        })
        .await
        .ok()?;
    process.clone()
}

/// One reader of one turn.
pub(crate) struct Reader {
    pub(crate) served: Served,
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
        while let Some(process) = serving(&mut self.served).await {
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
