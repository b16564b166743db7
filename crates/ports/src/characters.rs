//! Characters.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    audit::Origin,
    character::{Character, CharacterDraft},
    ids::{CharacterId, UserId},
    page::{Page, PageSize},
};

use crate::StoreResult;

/// Which characters a list shows, newest first. An actor never sees other people's private ones in
/// a list, administrator or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterFilter {
    /// The actor's own characters.
    pub mine: bool,
    /// Public characters, own ones among them.
    pub public: bool,
    /// Only names and descriptions that contain this text, folded on both sides.
    pub search: Option<String>,
    /// Only characters after this one, that is with smaller ids.
    pub after: Option<CharacterId>,
    /// The size of the page.
    pub size: PageSize,
}

/// What came of a change to a thing with a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome<T> {
    /// It was changed; this is how it is now.
    Updated(T),
    /// It has another version than was expected.
    Stale,
    /// It is not there, or the actor may not change it.
    NotFound,
}

/// Characters. A deleted one is gone from every answer.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait CharacterRepository: Send + Sync {
    /// Makes a character of version 1. `owner` is `None` for one that the service brings along.
    async fn create(
        &self,
        owner: Option<UserId>,
        draft: CharacterDraft,
        now: Timestamp,
    ) -> StoreResult<Character>;

    /// Makes the characters that the service brings along, all or none: none when there ever were
    /// any, deleted ones included. Answers how many were made.
    async fn seed(&self, drafts: Vec<CharacterDraft>, now: Timestamp) -> StoreResult<usize>;

    /// Finds a character that the actor may use: their own, a public one, or any for an administrator.
    async fn get(&self, actor: Actor, id: CharacterId) -> StoreResult<Option<Character>>;

    /// Lists characters, newest first.
    async fn list(
        &self,
        actor: Actor,
        filter: CharacterFilter,
    ) -> StoreResult<Page<Character, CharacterId>>;

    /// Changes a character that the actor may change (their own, or any for an administrator) and
    /// raises its version, if it has the expected one; any version will do when none is expected. A
    /// change of one that is not the actor's own is recorded with it, all or nothing.
    async fn update(
        &self,
        actor: Actor,
        id: CharacterId,
        draft: CharacterDraft,
        expected_version: Option<i64>,
        origin: Origin,
        now: Timestamp,
    ) -> StoreResult<UpdateOutcome<Character>>;

    /// Deletes a character that the actor may change; `false` when there is none. Chats with it
    /// stay and keep its name; they cannot go on. A deletion of one that is not the actor's own is
    /// recorded with it, all or nothing.
    async fn delete(
        &self,
        actor: Actor,
        id: CharacterId,
        origin: Origin,
        now: Timestamp,
    ) -> StoreResult<bool>;
}
