//! The summary of a chat, as its owner sees it. What is summed up and when is the turn engine's.

use std::sync::Arc;

use lionrocket_domain::{access::Actor, ids::ChatId};
use lionrocket_ports::{
    runtime::Clock,
    summaries::{ChangeSummaryOutcome, SummaryChange, SummaryState, SummaryStore},
};

use crate::ServiceError;

/// Why a summary was not changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SummaryError {
    /// There is none for the branch that is shown, so that there are no words to change.
    #[error("the chat has no summary")]
    NoSummary,
    /// What every change of a chat can fail for.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Summaries. Those of somebody else's chat are not there, for administrators as for anybody.
pub struct SummaryService {
    summaries: Arc<dyn SummaryStore>,
    clock: Arc<dyn Clock>,
}

impl SummaryService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(summaries: Arc<dyn SummaryStore>, clock: Arc<dyn Clock>) -> Self {
        Self { summaries, clock }
    }

    /// Finds the summary that holds for the branch that a chat shows.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn get(&self, actor: Actor, chat_id: ChatId) -> Result<SummaryState, ServiceError> {
        let found = self.summaries.get(actor.user_id, chat_id).await?;
        found.ok_or(ServiceError::NotFound)
    }

    /// Gives it other words, or switches the summaries of the chat on or off. The words stay when they
    /// are switched off.
    ///
    /// # Errors
    /// [`SummaryError::NoSummary`] when there is none to change, [`ServiceError::NotFound`] when there is
    /// no such chat, [`ServiceError::Stale`] when it has not the expected version, or the store failed.
    pub async fn change(
        &self,
        actor: Actor,
        chat_id: ChatId,
        change: SummaryChange,
        expected_version: Option<i64>,
    ) -> Result<SummaryState, SummaryError> {
        let (owner, now) = (actor.user_id, self.clock.now());
        let outcome = self
            .summaries
            .change(owner, chat_id, change, expected_version, now)
            .await;
        match outcome.map_err(ServiceError::from)? {
            ChangeSummaryOutcome::Changed(state) => Ok(state),
            ChangeSummaryOutcome::Stale => Err(ServiceError::Stale.into()),
            ChangeSummaryOutcome::NoChat => Err(ServiceError::NotFound.into()),
            ChangeSummaryOutcome::NoSummary => Err(SummaryError::NoSummary),
        }
    }
}
