//! The log of replies that are being written: one writer, any number of readers from any place.

use std::{pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_core::Stream;
use lionrocket_domain::{ids::TurnId, turn::TurnRecord, usage::TokenUsage};

/// A place in a reply's text, in bytes of UTF-8 from its beginning.
pub type TextOffset = usize;

/// What a reader of a running reply sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplyEvent {
    /// The reply goes on. A reader that fell behind gets all it missed at once.
    Text {
        /// The text, never empty.
        text: String,
        /// The place after it.
        end: TextOffset,
    },
    /// The model is busy and will be asked again after this time.
    Busy(Duration),
    /// The turn is over, and this is how it was saved. Nothing follows.
    Ended(Arc<TurnRecord>),
}

/// A request that upstream took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedAttempt {
    /// The model that answers.
    pub model: String,
    /// The tokens that upstream told at the beginning.
    pub tokens: TokenUsage,
    /// Upstream's name for the request, if it gave one.
    pub request_id: Option<String>,
}

/// What is left of the log of a process that died, or of a writer that broke off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOver {
    /// The text after what the store has.
    pub text: String,
    /// The requests that upstream took, oldest first.
    pub attempts: Vec<StartedAttempt>,
}

/// A running reply as it comes. Ends after [`ReplyEvent::Ended`]; without it when the writer is
/// gone, and then the store knows what became of the turn.
pub type ReplyEvents = Pin<Box<dyn Stream<Item = ReplyEvent> + Send>>;

/// The log of running replies. Slow or lost readers never hold the writer up.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ReplyLog: Send + Sync {
    /// Opens the log of a turn with the text that its reply begins with, before the turn is told to
    /// anybody.
    async fn open(&self, turn_id: TurnId, beginning: String);

    /// Notes that upstream took a request for a turn.
    async fn started(&self, turn_id: TurnId, attempt: StartedAttempt);

    /// Adds text at the end. Does nothing when the log is not open.
    async fn append(&self, turn_id: TurnId, text: String);

    /// Tells that the model is busy and will be asked again after `retry_in`. Readers that come
    /// later do not see it.
    async fn busy(&self, turn_id: TurnId, retry_in: Duration);

    /// Tells the end and closes the log. To be called after the end is durable.
    async fn close(&self, turn_id: TurnId, record: Arc<TurnRecord>);

    /// Closes the log without telling an end, and forgets what there was of the turn.
    async fn abandon(&self, turn_id: TurnId);

    /// Closes the log without telling an end: the writer failed. What there was is left for whoever
    /// takes the turn up, until its log is opened again, closed or abandoned.
    async fn break_off(&self, turn_id: TurnId);

    /// Follows a reply from a place in its text: first what is there already, then what comes. A
    /// place inside a character or beyond the end is taken as the nearest one before it. `None` when
    /// no such log is open: the turn is over, or never was.
    async fn follow(&self, turn_id: TurnId, after: TextOffset) -> Option<ReplyEvents>;

    /// What a process that died, or a writer of this one that broke off, had noted of a turn, as far as
    /// it is left: a log may lose the last of it when the machine goes down. `saved` is how many bytes of the text the store has.
    async fn left_over(&self, turn_id: TurnId, saved: TextOffset) -> LeftOver;

    /// Tells that all turns of the process that died are taken up: what it had noted may be forgotten.
    /// Until then it is kept, so that nothing of it is lost when this process dies as well.
    async fn forget_left_over(&self);
}
