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
    usage::{Charge, ChargeAccount, TokenUsage},
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

/// A message that begins a turn.
#[derive(Clone, Debug)]
pub struct BeginTurn {
    /// The new turn's id.
    pub turn_id: TurnId,
    /// Whose chat it must be.
    pub user_id: UserId,
    /// The chat.
    pub chat_id: ChatId,
    /// The message after which it comes, as read for the request to the model; `None` in an empty chat.
    pub parent_id: Option<MessageId>,
    /// Whether the parent must still be the last message of the branch that is shown.
    pub parent_must_be_head: bool,
    /// The words.
    pub text: MessageText,
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
    /// Both messages and the turn were written. The reply is empty and `streaming`.
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
    /// The empty reply.
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
    /// When the first word came.
    pub first_text_at: Option<Timestamp>,
    /// Until when the working process is taken to be alive without further sign.
    pub lease_until: Timestamp,
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
    /// Why the model stopped.
    pub stop_reason: Option<StopReason>,
    /// What it cost; `None` when it never reached upstream.
    pub charge: Option<Charge>,
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
    /// What was saved of the reply.
    pub text: String,
    /// The model, as far as it told its name.
    pub model: Option<String>,
    /// The tokens that upstream had told.
    pub tokens: TokenUsage,
    /// When the first word came.
    pub first_text_at: Option<Timestamp>,
}

/// Turns.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TurnStore: Send + Sync {
    /// Begins a turn: checks the owner, the key, the switch of the service, the character, the parent,
    /// that neither the chat nor the user is busy, and the budgets; sets aside what it may cost at
    /// most; writes the person's message, an empty reply and the turn; makes the reply the last
    /// message of the branch that is shown. Of several calls for one chat at the same time, exactly
    /// one is `Started`.
    async fn begin(&self, request: BeginTurn) -> StoreResult<BeginOutcome>;

    /// Saves what there is of a reply, renews the lease and makes the turn `streaming`. `false`, and
    /// nothing is written, when the turn is over or gone.
    async fn checkpoint(&self, checkpoint: ReplyCheckpoint) -> StoreResult<bool>;

    /// Ends a turn: the final text, the state, the row of the ledger, the user's day, the statistics of
    /// the day and the chat's time of last activity, all or nothing, and gives back what was set
    /// aside. A turn is charged and counted once, however often this is called.
    async fn finish(&self, request: FinishTurn) -> StoreResult<FinishOutcome>;

    /// Finds a turn of the owner's in one of their chats.
    async fn get(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> StoreResult<Option<TurnRecord>>;

    /// Takes over up to `limit` turns under way whose lease ended before `now`, oldest first, giving
    /// them to `node_id` until `lease_until`. A turn is taken by one caller only.
    async fn claim_orphans(
        &self,
        node_id: NodeId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<OrphanedTurn>>;

    /// Gives back what was set aside for turns that do not run: their chats were deleted, and the
    /// process that worked on them died. For a process that serves the store alone and has no turns
    /// of its own yet. Answers for how many.
    async fn give_back_leftovers(&self) -> StoreResult<usize>;
}
