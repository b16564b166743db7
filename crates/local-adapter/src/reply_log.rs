//! Running replies in memory.
//!
//! A running turn has one text that grows; a reader is no more than a place in it. So the memory
//! for a turn does not depend on how many read it or how slowly, appending costs what is appended,
//! and whoever fell behind takes all that was missed in one piece.
//!
//! With a journal, what readers are shown is in a file before they are shown it, so that a process
//! that is killed leaves nothing shown behind that its successor does not know.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::Duration,
};

use async_trait::async_trait;
use lionrocket_domain::{ids::TurnId, turn::TurnRecord};
use lionrocket_ports::reply_log::{
    LeftOver, ReplyEvent, ReplyEvents, ReplyLog, StartedAttempt, TextOffset,
};
use tokio::sync::watch;

use crate::reply_journal::ReplyJournal;

/// A turn as its readers see it.
#[derive(Debug, Default)]
struct Reply {
    text: String,
    /// The requests that upstream took.
    attempts: Vec<StartedAttempt>,
    /// How often the model was busy, and when it will be asked again.
    busy: (u64, Duration),
    end: Option<End>,
}

#[derive(Clone, Debug)]
enum End {
    Told(Arc<TurnRecord>),
    Untold,
}

/// How a log is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    Forget,
    Keep,
}

/// The turns of this process.
#[derive(Debug, Default)]
struct Turns {
    open: HashMap<TurnId, Arc<watch::Sender<Reply>>>,
    /// Those whose writer broke off and that nobody has taken up yet.
    broken_off: HashMap<TurnId, Arc<watch::Sender<Reply>>>,
}

impl Turns {
    fn are_done(&self) -> bool {
        self.open.is_empty() && self.broken_off.is_empty()
    }
}

/// The log of the replies that this process writes.
#[derive(Debug, Default)]
pub struct LocalReplyLog {
    /// The lock is held for a look-up only, never while text is copied.
    turns: RwLock<Turns>,
    journal: Option<ReplyJournal>,
}

impl LocalReplyLog {
    /// Makes a log without turns, which is forgotten with the process.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a log whose last words outlive the process.
    #[must_use]
    pub fn with_journal(journal: ReplyJournal) -> Self {
        Self {
            journal: Some(journal),
            ..Self::default()
        }
    }

    /// The number of turns that are open.
    #[must_use]
    pub fn open_turns(&self) -> usize {
        self.read().open.len()
    }

    fn read(&self) -> RwLockReadGuard<'_, Turns> {
        self.turns.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Turns> {
        self.turns.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn writer(&self, turn_id: TurnId) -> Option<Arc<watch::Sender<Reply>>> {
        self.read().open.get(&turn_id).cloned()
    }

    /// Changes an open reply and wakes its readers.
    fn change(&self, turn_id: TurnId, change: impl FnOnce(&mut Reply)) {
        if let Some(writer) = self.writer(turn_id) {
            writer.send_if_modified(|reply| {
                // Closed between the look-up and here: nothing follows an end.
                let is_open = reply.end.is_none();
                if is_open {
                    change(reply);
                }
                is_open
            });
        }
    }

    /// Takes a turn out of the map, then tells its readers. They hold what they still have to read.
    fn end(&self, turn_id: TurnId, end: End, closing: Closing) {
        let writer = {
            let mut turns = self.write();
            let writer = turns.open.remove(&turn_id);
            match (closing, &writer) {
                (Closing::Keep, Some(writer)) => {
                    turns.broken_off.insert(turn_id, Arc::clone(writer));
                }
                (Closing::Keep, None) => {}
                (Closing::Forget, _) => drop(turns.broken_off.remove(&turn_id)),
            }
            // Under the lock, so that no turn is opened meanwhile whose notes would go too.
            if turns.are_done()
                && let Some(journal) = &self.journal
            {
                journal.clear();
            }
            writer
        };
        if let Some(writer) = writer {
            writer.send_modify(|reply| reply.end = Some(end));
        }
    }
}

#[async_trait]
impl ReplyLog for LocalReplyLog {
    async fn open(&self, turn_id: TurnId, beginning: String) {
        let mut turns = self.write();
        turns.broken_off.remove(&turn_id);
        if let Entry::Vacant(place) = turns.open.entry(turn_id) {
            if let Some(journal) = &self.journal {
                journal.opened(turn_id);
            }
            place.insert(Arc::new(watch::Sender::new(Reply {
                text: beginning,
                ..Reply::default()
            })));
        }
    }

    async fn started(&self, turn_id: TurnId, attempt: StartedAttempt) {
        self.change(turn_id, |reply| {
            if let Some(journal) = &self.journal {
                journal.started(turn_id, attempt.clone());
            }
            reply.attempts.push(attempt);
        });
    }

    async fn append(&self, turn_id: TurnId, text: String) {
        if !text.is_empty() {
            self.change(turn_id, |reply| {
                if let Some(journal) = &self.journal {
                    journal.said(turn_id, reply.text.len(), &text);
                }
                reply.text.push_str(&text);
            });
        }
    }

    async fn busy(&self, turn_id: TurnId, retry_in: Duration) {
        self.change(turn_id, |reply| reply.busy = (reply.busy.0 + 1, retry_in));
    }

    async fn close(&self, turn_id: TurnId, record: Arc<TurnRecord>) {
        self.end(turn_id, End::Told(record), Closing::Forget);
    }

    async fn abandon(&self, turn_id: TurnId) {
        self.end(turn_id, End::Untold, Closing::Forget);
    }

    async fn break_off(&self, turn_id: TurnId) {
        self.end(turn_id, End::Untold, Closing::Keep);
    }

    async fn follow(&self, turn_id: TurnId, after: TextOffset) -> Option<ReplyEvents> {
        let reply = self.writer(turn_id)?.subscribe();
        let reader = {
            let now = reply.borrow();
            Reader {
                place: now.text.floor_char_boundary(after),
                busy_seen: now.busy.0,
                ended: false,
            }
        };
        Some(Box::pin(read(reply, reader)))
    }

    async fn left_over(&self, turn_id: TurnId, saved: TextOffset) -> LeftOver {
        let broken_off = self.read().broken_off.get(&turn_id).cloned();
        match (broken_off, &self.journal) {
            (Some(writer), _) => {
                let reply = writer.borrow();
                LeftOver {
                    text: reply.text.get(saved..).unwrap_or_default().to_owned(),
                    attempts: reply.attempts.clone(),
                }
            }
            (None, Some(journal)) => journal.left_over(turn_id, saved),
            (None, None) => LeftOver::default(),
        }
    }

    async fn forget_left_over(&self) {
        if let Some(journal) = &self.journal {
            // Under the lock, so that no turn is opened meanwhile whose notes would go too.
            let turns = self.write();
            journal.forget_left_over();
            if turns.are_done() {
                journal.clear();
            }
        }
    }
}

/// Where one reader is.
struct Reader {
    place: TextOffset,
    busy_seen: u64,
    ended: bool,
}

impl Reader {
    /// Takes all that is new, in the order in which it is told: the model is busy before its first
    /// word only, and the end is last.
    fn take_news(&mut self, reply: &Reply) -> [Option<ReplyEvent>; 3] {
        let (busy_count, retry_in) = reply.busy;
        let busy = (busy_count > self.busy_seen).then_some(ReplyEvent::Busy(retry_in));
        self.busy_seen = busy_count;

        let text = reply.text.get(self.place..).filter(|news| !news.is_empty());
        let text = text.map(|news| ReplyEvent::Text {
            text: news.to_owned(),
            end: reply.text.len(),
        });
        self.place = reply.text.len();

        self.ended = reply.end.is_some();
        let end = match &reply.end {
            Some(End::Told(record)) => Some(ReplyEvent::Ended(Arc::clone(record))),
            Some(End::Untold) | None => None,
        };
        [busy, text, end]
    }
}

fn read(
    mut reply: watch::Receiver<Reply>,
    mut reader: Reader,
) -> impl futures_core::Stream<Item = ReplyEvent> + Send {
    async_stream::stream! {
        loop {
            // The borrow is a lock on the text: it must end before the events are handed out.
            let news = reader.take_news(&reply.borrow_and_update());
            for event in news.into_iter().flatten() {
                yield event;
            }
            // The writer can only be gone without an end when the whole log is.
            if reader.ended || reply.changed().await.is_err() {
                break;
            }
        }
    }
}
