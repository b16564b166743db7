//! Common prompts.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    audit::Performer,
    character::{CommonPrompt, PromptDraft},
    ids::PromptId,
};

use crate::{StoreResult, characters::UpdateOutcome};

/// Common prompts. Who may change them is the caller's to check.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait PromptRepository: Send + Sync {
    /// All common prompts by position, then id. They are few: an operator writes them by hand.
    async fn list(&self) -> StoreResult<Vec<CommonPrompt>>;

    /// Finds a common prompt.
    async fn get(&self, id: PromptId) -> StoreResult<Option<CommonPrompt>>;

    /// Makes a common prompt of version 1 and records the act, all or nothing.
    async fn create(
        &self,
        draft: PromptDraft,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<CommonPrompt>;

    /// Changes a common prompt, raises its version and records the act, all or nothing, if it has the expected one; any version will
    /// do when none is expected.
    async fn update(
        &self,
        id: PromptId,
        draft: PromptDraft,
        expected_version: Option<i64>,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<UpdateOutcome<CommonPrompt>>;

    /// Deletes a common prompt and records the act, all or nothing; `false` when there is none.
    async fn delete(&self, id: PromptId, by: Performer, now: Timestamp) -> StoreResult<bool>;
}
