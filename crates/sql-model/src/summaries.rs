//! Summaries of what models are not sent any more.

use diesel::{
    Queryable,
    sql_types::{BigInt, Bool, Integer, Nullable, Text},
};
use lionrocket_domain::{
    calendar::Day,
    ids::{CharacterId, ChatId, MessageId, TurnId, UserId},
    summary::Summary,
    text::SummaryText,
    usage::ChargeAccount,
};
use lionrocket_ports::StoreResult;

use crate::{
    convert::corrupt,
    time::{StoredTime, UtcTimestamp},
};

/// The most steps from the end of a branch in which its summary is looked for. Summaries are made long
/// before: one that is further back was left by a chat that was without them for hundreds of messages.
pub const MOST_STEPS: i32 = 1_000;

type SummarySqlType = (BigInt, BigInt, Text, Bool, UtcTimestamp);

/// A summary.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct SummaryRow {
    pub covers_up_to: i64,
    pub depth: i64,
    pub text: String,
    pub is_edited: bool,
    pub updated_at: StoredTime,
}

impl SummaryRow {
    /// The summary.
    pub fn into_domain(self) -> StoreResult<Summary> {
        let key = self.covers_up_to;
        Ok(Summary {
            text: SummaryText::from_stored(self.text),
            is_edited: self.is_edited,
            covers_up_to: MessageId::from_stored(key),
            depth: self.depth,
            updated_at: self.updated_at.into_domain("chat_summaries", key)?,
        })
    }
}

static_query! {
    /// Finds the newest summary of a chat that tells of nothing after a message, on whatever branch.
    pub struct FindNewestSummary {
        /// The chat.
        chat_id: BigInt = i64,
        /// The message.
        last_id: BigInt = i64,
    }
    rows SummarySqlType;
    "SELECT covers_up_to, depth, text, is_edited, updated_at FROM chat_summaries WHERE chat_id = " chat_id
    " AND covers_up_to <= " last_id " ORDER BY covers_up_to DESC LIMIT 1"
}

static_query! {
    /// Finds the summary that holds at the end of a branch: walks towards its beginning until there is
    /// one.
    pub struct FindSummary {
        /// The chat.
        chat_id: BigInt = i64,
        /// The end of the branch.
        last_id: BigInt = i64,
        /// The largest number of messages to look at.
        limit: Integer = i32,
    }
    rows SummarySqlType;
    "WITH RECURSIVE branch (id, parent_id, step, is_told) AS (SELECT m.id, m.parent_id, 1, \
     EXISTS (SELECT 1 FROM chat_summaries s WHERE s.chat_id = " chat_id " AND s.covers_up_to = m.id) \
     FROM messages m WHERE m.chat_id = " chat_id " AND m.id = " last_id
    " UNION ALL SELECT m.id, m.parent_id, b.step + 1, \
     EXISTS (SELECT 1 FROM chat_summaries s WHERE s.chat_id = " chat_id " AND s.covers_up_to = m.id) \
     FROM branch b JOIN messages m ON m.id = b.parent_id WHERE NOT b.is_told AND b.step < " limit ") \
     SELECT s.covers_up_to, s.depth, s.text, s.is_edited, s.updated_at \
     FROM branch b CROSS JOIN chat_summaries s ON s.chat_id = " chat_id " AND s.covers_up_to = b.id \
     WHERE b.is_told"
}

static_query! {
    /// Lists all summaries of an owner's chat, those first that tell of least.
    pub struct ListSummaries {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        chat_id: BigInt = i64,
    }
    rows SummarySqlType;
    "SELECT covers_up_to, depth, text, is_edited, updated_at FROM chat_summaries WHERE chat_id = " chat_id
    " AND EXISTS (SELECT 1 FROM chats c WHERE c.id = " chat_id " AND c.user_id = " user_id
    ") ORDER BY covers_up_to"
}

/// What [`FindSummaryBasis`] answers: the chat's head, the switch, the version of the summaries and that
/// of the chat.
pub type SummaryBasisRow = (Option<i64>, bool, i64, i64);

static_query! {
    /// Finds what an owner's chat says of its summaries.
    pub struct FindSummaryBasis {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
    }
    rows (Nullable<BigInt>, Bool, BigInt, BigInt);
    "SELECT head_message_id, summary_enabled, summary_version, version FROM chats WHERE id = " id
    " AND user_id = " user_id
}

static_query! {
    /// Switches the summaries of a chat, or only counts a change of one.
    pub struct NoteSummaryChange {
        /// The chat.
        id: BigInt = i64,
        /// Whether they are made and used; `None` leaves that as it is.
        is_enabled: Nullable<Bool> = Option<bool>,
    }
    rows ();
    "UPDATE chats SET summary_enabled = coalesce(" is_enabled
    ", summary_enabled), summary_version = summary_version + 1 WHERE id = " id
}

static_query! {
    /// Gives a summary other words.
    pub struct EditSummary<'a> {
        /// The chat.
        chat_id: BigInt = i64,
        /// The last message that it tells of.
        covers_up_to: BigInt = i64,
        /// The words.
        text: Text = &'a str,
        /// Now.
        updated_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "UPDATE chat_summaries SET text = " text ", is_edited = 1, updated_at = " updated_at
    " WHERE chat_id = " chat_id " AND covers_up_to = " covers_up_to
}

static_query! {
    /// Keeps a summary, if its chat is there, has summaries, and none was changed since it was begun.
    pub struct KeepSummary<'a> {
        /// The chat.
        chat_id: BigInt = i64,
        /// The last message that it tells of.
        covers_up_to: BigInt = i64,
        /// The words.
        text: Text = &'a str,
        /// The version of the chat's summaries when it was begun.
        summary_version: BigInt = i64,
        /// Now.
        updated_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "INSERT INTO chat_summaries (chat_id, covers_up_to, depth, text, updated_at) SELECT c.id, m.id, \
     m.depth, " text ", " updated_at " FROM chats c JOIN messages m ON m.chat_id = c.id AND m.id = "
    covers_up_to " WHERE c.id = " chat_id " AND c.summary_enabled AND c.summary_version = "
    summary_version " ON CONFLICT DO NOTHING"
}

/// What [`FindSummaryFacts`] answers.
#[derive(Clone, Debug, Queryable)]
pub struct SummaryFactsRow {
    /// Whether the chat's summaries are made and used.
    pub is_enabled: bool,
    /// The version of the chat's summaries.
    pub version: i64,
    /// Whether one is being made.
    pub is_running: bool,
    /// Tokens that the owner may use per day, if that is their own number.
    pub daily_token_budget: Option<i64>,
    /// Whether the service takes new messages.
    pub accepts_messages: bool,
}

static_query! {
    /// Finds all that decides whether a summary may be made in an owner's chat.
    pub struct FindSummaryFacts {
        /// The owner.
        user_id: BigInt = i64,
        /// The chat.
        id: BigInt = i64,
    }
    rows (Bool, BigInt, Bool, Nullable<BigInt>, Bool);
    "SELECT c.summary_enabled, c.summary_version, \
     EXISTS (SELECT 1 FROM summary_runs r WHERE r.chat_id = c.id), \
     (SELECT u.daily_token_budget FROM users u WHERE u.id = c.user_id), \
     (SELECT s.accepts_messages FROM service_state s WHERE s.id = 1) \
     FROM chats c WHERE c.id = " id " AND c.user_id = " user_id
}

static_query! {
    /// Notes that a summary is being made.
    pub struct InsertSummaryRun<'a> {
        /// Its name in the ledger.
        id: Text = &'a str,
        /// Who pays.
        user_id: BigInt = i64,
        /// The chat.
        chat_id: BigInt = i64,
        /// The character.
        character_id: Nullable<BigInt> = Option<i64>,
        /// The last message that it will tell of.
        covers_up_to: BigInt = i64,
        /// The version of the chat's summaries.
        summary_version: BigInt = i64,
        /// The day to which it is counted.
        usage_date: Text = &'a str,
        /// The process that works on it.
        node_id: Text = &'a str,
        /// Until when that process is taken to be alive.
        lease_until: UtcTimestamp = StoredTime,
        /// Now.
        started_at: UtcTimestamp = StoredTime,
    }
    rows ();
    "INSERT INTO summary_runs (id, user_id, chat_id, character_id, covers_up_to, summary_version, \
     usage_date, node_id, lease_until, started_at) VALUES (" id ", " user_id ", " chat_id ", "
    character_id ", " covers_up_to ", " summary_version ", " usage_date ", " node_id ", " lease_until
    ", " started_at ")"
}

static_query! {
    /// Ends the making of a summary; answers of what it was to tell, or nothing when it was over.
    pub struct EndSummaryRun<'a> {
        /// Its name in the ledger.
        id: Text = &'a str,
    }
    rows (BigInt, BigInt);
    "DELETE FROM summary_runs WHERE id = " id " RETURNING covers_up_to, summary_version"
}

/// A summary that nobody works on any more.
#[derive(Clone, Debug, Queryable)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct LeftOverRow {
    pub id: String,
    pub user_id: i64,
    pub chat_id: i64,
    pub character_id: Option<i64>,
    pub usage_date: String,
    pub started_at: StoredTime,
}

impl LeftOverRow {
    /// Who pays for it, and on which day.
    pub fn into_domain(self) -> StoreResult<ChargeAccount> {
        const TABLE: &str = "summary_runs";
        let bad = || corrupt(TABLE, &self.id);
        Ok(ChargeAccount {
            turn_id: TurnId::parse(&self.id).ok_or_else(bad)?,
            user_id: UserId::from_stored(self.user_id),
            chat_id: ChatId::from_stored(self.chat_id),
            character_id: self.character_id.map(CharacterId::from_stored),
            usage_date: Day::parse(&self.usage_date).ok_or_else(bad)?,
            accepted_at: self.started_at.into_domain(TABLE, &self.id)?,
        })
    }
}

static_query! {
    /// Finds summaries that nobody works on any more, oldest first.
    pub struct FindLeftOverSummaries<'a> {
        /// When the lease ended at the latest; `None` for all that another process has.
        lease_before: Nullable<UtcTimestamp> = Option<StoredTime>,
        /// This process.
        node_id: Text = &'a str,
        /// What it works on, as a JSON array of ids.
        at_work: Text = &'a str,
        /// The largest number of summaries.
        limit: BigInt = i64,
    }
    rows (Text, BigInt, BigInt, Nullable<BigInt>, Text, UtcTimestamp);
    "SELECT id, user_id, chat_id, character_id, usage_date, started_at FROM summary_runs WHERE \
     (lease_until < " lease_before " OR (" lease_before " IS NULL AND node_id <> " node_id "))"
    " AND id NOT IN (SELECT value FROM json_each(" at_work ")) ORDER BY started_at, id LIMIT " limit
}
