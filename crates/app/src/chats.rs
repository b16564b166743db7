//! A person's chats and what was said in them.

use std::sync::Arc;

use lionrocket_domain::{
    access::Actor,
    chat::{BranchMessage, Chat},
    ids::{CharacterId, ChatId, MessageId},
    page::{Page, PageSize},
    text::ChatTitle,
};
use lionrocket_ports::{
    characters::UpdateOutcome,
    chats::{ChatChange, ChatCursor, ChatFilter, ChatRepository, ShowOutcome},
    runtime::Clock,
};

use crate::ServiceError;

/// Why another branch of a chat is not shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShowError {
    /// The chat has no such message.
    #[error("the chat has no such message")]
    NoMessage,
    /// What every change of a chat can fail for.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// Chats. Somebody else's chat is not there, for administrators as for anybody.
pub struct ChatService {
    chats: Arc<dyn ChatRepository>,
    clock: Arc<dyn Clock>,
}

impl ChatService {
    /// Puts the service together.
    #[must_use]
    pub const fn new(chats: Arc<dyn ChatRepository>, clock: Arc<dyn Clock>) -> Self {
        Self { chats, clock }
    }

    /// Opens a chat with a character. Its greeting, if it has one, is the first message.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when the person may not use such a character, or the store failed.
    pub async fn create(
        &self,
        actor: Actor,
        character_id: CharacterId,
        title: Option<ChatTitle>,
    ) -> Result<Chat, ServiceError> {
        let created = self
            .chats
            .create(actor, character_id, title, self.clock.now())
            .await?;
        created.ok_or(ServiceError::NotFound)
    }

    /// Finds a chat.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn get(&self, actor: Actor, id: ChatId) -> Result<Chat, ServiceError> {
        self.chats
            .get(actor.user_id, id)
            .await?
            .ok_or(ServiceError::NotFound)
    }

    /// Lists the person's chats, newest activity first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn list(
        &self,
        actor: Actor,
        filter: ChatFilter,
    ) -> Result<Page<Chat, ChatCursor>, ServiceError> {
        Ok(self.chats.list(actor.user_id, filter).await?)
    }

    /// Changes the title of a chat or whether it is kept at hand.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], [`ServiceError::Stale`] when it has not the expected version, or
    /// the store failed.
    pub async fn update(
        &self,
        actor: Actor,
        id: ChatId,
        change: ChatChange,
        expected_version: Option<i64>,
    ) -> Result<Chat, ServiceError> {
        match self
            .chats
            .update(actor.user_id, id, change, expected_version)
            .await?
        {
            UpdateOutcome::Updated(chat) => Ok(chat),
            UpdateOutcome::Stale => Err(ServiceError::Stale),
            UpdateOutcome::NotFound => Err(ServiceError::NotFound),
        }
    }

    /// Shows the branch through a message, down to its newest end.
    ///
    /// # Errors
    /// [`ShowError::NoMessage`] when the chat has no such message, [`ServiceError::NotFound`] when there
    /// is no such chat, [`ServiceError::Stale`] when it has not the expected version, or the store
    /// failed.
    pub async fn show(
        &self,
        actor: Actor,
        id: ChatId,
        message_id: MessageId,
        expected_version: Option<i64>,
    ) -> Result<Chat, ShowError> {
        let outcome = self
            .chats
            .show(actor.user_id, id, message_id, expected_version)
            .await;
        match outcome.map_err(ServiceError::from)? {
            ShowOutcome::Shown(chat) => Ok(*chat),
            ShowOutcome::Stale => Err(ServiceError::Stale.into()),
            ShowOutcome::NoChat => Err(ServiceError::NotFound.into()),
            ShowOutcome::NoMessage => Err(ShowError::NoMessage),
        }
    }

    /// Deletes a chat with all its messages. What it cost stays counted.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn delete(&self, actor: Actor, id: ChatId) -> Result<(), ServiceError> {
        if self.chats.delete(actor.user_id, id).await? {
            Ok(())
        } else {
            Err(ServiceError::NotFound)
        }
    }

    /// A page of the branch that is shown, oldest first: the newest page, or the one before a message.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`] when there is no such chat or no such message in it, or the store failed.
    pub async fn messages(
        &self,
        actor: Actor,
        id: ChatId,
        before: Option<MessageId>,
        size: PageSize,
    ) -> Result<Page<BranchMessage, MessageId>, ServiceError> {
        self.chats
            .messages(actor.user_id, id, before, size)
            .await?
            .ok_or(ServiceError::NotFound)
    }
}
