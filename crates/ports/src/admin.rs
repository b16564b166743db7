//! Looking after accounts.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    audit::Performer,
    ids::{AuditId, ChatId, UserId},
    page::{Page, PageSize},
    text::DisplayName,
};

use crate::StoreResult;

/// What somebody has done with the service so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccountTotals {
    /// Chats that are there.
    pub chats: u64,
    /// Exchanges that were charged, those of deleted chats among them.
    pub exchanges: u64,
    /// Tokens of all kinds.
    pub total_tokens: u64,
    /// The cost in micro-dollars.
    pub cost_micro_usd: u64,
    /// When the person was there last, as far as is still known.
    pub last_active_at: Option<Timestamp>,
}

/// An account with what was done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account.
    pub user: User,
    /// What was done with it.
    pub totals: AccountTotals,
}

/// Which accounts a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountState {
    /// Those that can be used.
    Active,
    /// Those that an administrator has disabled.
    Disabled,
    /// Those whose deletion was asked for, while it can be taken back.
    Deleted,
    /// Those of administrators, in whatever state.
    Admin,
}

impl AccountState {
    /// Reads the stable name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "active" => Some(Self::Active),
            "disabled" => Some(Self::Disabled),
            "deleted" => Some(Self::Deleted),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// Which accounts a list shows, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountFilter {
    /// Only those whose user name, e-mail address or display name contains this text, folded on both
    /// sides.
    pub search: Option<String>,
    /// Only those in this state.
    pub state: Option<AccountState>,
    /// Only those after this one, that is with smaller ids.
    pub after: Option<UserId>,
    /// The size of the page.
    pub size: PageSize,
}

/// Changes to an account; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// Whether the person may use the service. `true` takes a deletion back as well.
    pub is_active: Option<bool>,
    /// Whether the person administers the service.
    pub is_admin: Option<bool>,
    /// Tokens that the person may use per day; `Some(None)` for the service's own limit.
    pub daily_token_budget: Option<Option<u64>>,
    /// The name that others see; `Some(None)` for none.
    pub display_name: Option<Option<DisplayName>>,
}

/// What came of a change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountOutcome {
    /// It was changed, or was like that already; this is how it is now.
    Changed(Box<Account>),
    /// It has another version than was expected.
    Stale,
    /// It is not there.
    NotFound,
    /// Nobody would be left who administers the service. Nothing was changed.
    LastAdministrator,
}

/// An administrator's look at somebody's data, as that person is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminView {
    /// The row of the audit log.
    pub id: AuditId,
    /// When it was.
    pub viewed_at: Timestamp,
    /// The administrator's display name, or user name; `None` when the account is gone, or it was the
    /// operator.
    pub administrator: Option<String>,
    /// What was done, see [`AuditAction::as_str`](lionrocket_domain::audit::AuditAction::as_str).
    pub action: String,
    /// Why, in the administrator's words.
    pub reason: Option<String>,
    /// The chat that was looked at.
    pub chat_id: Option<ChatId>,
    /// The chat's title, or its character's name, while it is there.
    pub chat_title: Option<String>,
}

/// Accounts as those see them who look after the service. Who may is the caller's to check.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AdminRepository: Send + Sync {
    /// Lists accounts, newest first, in a number of statements that does not grow with the page.
    async fn list(&self, filter: AccountFilter) -> StoreResult<Page<Account, UserId>>;

    /// Finds an account.
    async fn get(&self, id: UserId) -> StoreResult<Option<Account>>;

    /// Finds the account with a user name by the name's folded key.
    async fn id_of(&self, username_key: String) -> StoreResult<Option<UserId>>;

    /// Changes an account, raises its version and records the act, all or nothing, if it has the
    /// expected version; any version will do when none is expected. Disabling it and changing what it
    /// may do end all its logins and every token that was given out. An account that is already like
    /// that keeps its version. The last active administrator stays one, whoever asks and however
    /// many ask at once.
    async fn change(
        &self,
        id: UserId,
        change: AccountChange,
        expected_version: Option<i64>,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<AccountOutcome>;

    /// Begins the deletion of an account: ends all its logins and notes when it was asked for. Does
    /// nothing but record the act when that was done already. The last active administrator stays.
    async fn begin_deletion(
        &self,
        id: UserId,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<AccountOutcome>;

    /// Tells whose a chat is.
    async fn owner_of(&self, chat_id: ChatId) -> StoreResult<Option<UserId>>;

    /// Lists when administrators looked at a person's chats, messages and usage, newest first: rows
    /// before `before`.
    async fn views_of(
        &self,
        id: UserId,
        before: Option<AuditId>,
        size: PageSize,
    ) -> StoreResult<Page<AdminView, AuditId>>;
}
