//! Looking after accounts, and reading what people said: with a reason, on the record, and never
//! before the record is written.

use std::sync::Arc;

use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    account::User,
    audit::{AuditAction, AuditRecord, AuditTarget, Origin, Performer},
    calendar::Day,
    chat::{BranchMessage, Chat},
    ids::{AuditId, ChatId, MessageId, UserId},
    page::{Page, PageSize},
    text::{AuditReason, fold},
    usage::UsageDay,
};
use lionrocket_ports::{
    StoreError,
    admin::{Account, AccountChange, AccountFilter, AccountOutcome, AdminRepository, AdminView},
    audit::AuditLog,
    chats::{ChatCursor, ChatFilter, ChatRepository},
    error::Cause,
    events::{EventBus, ServiceEvent},
    runtime::Clock,
};

use crate::{
    ServiceError,
    error::check_admin,
    usage::{UsageError, UsageService},
};

/// The ports that looking after accounts needs.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct AdminPorts {
    pub accounts: Arc<dyn AdminRepository>,
    pub audit: Arc<dyn AuditLog>,
    pub chats: Arc<dyn ChatRepository>,
    pub events: Arc<dyn EventBus>,
    pub clock: Arc<dyn Clock>,
}

/// Who looks after the service.
#[derive(Clone, Debug)]
pub enum Administrator {
    /// A person who sent a request; it is checked that they administer the service.
    Person(Actor, Origin),
    /// The operator at the command line, who may do anything.
    Operator,
}

impl Administrator {
    /// Who goes on the record, unless the person does not administer the service.
    pub(crate) fn performer(self) -> Result<Performer, AdminError> {
        match self {
            Self::Person(actor, origin) => {
                check_admin(&actor)?;
                Ok(Performer::person(actor.user_id, origin))
            }
            Self::Operator => Ok(Performer::operator()),
        }
    }
}

/// A deletion that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deletion {
    /// The account.
    pub user: User,
    /// When it will be erased.
    pub erase_at: Timestamp,
}

/// Why an account was not shown or changed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The person does not administer the service.
    #[error("not allowed")]
    Forbidden,
    /// There is no such account or chat.
    #[error("not found")]
    NotFound,
    /// It was changed meanwhile: read it again.
    #[error("changed meanwhile")]
    Stale,
    /// Nobody would be left who administers the service.
    #[error("nobody would be left who administers the service")]
    LastAdministrator,
    /// The range of days is not one.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A fault that no caller can do anything about.
    #[error("it could not be done")]
    Internal(#[source] Cause),
}

impl From<ServiceError> for AdminError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::NotFound => Self::NotFound,
            ServiceError::Forbidden => Self::Forbidden,
            ServiceError::Stale => Self::Stale,
            ServiceError::Store(error) => Self::Store(error),
        }
    }
}

/// Looking after accounts.
pub struct AdminService {
    ports: AdminPorts,
    usage: Arc<UsageService>,
}

impl AdminService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(ports: AdminPorts, usage: Arc<UsageService>) -> Self {
        Self { ports, usage }
    }

    /// Lists accounts, newest first.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], or the store failed.
    pub async fn accounts(
        &self,
        by: Administrator,
        filter: AccountFilter,
    ) -> Result<Page<Account, UserId>, AdminError> {
        by.performer()?;
        Ok(self.ports.accounts.list(filter).await?)
    }

    /// Shows an account, on the record.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], or the store failed.
    pub async fn account(&self, by: Administrator, id: UserId) -> Result<Account, AdminError> {
        let by = by.performer()?;
        let account = self.find(id).await?;
        let record = by.record(AuditAction::UserRead, AuditTarget::User(id), Some(id));
        self.record(record).await?;
        Ok(account)
    }

    /// Finds the account with a user name, however it is written. For the operator, who names
    /// accounts like that.
    ///
    /// # Errors
    /// [`AdminError::NotFound`], or the store failed.
    pub async fn id_of(&self, username: &str) -> Result<UserId, AdminError> {
        let found = self.ports.accounts.id_of(fold(username.trim())).await?;
        found.ok_or(AdminError::NotFound)
    }

    /// Changes an account. Disabling it and changing what it may do take effect at once: its logins
    /// end, and so does everything that is open in its name.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], [`AdminError::Stale`] when it has not the
    /// expected version, [`AdminError::LastAdministrator`], or the store failed.
    pub async fn change(
        &self,
        by: Administrator,
        id: UserId,
        change: AccountChange,
        expected_version: Option<i64>,
    ) -> Result<Account, AdminError> {
        let (by, now) = (by.performer()?, self.ports.clock.now());
        let outcome = self
            .ports
            .accounts
            .change(id, change, expected_version, by, now)
            .await?;
        self.told(id, outcome)
    }

    /// Begins the deletion of an account. Its logins end at once; until the time that is answered it
    /// can be taken back by making the account active.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], [`AdminError::LastAdministrator`], or the
    /// store failed.
    pub async fn delete(&self, by: Administrator, id: UserId) -> Result<Deletion, AdminError> {
        let (by, now) = (by.performer()?, self.ports.clock.now());
        let outcome = self.ports.accounts.begin_deletion(id, by, now).await?;
        let user = self.told(id, outcome)?.user;
        let erase_at = user.erase_at().unwrap_or(now);
        Ok(Deletion { user, erase_at })
    }

    /// Lists somebody's chats, newest activity first, on the record.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], or the store failed.
    pub async fn chats(
        &self,
        by: Administrator,
        id: UserId,
        filter: ChatFilter,
        reason: AuditReason,
    ) -> Result<Page<Chat, ChatCursor>, AdminError> {
        let by = by.performer()?;
        self.find(id).await?;
        let record = by.record(AuditAction::ChatsRead, AuditTarget::User(id), Some(id));
        self.record(AuditRecord {
            reason: Some(reason),
            ..record
        })
        .await?;
        Ok(self.ports.chats.list(id, filter).await?)
    }

    /// A page of the branch that somebody's chat shows, as its owner sees it, on the record.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`] when there is no such chat or no such
    /// message in it, or the store failed.
    pub async fn messages(
        &self,
        by: Administrator,
        chat_id: ChatId,
        before: Option<MessageId>,
        size: PageSize,
        reason: AuditReason,
    ) -> Result<Page<BranchMessage, MessageId>, AdminError> {
        let by = by.performer()?;
        let owner = self.ports.accounts.owner_of(chat_id).await?;
        let owner = owner.ok_or(AdminError::NotFound)?;
        let target = AuditTarget::Chat(chat_id);
        let record = by.record(AuditAction::MessagesRead, target, Some(owner));
        self.record(AuditRecord {
            reason: Some(reason),
            details: before.map(|before| serde_json::json!({ "before": before })),
            ..record
        })
        .await?;
        let page = self.ports.chats.messages(owner, chat_id, before, size);
        page.await?.ok_or(AdminError::NotFound)
    }

    /// Somebody's usage by day, oldest first, on the record.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], [`AdminError::NotFound`], [`AdminError::Usage`], or the store failed.
    pub async fn usage(
        &self,
        by: Administrator,
        id: UserId,
        (from, to): (Option<Day>, Option<Day>),
        reason: Option<AuditReason>,
    ) -> Result<Vec<UsageDay>, AdminError> {
        let by = by.performer()?;
        self.find(id).await?;
        let range = self.usage.range(from, to)?;
        let record = by.record(AuditAction::UsageRead, AuditTarget::User(id), Some(id));
        self.record(AuditRecord { reason, ..record }).await?;
        Ok(self.usage.days_of(id, range).await?)
    }

    /// Lists for a person when administrators looked at their data, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn views_of_own(
        &self,
        actor: Actor,
        before: Option<AuditId>,
        size: PageSize,
    ) -> Result<Page<AdminView, AuditId>, ServiceError> {
        let accounts = &self.ports.accounts;
        Ok(accounts.views_of(actor.user_id, before, size).await?)
    }

    async fn find(&self, id: UserId) -> Result<Account, AdminError> {
        let account = self.ports.accounts.get(id).await?;
        account.ok_or(AdminError::NotFound)
    }

    /// Writes a record. Without it there is no answer.
    async fn record(&self, record: AuditRecord) -> Result<(), AdminError> {
        Ok(self
            .ports
            .audit
            .record(record, self.ports.clock.now())
            .await?)
    }

    /// Tells the rest of the service of a change.
    fn told(&self, id: UserId, outcome: AccountOutcome) -> Result<Account, AdminError> {
        match outcome {
            AccountOutcome::Changed(account) => {
                self.ports.events.publish(ServiceEvent::AccountChanged(id));
                Ok(*account)
            }
            AccountOutcome::Stale => Err(AdminError::Stale),
            AccountOutcome::NotFound => Err(AdminError::NotFound),
            AccountOutcome::LastAdministrator => Err(AdminError::LastAdministrator),
        }
    }
}
