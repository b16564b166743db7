//! Common prompts: everybody may know which there are, administrators read and write them.

use std::sync::Arc;

use lionrocket_domain::{
    access::{self, Actor, Decision},
    audit::{Origin, Performer},
    character::{CommonPrompt, PromptDraft},
    ids::PromptId,
};
use lionrocket_ports::{characters::UpdateOutcome, prompts::PromptRepository, runtime::Clock};

use crate::ServiceError;

/// Common prompts.
pub struct PromptService {
    prompts: Arc<dyn PromptRepository>,
    clock: Arc<dyn Clock>,
}

impl PromptService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(prompts: Arc<dyn PromptRepository>, clock: Arc<dyn Clock>) -> Self {
        Self { prompts, clock }
    }

    /// Lists all common prompts in their order. Their text is for administrators: the caller shows
    /// it to nobody else.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(&self, _actor: Actor) -> Result<Vec<CommonPrompt>, ServiceError> {
        Ok(self.prompts.list().await?)
    }

    /// Shows a common prompt with its text.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`], [`ServiceError::NotFound`], or the store failed.
    pub async fn get(&self, actor: Actor, id: PromptId) -> Result<CommonPrompt, ServiceError> {
        administrator(actor, Origin::default())?;
        let found = self.prompts.get(id).await?;
        found.ok_or(ServiceError::NotFound)
    }

    /// Makes a common prompt.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`], or the store failed.
    pub async fn create(
        &self,
        actor: Actor,
        draft: PromptDraft,
        origin: Origin,
    ) -> Result<CommonPrompt, ServiceError> {
        let by = administrator(actor, origin)?;
        Ok(self.prompts.create(draft, by, self.clock.now()).await?)
    }

    /// Changes a common prompt.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`], [`ServiceError::NotFound`], [`ServiceError::Stale`] when it has
    /// not the expected version, or the store failed.
    pub async fn update(
        &self,
        actor: Actor,
        id: PromptId,
        draft: PromptDraft,
        expected_version: Option<i64>,
        origin: Origin,
    ) -> Result<CommonPrompt, ServiceError> {
        let by = administrator(actor, origin)?;
        match self
            .prompts
            .update(id, draft, expected_version, by, self.clock.now())
            .await?
        {
            UpdateOutcome::Updated(prompt) => Ok(prompt),
            UpdateOutcome::Stale => Err(ServiceError::Stale),
            UpdateOutcome::NotFound => Err(ServiceError::NotFound),
        }
    }

    /// Deletes a common prompt.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`], [`ServiceError::NotFound`], or the store failed.
    pub async fn delete(
        &self,
        actor: Actor,
        id: PromptId,
        origin: Origin,
    ) -> Result<(), ServiceError> {
        let by = administrator(actor, origin)?;
        if self.prompts.delete(id, by, self.clock.now()).await? {
            Ok(())
        } else {
            Err(ServiceError::NotFound)
        }
    }
}

/// Lets those pass who may write common prompts, and says who goes on the record.
fn administrator(actor: Actor, origin: Origin) -> Result<Performer, ServiceError> {
    match access::common_prompts(&actor) {
        Decision::Allowed => Ok(Performer::person(actor.user_id, origin)),
        Decision::Forbidden | Decision::Hidden => Err(ServiceError::Forbidden),
    }
}
