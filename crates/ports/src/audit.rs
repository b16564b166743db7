//! The record of what administrators do.

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    audit::{AuditRecord, SealedEntry},
    ids::{AuditId, UserId},
    page::{Page, PageSize},
};

use crate::StoreResult;

/// What came of checking a row's seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealCheck {
    /// The row is as it was written.
    Intact,
    /// The row or the one before it was changed.
    Broken,
    /// The key that sealed it is not known here any more.
    UnknownKey,
}

/// Seals rows of the audit log with a key. Used within the transaction that writes a row, so it must
/// not wait.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait AuditSeal: fmt::Debug + Send + Sync {
    /// The name of the key that new rows are sealed with. Says nothing about the key.
    fn key_id(&self) -> String;

    /// The hash of a row that comes after the row with the hash `previous`.
    fn seal(&self, previous: &[u8; 32], canonical: &[u8]) -> [u8; 32];

    /// Checks a row against its own hash.
    fn check(&self, row: &SealedEntry) -> SealCheck;
}

/// Which rows a list of the log shows, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only acts of this person.
    pub actor: Option<UserId>,
    /// Only acts about this person's data.
    pub subject: Option<UserId>,
    /// Only these actions, by name; all when it is empty.
    pub actions: Vec<&'static str>,
    /// Only rows before this one, that is with smaller ids.
    pub before: Option<AuditId>,
    /// The size of the page.
    pub size: PageSize,
}

/// The audit log. Acts that change something are recorded by the method that does the change, in
/// the same transaction; this is for reading, and for acts that change nothing.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Records an act. When this answers, the row is durable. Its id is one more than any row was ever
    /// given, and it is sealed together with the hash of the row before it.
    async fn record(&self, record: AuditRecord, now: Timestamp) -> StoreResult<()>;

    /// Lists rows, newest first.
    async fn list(&self, filter: AuditFilter) -> StoreResult<Page<SealedEntry, AuditId>>;

    /// The rows after one in the order in which they were written, for checking the chain.
    async fn chain(&self, after: Option<AuditId>, limit: u32) -> StoreResult<Vec<SealedEntry>>;

    /// The largest id that a row was ever given, so that rows taken from the end are missed.
    async fn last_id(&self) -> StoreResult<Option<AuditId>>;
}
