//! Chats and what is said in them. Every method looks at the chats of one owner only.

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    character::CommonPrompt,
    chat::{BranchMessage, Chat, Message, PastMessage},
    ids::{CharacterId, ChatId, MessageId, UserId},
    page::{Page, PageSize},
    summary::BranchSummary,
    text::{CharacterName, ChatTitle, DisplayName, SystemPrompt},
};

use crate::{StoreResult, characters::UpdateOutcome};

/// Where a list of chats goes on: after the chat with this time and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatCursor {
    /// The time of the last chat's last message.
    pub last_message_at: Timestamp,
    /// The last chat's id.
    pub id: ChatId,
}

/// Which chats a list shows: newest activity first, then larger ids first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatFilter {
    /// Only chats whose title or character's name contains this text, folded on both sides.
    pub search: Option<String>,
    /// Only chats after this place.
    pub after: Option<ChatCursor>,
    /// The size of the page.
    pub size: PageSize,
}

/// The owner's changes to a chat; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatChange {
    /// Another title, or none.
    pub title: Option<Option<ChatTitle>>,
    /// Whether it is kept at hand.
    pub pinned: Option<bool>,
}

/// Where a new reply stands in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnPlace {
    /// It answers a new message at the end of the branch that is shown.
    Head,
    /// It answers a new message after this one: a reply or a greeting.
    After(MessageId),
    /// It answers a new message instead of this one of the person's.
    InsteadOf(MessageId),
    /// It answers again what this reply answers, or this message of the person's.
    Again(MessageId),
    /// It goes on where this reply ends.
    Onward(MessageId),
}

/// What is needed to put a request to a model together, in one read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnContext {
    /// The message after which the person's comes; `None` for a first one.
    pub parent_id: Option<MessageId>,
    /// The name that the person wants to be called by.
    pub person: Option<DisplayName>,
    /// The last messages of the branch up to and with the parent, oldest first.
    pub history: Vec<PastMessage>,
    /// The person's message, when it is there already.
    pub asked: Option<Message>,
    /// The reply that is to go on.
    pub cut_reply: Option<Message>,
    /// What is known of what was said before, up to the parent at most.
    pub past: BranchSummary,
    /// All common prompts.
    pub common_prompts: Vec<CommonPrompt>,
    /// The character.
    pub character: TurnCharacter,
}

/// The character of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnCharacter {
    /// It can answer.
    Available {
        /// Its id.
        id: CharacterId,
        /// Its name.
        name: CharacterName,
        /// What it is told to be.
        system_prompt: SystemPrompt,
    },
    /// It was deleted or withdrawn from this owner.
    Gone,
}

/// What came of [`ChatRepository::turn_context`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnContextOutcome {
    /// Here it is.
    Found(Box<TurnContext>),
    /// The owner has no such chat.
    NoChat,
    /// The chat has no such message.
    NoMessage,
    /// The message is there, but nothing of that kind can be done with it: a reply cannot be edited, a
    /// greeting not be given again.
    Unsuitable,
}

/// What came of [`ChatRepository::show`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShowOutcome {
    /// The chat as it is now.
    Shown(Box<Chat>),
    /// It has not the expected version.
    Stale,
    /// The owner has no such chat.
    NoChat,
    /// The chat has no such message.
    NoMessage,
}

/// Chats.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait ChatRepository: Send + Sync {
    /// Opens a chat with a character that the actor may use. A greeting becomes its first message,
    /// from the character, complete and without a turn, with names in place of its placeholders. `None` when there is no such character.
    async fn create(
        &self,
        actor: Actor,
        character_id: CharacterId,
        title: Option<ChatTitle>,
        now: Timestamp,
    ) -> StoreResult<Option<Chat>>;

    /// Finds a chat of the owner's.
    async fn get(&self, owner: UserId, id: ChatId) -> StoreResult<Option<Chat>>;

    /// Lists chats of the owner's, newest activity first.
    async fn list(&self, owner: UserId, filter: ChatFilter) -> StoreResult<Page<Chat, ChatCursor>>;

    /// Changes a chat of the owner's and raises its version, if it has the expected one; any version
    /// will do when none is expected.
    async fn update(
        &self,
        owner: UserId,
        id: ChatId,
        change: ChatChange,
        expected_version: Option<i64>,
    ) -> StoreResult<UpdateOutcome<Chat>>;

    /// Deletes a chat of the owner's with all messages and turns; `false` when there is none. What
    /// it cost stays in the ledger.
    async fn delete(&self, owner: UserId, id: ChatId) -> StoreResult<bool>;

    /// A page of the branch that is shown, oldest first: the newest page, or the one that ends just
    /// before the message `before`. The cursor is the page's oldest message when there are older
    /// ones. `None` when the owner has no such chat or the chat no such message. The effort does not
    /// grow with the chat.
    async fn messages(
        &self,
        owner: UserId,
        id: ChatId,
        before: Option<MessageId>,
        size: PageSize,
    ) -> StoreResult<Option<Page<BranchMessage, MessageId>>>;

    /// All chats of the owner's with larger ids than `after`, smallest first. A chat keeps its place
    /// whatever is said in it meanwhile.
    async fn list_by_id(
        &self,
        owner: UserId,
        after: Option<ChatId>,
        size: PageSize,
    ) -> StoreResult<Page<Chat, ChatId>>;

    /// All messages of a chat of the owner's, of every branch, with larger ids than `after`, smallest
    /// first: a parent comes before what follows it. Empty when the owner has no such chat.
    async fn messages_by_id(
        &self,
        owner: UserId,
        id: ChatId,
        after: Option<MessageId>,
        size: PageSize,
    ) -> StoreResult<Page<Message, MessageId>>;

    /// Shows the branch through a message of an owner's chat, down to the newest message of each
    /// further step, and raises the chat's version, if it has the expected one; any version will do
    /// when none is expected.
    async fn show(
        &self,
        owner: UserId,
        id: ChatId,
        message_id: MessageId,
        expected_version: Option<i64>,
    ) -> StoreResult<ShowOutcome>;

    /// Reads at most `max_messages` messages of history and all else that a request to the model
    /// needs, in a chat of the owner's. The effort does not grow with the chat.
    async fn turn_context(
        &self,
        owner: UserId,
        id: ChatId,
        place: TurnPlace,
        max_messages: u32,
    ) -> StoreResult<TurnContextOutcome>;
}
