//! Summaries of what models are not sent any more. Each method is one transaction.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    ids::{ChatId, MessageId, NodeId, TurnId, UserId},
    summary::{BranchSummary, Summary},
    text::SummaryText,
    usage::{Attempt, ChargeAccount},
};

use crate::{StoreResult, turns::TurnBudget};

/// What an owner sees of the summaries of a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryState {
    /// The switch, and the summary that holds for the branch that is shown.
    pub branch: BranchSummary,
    /// Counts the owner's changes of the chat and all changes of its summaries.
    pub version: i64,
}

/// The owner's changes; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryChange {
    /// Other words for the summary that holds for the branch that is shown.
    pub text: Option<SummaryText>,
    /// Whether summaries are made and used.
    pub is_enabled: Option<bool>,
}

/// What came of [`SummaryStore::change`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangeSummaryOutcome {
    /// As it is now.
    Changed(SummaryState),
    /// It has not the expected version.
    Stale,
    /// The owner has no such chat.
    NoChat,
    /// There are other words, and no summary that holds for the branch that is shown.
    NoSummary,
}

/// A summary that is to be made.
#[derive(Clone, Debug)]
pub struct BeginSummary {
    /// Who pays, and on which day. Its `turn_id` is the name of the summary among those of turns.
    pub account: ChargeAccount,
    /// The last message that it will tell of.
    pub covers_up_to: MessageId,
    /// The version of the chat's summaries from which it goes on: whoever changes them while it is being
    /// made has the last word.
    pub version: i64,
    /// The process that works on it.
    pub node_id: NodeId,
    /// Until when that process is taken to be alive.
    pub lease_until: Timestamp,
    /// What it may cost, and what may be used in a day.
    pub budget: TurnBudget,
}

/// What came of [`SummaryStore::begin`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BeginSummaryOutcome {
    /// What it may cost is set aside, and nobody else makes one for the chat.
    Started,
    /// One is being made for the chat.
    Busy,
    /// It is not to be made: the chat is gone or changed, or its summaries are switched off.
    Outdated,
    /// No new messages are taken at the moment, and nothing else that costs.
    Paused,
    /// It does not fit what is left of the day's budget.
    BudgetExhausted,
}

/// The end of the making of a summary.
#[derive(Clone, Debug)]
pub struct FinishSummary {
    /// Who pays, and on which day.
    pub account: ChargeAccount,
    /// The words, if it came to a good end.
    pub text: Option<SummaryText>,
    /// The requests that upstream took, oldest first.
    pub attempts: Vec<Attempt>,
    /// Now.
    pub ended_at: Timestamp,
}

/// What came of [`SummaryStore::finish`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishSummaryOutcome {
    /// There is a new summary, and it is charged.
    Kept,
    /// It was charged as far as it cost anything. There are no words, or somebody changed the
    /// chat's summaries meanwhile, or the chat is gone.
    Dropped,
    /// It was over before. Nothing was written.
    AlreadyFinished,
}

/// Summaries.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait SummaryStore: Send + Sync {
    /// Finds the switch of an owner's chat and the summary that holds for the branch that is shown: of
    /// those that tell of messages of this branch, the one that tells of most. `None` when the owner has
    /// no such chat. The effort does not grow with the chat.
    async fn get(&self, owner: UserId, chat_id: ChatId) -> StoreResult<Option<SummaryState>>;

    /// Changes them, if they have the expected version; any version will do when none is expected. Other
    /// words are marked as edited.
    async fn change(
        &self,
        owner: UserId,
        chat_id: ChatId,
        change: SummaryChange,
        expected_version: Option<i64>,
        now: Timestamp,
    ) -> StoreResult<ChangeSummaryOutcome>;

    /// All summaries of an owner's chat, of every branch, those first that tell of least. Empty when the
    /// owner has no such chat.
    async fn list(&self, owner: UserId, chat_id: ChatId) -> StoreResult<Vec<Summary>>;

    /// Begins to make a summary: checks the owner, the switches of the chat and of the service, that the
    /// chat's summaries still have the version, that none is being made, and the budgets; sets aside what
    /// it may cost at most. Of several calls for one chat at the same time, exactly one is `Started`.
    async fn begin(&self, request: BeginSummary) -> StoreResult<BeginSummaryOutcome>;

    /// Ends the making of a summary: its words, its attempts, the row of the ledger (none when upstream
    /// never took a request), the user's day and the statistics of the day, all or nothing, and gives
    /// back what was set aside. It is charged once, however often this is called, also when the chat is
    /// gone. It counts as no exchange.
    async fn finish(&self, request: FinishSummary) -> StoreResult<FinishSummaryOutcome>;

    /// Finds up to `limit` summaries that are being made by nobody any more: those whose lease ended
    /// before `lease_before`; without that moment, all that another process has. None of those that the
    /// caller is at work on.
    async fn left_over(
        &self,
        node_id: NodeId,
        lease_before: Option<Timestamp>,
        limit: u32,
        at_work: Vec<TurnId>,
    ) -> StoreResult<Vec<ChargeAccount>>;
}
