//! Chats.

use diesel::{
    AsChangeset, Queryable,
    sql_types::{BigInt, Bool, Nullable, Text},
};
use lionrocket_domain::{
    chat::{Chat, ChatCharacter},
    ids::{CharacterId, ChatId, MessageId, TurnId, UserId},
    text::{ChatTitle, Description, Greeting, fold},
};
use lionrocket_ports::{StoreResult, chats::ChatChange};

use crate::{
    convert::corrupt,
    schema::chats,
    time::{StoredTime, UtcTimestamp},
};

/// When the character `ch` can be used by the owner of the chat `c`.
macro_rules! usable {
    () => {
        "ch.deleted_at IS NULL AND (ch.visibility = 'public' OR ch.created_by = c.user_id \
         OR (SELECT u.is_admin FROM users u WHERE u.id = c.user_id))"
    };
}

/// Chats with all that a list shows of them. The preview's length is [`Chat::PREVIEW_CHARS`].
const SELECT_CHATS: &str = concat!(
    "SELECT c.id, c.user_id, c.character_id, c.created_at, c.last_message_at, c.character_name, \
     c.title, c.head_message_id, c.pinned, c.version, ch.name, ch.description, ch.greeting, \
     substr(m.content, 1, 80), t.id \
     FROM chats c LEFT JOIN characters ch ON ch.id = c.character_id AND ",
    usable!(),
    " LEFT JOIN messages m ON m.id = c.head_message_id \
     LEFT JOIN turns t ON t.chat_id = c.id AND t.ended_at IS NULL "
);

const _: () = assert!(Chat::PREVIEW_CHARS == 80);

const NEWEST_FIRST: &str = " ORDER BY c.last_message_at DESC, c.id DESC LIMIT ";

/// The SQL types of a [`ChatRow`].
pub type ChatSqlType = (
    BigInt,
    BigInt,
    Nullable<BigInt>,
    UtcTimestamp,
    UtcTimestamp,
    Text,
    Nullable<Text>,
    Nullable<BigInt>,
    Bool,
    BigInt,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
);

/// A chat with all that a list shows of it.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct ChatRow {
    pub id: i64,
    pub user_id: i64,
    pub character_id: Option<i64>,
    pub created_at: StoredTime,
    pub last_message_at: StoredTime,
    pub character_name: String,
    pub title: Option<String>,
    pub head_message_id: Option<i64>,
    pub pinned: bool,
    pub version: i64,
    /// The name that the character has now; `None` when the chat cannot go on.
    pub current_name: Option<String>,
    /// The character's description while the chat can go on.
    pub description: Option<String>,
    /// The character's greeting while the chat can go on.
    pub greeting: Option<String>,
    /// The beginning of the head message.
    pub preview: Option<String>,
    /// The turn that is under way.
    pub running_turn_id: Option<String>,
}

impl ChatRow {
    /// The chat. The character's name is the present one while it can be used, else the one from
    /// when the chat was opened.
    pub fn into_domain(self) -> StoreResult<Chat> {
        const TABLE: &str = "chats";
        let running_turn_id = match self.running_turn_id {
            Some(text) => Some(TurnId::parse(&text).ok_or_else(|| corrupt("turns", text))?),
            None => None,
        };
        Ok(Chat {
            id: ChatId::from_stored(self.id),
            user_id: UserId::from_stored(self.user_id),
            character: ChatCharacter {
                id: self.character_id.map(CharacterId::from_stored),
                is_available: self.current_name.is_some(),
                name: self.current_name.unwrap_or(self.character_name),
                description: Description::from_stored(self.description.unwrap_or_default()),
                greeting: Greeting::from_stored(self.greeting.unwrap_or_default()),
            },
            title: self.title.map(ChatTitle::from_stored),
            head_message_id: self.head_message_id.map(MessageId::from_stored),
            preview: self.preview,
            running_turn_id,
            pinned: self.pinned,
            version: self.version,
            created_at: self.created_at.into_domain(TABLE, self.id)?,
            last_message_at: self.last_message_at.into_domain(TABLE, self.id)?,
        })
    }
}

/// The owner's changes to a chat; `None` leaves a column as it is.
#[derive(AsChangeset, Clone, Debug)]
#[diesel(table_name = chats)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct ChatChangeRow {
    pub title: Option<Option<String>>,
    pub title_folded: Option<Option<String>>,
    pub pinned: Option<bool>,
}

impl From<ChatChange> for ChatChangeRow {
    fn from(change: ChatChange) -> Self {
        let title = change.title.map(|title| title.map(ChatTitle::into_string));
        Self {
            title_folded: title.clone().map(|title| title.as_deref().map(fold)),
            title,
            pinned: change.pinned,
        }
    }
}

static_query! {
    /// Finds a chat of an owner's.
    pub struct FindChat {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
    }
    rows ChatSqlType;
    (SELECT_CHATS) "WHERE c.id = " id " AND c.user_id = " user_id
}

static_query! {
    /// Lists an owner's chats after a place, newest activity first.
    pub struct ListChats {
        /// The owner.
        user_id: BigInt = i64,
        /// The time of the last chat before the page; [`StoredTime::LATEST`] for the first page.
        before_time: UtcTimestamp = StoredTime,
        /// The id of the last chat before the page; `i64::MAX` for the first page.
        before_id: BigInt = i64,
        /// The largest number of chats.
        limit: BigInt = i64,
    }
    rows ChatSqlType;
    (SELECT_CHATS) "WHERE c.user_id = " user_id
    " AND (c.last_message_at, c.id) < (" before_time ", " before_id ")" (NEWEST_FIRST) limit
}

static_query! {
    /// The same for chats whose title or character's name is like a pattern.
    pub struct SearchChats<'a> {
        /// The owner.
        user_id: BigInt = i64,
        /// From [`contains_pattern`](crate::search::contains_pattern).
        pattern: Text = &'a str,
        /// The time of the last chat before the page; [`StoredTime::LATEST`] for the first page.
        before_time: UtcTimestamp = StoredTime,
        /// The id of the last chat before the page; `i64::MAX` for the first page.
        before_id: BigInt = i64,
        /// The largest number of chats.
        limit: BigInt = i64,
    }
    rows ChatSqlType;
    (SELECT_CHATS) "WHERE c.user_id = " user_id
    " AND (c.last_message_at, c.id) < (" before_time ", " before_id ")"
    " AND (c.title_folded LIKE " pattern r" ESCAPE '\'"
    " OR coalesce(ch.name_folded, c.character_name_folded) LIKE " pattern r" ESCAPE '\')"
    (NEWEST_FIRST) limit
}

static_query! {
    /// Lists an owner's chats after one of them, smallest id first.
    pub struct ListChatsById {
        /// The owner.
        user_id: BigInt = i64,
        /// The last chat before the page; 0 for the first page.
        after_id: BigInt = i64,
        /// The largest number of chats.
        limit: BigInt = i64,
    }
    rows ChatSqlType;
    (SELECT_CHATS) "WHERE c.user_id = " user_id " AND c.id > " after_id " ORDER BY c.id LIMIT " limit
}

static_query! {
    /// Finds the last message of the branch that an owner's chat shows.
    pub struct FindHead {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
    }
    rows (Nullable<BigInt>,);
    "SELECT head_message_id FROM chats WHERE id = " id " AND user_id = " user_id
}

/// What [`FindTurnBasis`] answers: the chat's head, the owner's display name, the character's id, name
/// and system prompt while the owner may use it, and the switch and the version of the chat's summaries.
pub type TurnBasisRow = (
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<String>,
    Option<String>,
    bool,
    i64,
);

static_query! {
    /// Finds what a request to the model needs of an owner's chat and its character.
    pub struct FindTurnBasis {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
    }
    rows (
        Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Bool, BigInt,
    );
    "SELECT c.head_message_id, (SELECT u.display_name FROM users u WHERE u.id = c.user_id), ch.id, \
     ch.name, ch.system_prompt, c.summary_enabled, c.summary_version \
     FROM chats c LEFT JOIN characters ch ON ch.id = c.character_id AND " (usable!())
    " WHERE c.id = " id " AND c.user_id = " user_id
}

/// What [`FindBeginFacts`] answers.
#[derive(Clone, Debug, Queryable)]
pub struct BeginFactsRow {
    /// The last message of the branch that is shown.
    pub head_message_id: Option<i64>,
    /// The character while the owner may use it.
    pub character_id: Option<i64>,
    /// The chat's turn that is under way.
    pub running_turn_id: Option<String>,
    /// How many turns the owner has under way.
    pub running_of_user: i64,
    /// How many messages come before the one that the first new message follows; `None` when the chat
    /// has no such message.
    pub parent_depth: Option<i64>,
    /// Tokens that the owner may use per day, if that is their own number.
    pub daily_token_budget: Option<i64>,
    /// Whether the service takes new messages.
    pub accepts_messages: bool,
}

static_query! {
    /// Finds all that decides whether a turn may begin in an owner's chat.
    pub struct FindBeginFacts<'a> {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
        /// The message after which the first new one is to come.
        parent_id: Nullable<BigInt> = Option<i64>,
        /// Who must have said that.
        parent_role: Text = &'a str,
    }
    rows (
        Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>, BigInt, Nullable<BigInt>,
        Nullable<BigInt>, Bool,
    );
    "SELECT c.head_message_id, ch.id, \
     (SELECT t.id FROM turns t WHERE t.chat_id = c.id AND t.ended_at IS NULL), \
     (SELECT count(*) FROM turns t WHERE t.user_id = c.user_id AND t.ended_at IS NULL), p.depth, \
     (SELECT u.daily_token_budget FROM users u WHERE u.id = c.user_id), \
     (SELECT s.accepts_messages FROM service_state s WHERE s.id = 1) \
     FROM chats c LEFT JOIN characters ch ON ch.id = c.character_id AND " (usable!())
    " LEFT JOIN messages p ON p.id = " parent_id " AND p.chat_id = c.id AND p.role = " parent_role
    " WHERE c.id = " id " AND c.user_id = " user_id
}

static_query! {
    /// Makes a message the last one of the branch that is shown.
    pub struct MoveHead {
        /// The chat.
        id: BigInt = i64,
        /// The message.
        head_message_id: Nullable<BigInt> = Option<i64>,
        /// When it was said.
        last_message_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE chats SET head_message_id = " head_message_id ", last_message_at = " last_message_at
    " WHERE id = " id
}

static_query! {
    /// Shows another branch of an owner's chat and raises its version; only when it has the expected
    /// one, if one is expected. Answers the version.
    pub struct ShowBranch {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
        /// The last message of the branch.
        head_message_id: BigInt = i64,
        /// The expected version.
        expected_version: Nullable<BigInt> = Option<i64>,
    }
    rows (BigInt,);
    "UPDATE chats SET head_message_id = " head_message_id ", version = version + 1 WHERE id = " id
    " AND user_id = " user_id " AND version = coalesce(" expected_version
    ", version) RETURNING version"
}

static_query! {
    /// Notes that something was said in a chat.
    pub struct TouchChat {
        /// The chat.
        id: BigInt = i64,
        /// When it was said.
        last_message_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE chats SET last_message_at = " last_message_at " WHERE id = " id
}
