//! Making and choosing characters.

use std::sync::Arc;

use lionrocket_domain::{
    access::{self, Actor, CharacterAct, Decision},
    audit::Origin,
    character::{Character, CharacterDraft},
    ids::CharacterId,
    page::Page,
};
use lionrocket_ports::{
    characters::{CharacterFilter, CharacterRepository, UpdateOutcome},
    runtime::Clock,
};

use crate::ServiceError;

/// Characters.
pub struct CharacterService {
    characters: Arc<dyn CharacterRepository>,
    clock: Arc<dyn Clock>,
}

impl CharacterService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(characters: Arc<dyn CharacterRepository>, clock: Arc<dyn Clock>) -> Self {
        Self { characters, clock }
    }

    /// Lists characters that the person may use, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        actor: Actor,
        filter: CharacterFilter,
    ) -> Result<Page<Character, CharacterId>, ServiceError> {
        Ok(self.characters.list(actor, filter).await?)
    }

    /// Finds a character that the person may use.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn get(&self, actor: Actor, id: CharacterId) -> Result<Character, ServiceError> {
        self.characters
            .get(actor, id)
            .await?
            .ok_or(ServiceError::NotFound)
    }

    /// Makes a character that belongs to the person.
    ///
    /// # Errors
    /// The store failed.
    pub async fn create(
        &self,
        actor: Actor,
        draft: CharacterDraft,
    ) -> Result<Character, ServiceError> {
        Ok(self
            .characters
            .create(Some(actor.user_id), draft, self.clock.now())
            .await?)
    }

    /// Changes a character.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Forbidden`] for somebody else's public one,
    /// [`ServiceError::Stale`] when it has not the expected version, or the store failed.
    pub async fn update(
        &self,
        actor: Actor,
        id: CharacterId,
        draft: CharacterDraft,
        expected_version: Option<i64>,
        origin: Origin,
    ) -> Result<Character, ServiceError> {
        self.check_change(actor, id).await?;
        match self
            .characters
            .update(actor, id, draft, expected_version, origin, self.clock.now())
            .await?
        {
            UpdateOutcome::Updated(character) => Ok(character),
            UpdateOutcome::Stale => Err(ServiceError::Stale),
            UpdateOutcome::NotFound => Err(ServiceError::NotFound),
        }
    }

    /// Deletes a character. Chats with it stay and can be read.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Forbidden`] for somebody else's public one, or the
    /// store failed.
    pub async fn delete(
        &self,
        actor: Actor,
        id: CharacterId,
        origin: Origin,
    ) -> Result<(), ServiceError> {
        self.check_change(actor, id).await?;
        let now = self.clock.now();
        if self.characters.delete(actor, id, origin, now).await? {
            Ok(())
        } else {
            Err(ServiceError::NotFound)
        }
    }

    async fn check_change(&self, actor: Actor, id: CharacterId) -> Result<(), ServiceError> {
        let character = self.get(actor, id).await?;
        match access::character(&actor, CharacterAct::Change, &character) {
            Decision::Allowed => Ok(()),
            Decision::Forbidden => Err(ServiceError::Forbidden),
            Decision::Hidden => Err(ServiceError::NotFound),
        }
    }
}
