//! What administrators switch while the service runs.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{audit::AuditRecord, budget::Amount, calendar::Day};

use crate::StoreResult;

/// How the service stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceStatus {
    /// Whether new messages are taken.
    pub accepts_messages: bool,
    /// When that was switched last; `None` when it never was.
    pub changed_at: Option<Timestamp>,
    /// What all people used today, with what is set aside for running turns.
    pub used: Amount,
}

/// The state of the service. Who may see and switch it is the caller's to check.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ServiceRepository: Send + Sync {
    /// How the service stands on a day.
    async fn status(&self, today: Day) -> StoreResult<ServiceStatus>;

    /// Switches whether new messages are taken and records the act, all or nothing. Counts from the
    /// next message on; replies under way go on.
    async fn switch(
        &self,
        accepts_messages: bool,
        today: Day,
        record: AuditRecord,
        now: Timestamp,
    ) -> StoreResult<ServiceStatus>;
}
