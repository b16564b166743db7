//! The writes of a turn. Each is one transaction and durable when it is answered.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    budget::{Amount, BudgetScope, DailyBudgets},
    calendar::Day,
    chat::Message,
    ids::{CharacterId, ChatId, MessageId, NodeId, TurnId, UserId},
    text::MessageText,
    turn::{StopReason, Turn, TurnEnd, TurnFailure, TurnRecord},
    usage::{Attempt, ChargeAccount, TokenUsage},
};

use crate::StoreResult;

/// A client's promise that two requests with one key are one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// SHA-256 of what was asked.
    pub request_hash: [u8; 32],
}

/// What a turn adds to a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewMessages {
    /// A message of the person's and an empty reply to it.
    Exchange {
        /// The message after which it comes, as read for the request to the model: a reply or a
        /// greeting; `None` for a first one.
        parent_id: Option<MessageId>,
        /// Whether the parent must still be the last message of the branch that is shown.
        parent_must_be_head: bool,
        /// The words.
        text: MessageText,
    },
    /// Another reply to a message of the person's that is there.
    Reply {
        /// The message.
        user_message_id: MessageId,
        /// What the reply begins with: the text of the one that it continues.
        beginning: String,
    },
}

/// A new turn.
#[derive(Clone, Debug)]
pub struct BeginTurn {
    /// The new turn's id.
    pub turn_id: TurnId,
    /// Whose chat it must be.
    pub user_id: UserId,
    /// The chat.
    pub chat_id: ChatId,
    /// What it adds.
    pub messages: NewMessages,
    /// The client's key, if it sent one.
    pub idempotency: Option<Idempotency>,
    /// The process that works on the turn.
    pub node_id: NodeId,
    /// Until when that process is taken to be alive without further sign.
    pub lease_until: Timestamp,
    /// Now.
    pub accepted_at: Timestamp,
    /// The day to which it is counted.
    pub usage_date: Day,
    /// How many turns the user may have under way, this one included.
    pub max_running_per_user: u32,
    /// The character that is to answer, as read for the request to the model; `None` when there was
    /// none.
    pub character_id: Option<CharacterId>,
    /// What it may cost, and what may be used in a day.
    pub budget: TurnBudget,
}

/// What a turn may cost, and what may be used on its day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnBudget {
    /// The limits. The user's own token budget, if there is one, goes before the one for everybody.
    pub limits: DailyBudgets,
    /// What it costs at most.
    pub most: Amount,
    /// What it must be taken to cost however exactly its input is counted.
    pub least: Amount,
}

/// What came of [`TurnStore::begin`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BeginOutcome {
    /// The messages and the turn were written. The reply is `streaming`.
    Started(Box<StartedTurn>),
    /// The key was used before for the same request: this is its turn. Nothing was written.
    Replayed(Box<Turn>),
    /// The key was used before for another request.
    KeyReused,
    /// The chat has a turn under way.
    ChatBusy(TurnId),
    /// The user has as many turns under way as allowed.
    UserBusy,
    /// The owner has no such chat.
    NoChat,
    /// The chat's character is gone.
    ChatReadOnly,
    /// The parent is not there or not the last message any more, or another character answers than
    /// was expected.
    ParentMoved,
    /// The turn does not fit what is left of the day's budget.
    BudgetExhausted {
        /// Whose budget it is.
        scope: BudgetScope,
        /// Whether not even the least that it may be taken to cost would fit.
        is_certain: bool,
    },
    /// No new messages are taken at the moment.
    Paused,
}

/// A turn as it was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartedTurn {
    /// The turn, `queued`.
    pub turn: Turn,
    /// The person's message.
    pub user_message: Message,
    /// The reply, with nothing but its beginning.
    pub assistant_message: Message,
}

/// What is saved of a reply while it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyCheckpoint {
    /// The turn.
    pub turn_id: TurnId,
    /// Whose turn it is.
    pub user_id: UserId,
    /// The whole text so far.
    pub text: String,
    /// The model, as far as it told its name.
    pub model: Option<String>,
    /// The tokens that upstream told so far.
    pub tokens: TokenUsage,
    /// Upstream's name for the request, if it gave one.
    pub upstream_request_id: Option<String>,
    /// When the first word came.
    pub first_text_at: Option<Timestamp>,
    /// Until when the working process is taken to be alive without further sign.
    pub lease_until: Timestamp,
}

/// What came of [`TurnStore::checkpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointOutcome {
    /// It was saved; the turn goes on.
    Saved,
    /// It was saved, and the person has asked for the end of the turn.
    StopRequested,
    /// The turn is over or gone. Nothing was written.
    Over,
}

/// The end of a turn.
#[derive(Clone, Debug)]
pub struct FinishTurn {
    /// Whose turn it is and to which day it counts.
    pub account: ChargeAccount,
    /// How it ends.
    pub end: TurnEnd,
    /// Why it did not end well.
    pub failure: Option<TurnFailure>,
    /// The whole text of the reply.
    pub text: String,
    /// Whether all of it was left by processes before this one: whoever was shown a part of it by one
    /// of them has the beginning of this text.
    pub is_left_over: bool,
    /// Why the model stopped.
    pub stop_reason: Option<StopReason>,
    /// The requests that upstream took and that are not written down yet, oldest first.
    pub attempts: Vec<Attempt>,
    /// When the first word came.
    pub first_text_at: Option<Timestamp>,
    /// Now.
    pub ended_at: Timestamp,
}

/// What came of [`TurnStore::finish`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishOutcome {
    /// The turn is over now.
    Finished(Box<TurnRecord>),
    /// It was over before. Nothing was written.
    AlreadyFinished(Box<TurnRecord>),
    /// Its chat was deleted meanwhile. The charge was written, unless it was before.
    ChatGone,
}

/// A turn whose process is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrphanedTurn {
    /// Whose turn it is and to which day it counts.
    pub account: ChargeAccount,
    /// The reply.
    pub assistant_message_id: MessageId,
    /// How many processes have worked on it before.
    pub attempts: u32,
    /// Whether its person has asked for its end.
    pub stop_requested: bool,
    /// How many bytes of the reply were there when the last of those processes began.
    pub resumed_from: usize,
    /// What was saved of the reply.
    pub text: String,
    /// The model, as far as it told its name.
    pub model: Option<String>,
    /// The tokens that upstream had told.
    pub tokens: TokenUsage,
    /// Upstream's name for the last request, if it gave one.
    pub upstream_request_id: Option<String>,
    /// When the first word came.
    pub first_text_at: Option<Timestamp>,
}

/// The taking up of a turn whose process is gone.
#[derive(Clone, Debug)]
pub struct ResumeTurn {
    /// Whose turn it is and to which day it counts.
    pub account: ChargeAccount,
    /// The whole text from which it goes on.
    pub text: String,
    /// The requests that upstream took for it and that are not written down yet, oldest first.
    pub attempts: Vec<Attempt>,
    /// When the first word came.
    pub first_text_at: Option<Timestamp>,
    /// What the rest may cost, and what may be used in a day.
    pub budget: TurnBudget,
    /// Until when the process is taken to be alive.
    pub lease_until: Timestamp,
    /// Now.
    pub now: Timestamp,
}

/// What came of [`TurnStore::resume`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumeOutcome {
    /// It goes on.
    Resumed,
    /// The rest does not fit what is left of the day's budget. Nothing was written.
    BudgetExhausted,
    /// No new messages are taken at the moment. Nothing was written.
    Paused,
    /// It is over or gone. Nothing was written.
    Over,
}

/// Turns.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TurnStore: Send + Sync {
    /// Begins a turn: checks the owner, the key, the switch of the service, the character, the parent,
    /// that neither the chat nor the user is busy, and the budgets; sets aside what it may cost at
    /// most; writes the new messages and the turn; makes the reply the last message of the branch that
    /// is shown. Of several calls for one chat at the same time, exactly one is `Started`.
    async fn begin(&self, request: BeginTurn) -> StoreResult<BeginOutcome>;

    /// Saves what there is of a reply, renews the lease and makes the turn `streaming`.
    async fn checkpoint(&self, checkpoint: ReplyCheckpoint) -> StoreResult<CheckpointOutcome>;

    /// Notes that the owner asks for the end of a turn that runs, so that whoever works on it ends it,
    /// now or after a restart; however it ends then, it is `stopped`. Answers the turn as it is; one
    /// that is over stays as it is. `None` when
    /// the owner's chat has no such turn.
    async fn request_stop(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
        now: Timestamp,
    ) -> StoreResult<Option<TurnRecord>>;

    /// Ends a turn: the final text, the state, its attempts, the row of the ledger (the sum of all its
    /// attempts; none when upstream never took a request), the user's day, the statistics of the day
    /// and the chat's time of last activity, all or nothing, and gives back what was set aside. A turn
    /// whose owner has asked for its end is `stopped`, however it came to it: that was promised. A turn
    /// is charged and counted once, however often this is called.
    async fn finish(&self, request: FinishTurn) -> StoreResult<FinishOutcome>;

    /// Finds a turn of the owner's in one of their chats.
    async fn get(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> StoreResult<Option<TurnRecord>>;

    /// Takes over up to `limit` turns under way whose lease ended before `lease_before`, oldest first,
    /// giving them to `node_id` until `lease_until`; without that moment, all turns that another
    /// process has. A turn is taken by one caller only, and none of those that the caller is at work
    /// on: a wall clock that jumps ends leases early.
    async fn claim_orphans(
        &self,
        node_id: NodeId,
        lease_before: Option<Timestamp>,
        lease_until: Timestamp,
        limit: u32,
        at_work: Vec<TurnId>,
    ) -> StoreResult<Vec<OrphanedTurn>>;

    /// Takes up a turn that was claimed: writes down the attempts before, saves the text from which it
    /// goes on, and sets aside what the rest may cost at most, besides what was spent.
    async fn resume(&self, request: ResumeTurn) -> StoreResult<ResumeOutcome>;

    /// Gives back what was set aside for turns that do not run: their chats were deleted, and the
    /// process that worked on them died. For a process that serves the store alone and has no turns
    /// of its own yet. Answers for how many.
    async fn give_back_leftovers(&self) -> StoreResult<usize>;
}
