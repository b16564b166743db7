//! Chats and the reading of their messages.

use std::collections::HashMap;

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    sql_types::BigInt,
};
use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    chat::{BranchMessage, Chat, Message, MessageStatus, Role},
    ids::{CharacterId, ChatId, MessageId, UserId},
    macros::Names,
    page::{Page, PageSize},
    summary::BranchSummary,
    text::{CharacterName, ChatTitle, DisplayName, SystemPrompt, fold},
};
use lionrocket_ports::{
    StoreResult,
    characters::UpdateOutcome,
    chats::{
        ChatChange, ChatCursor, ChatFilter, ChatRepository, ShowOutcome, TurnCharacter,
        TurnContext, TurnContextOutcome, TurnPlace,
    },
};
use lionrocket_sql_model::{
    branch::{NewestEnd, PageUpTo, SiblingsUpTo},
    characters::CharacterRow,
    chats::{
        ChatChangeRow, ChatRow, FindChat, FindHead, FindTurnBasis, ListChats, ListChatsById,
        MoveHead, SearchChats, ShowBranch, TurnBasisRow,
    },
    convert::corrupt,
    messages::{FindMessage, InsertMessage, ListMessagesById, MessageRow},
    schema::{chats, users},
    search::contains_pattern,
    static_query,
    time::StoredTime,
};

use crate::{
    branches::{BranchEnd, Branches},
    characters::find_usable,
    error::DbError,
    prompts::load_all,
    store::SqliteStore,
    summaries::find_summary,
};

fn find(
    connection: &mut SqliteConnection,
    owner: UserId,
    id: ChatId,
) -> Result<Option<Chat>, DbError> {
    let row: Option<ChatRow> = FindChat {
        user_id: owner.get(),
        id: id.get(),
    }
    .get_result(connection)
    .optional()?;
    Ok(row.map(ChatRow::into_domain).transpose()?)
}

/// The chat as it is after a write within the same transaction.
fn find_again(
    connection: &mut SqliteConnection,
    owner: UserId,
    id: ChatId,
) -> Result<Chat, DbError> {
    find(connection, owner, id)?.ok_or_else(|| DbError::from(diesel::result::Error::NotFound))
}

static_query! {
    /// Tells the id of the row that was inserted last. Cheaper than `RETURNING`, for which SQLite opens a
    /// temporary table at each execution.
    struct LastInserted {}
    rows (BigInt,);
    "SELECT last_insert_rowid()"
}

/// Writes a message down and answers its id.
pub(crate) fn insert_message(
    connection: &mut SqliteConnection,
    message: InsertMessage<'_>,
) -> QueryResult<i64> {
    message.execute(connection)?;
    let (id,): (i64,) = (LastInserted {}).get_result(connection)?;
    Ok(id)
}

/// Finds a message of a chat.
pub(crate) fn find_message(
    connection: &mut SqliteConnection,
    chat_id: i64,
    id: i64,
) -> QueryResult<Option<MessageRow>> {
    FindMessage { chat_id, id }
        .get_result(connection)
        .optional()
}

fn list(
    connection: &mut SqliteConnection,
    owner: UserId,
    filter: &ChatFilter,
) -> QueryResult<Vec<ChatRow>> {
    let user_id = owner.get();
    let limit = i64::from(filter.size.get()) + 1;
    let (before_time, before_id) = match filter.after {
        Some(cursor) => (cursor.last_message_at.into(), cursor.id.get()),
        None => (StoredTime::LATEST, i64::MAX),
    };
    match &filter.search {
        None => ListChats {
            user_id,
            before_time,
            before_id,
            limit,
        }
        .load(connection),
        Some(search) => SearchChats {
            user_id,
            pattern: &contains_pattern(search),
            before_time,
            before_id,
            limit,
        }
        .load(connection),
    }
}

/// A character's greeting to a person.
fn greet(
    connection: &mut SqliteConnection,
    actor: Actor,
    character: &CharacterRow,
) -> QueryResult<String> {
    let person: Option<String> = users::table
        .find(actor.user_id.get())
        .select(users::display_name)
        .first(connection)?;
    let person = person.map(DisplayName::from_stored);
    let name = CharacterName::from_stored(character.name.clone());
    let names = Names {
        character: &name,
        person: person.as_ref(),
    };
    Ok(names.fill_in(&character.greeting))
}

fn create(
    connection: &mut SqliteConnection,
    actor: Actor,
    character_id: CharacterId,
    title: Option<ChatTitle>,
    now: Timestamp,
) -> Result<Option<Chat>, DbError> {
    let Some(character) = find_usable(connection, actor, character_id)? else {
        return Ok(None);
    };
    let greeting = greet(connection, actor, &character)?;
    let now = StoredTime::from(now);
    let title = title.map(ChatTitle::into_string);
    let id: i64 = diesel::insert_into(chats::table)
        .values((
            chats::user_id.eq(actor.user_id.get()),
            chats::character_id.eq(character.id),
            chats::created_at.eq(now),
            chats::last_message_at.eq(now),
            chats::character_name_folded.eq(fold(&character.name)),
            chats::character_name.eq(character.name),
            chats::title_folded.eq(title.as_deref().map(fold)),
            chats::title.eq(title),
        ))
        .returning(chats::id)
        .get_result(connection)?;
    if !greeting.is_empty() {
        let greeting = InsertMessage {
            chat_id: id,
            role: Role::Assistant.as_str(),
            content: &greeting,
            created_at: now,
            parent_id: None,
            depth: 0,
            turn_id: None,
            status: MessageStatus::Complete.as_str(),
        };
        MoveHead {
            id,
            head_message_id: Some(insert_message(connection, greeting)?),
            last_message_at: now,
        }
        .execute(connection)?;
    }
    find_again(connection, actor.user_id, ChatId::from_stored(id)).map(Some)
}

fn update(
    connection: &mut SqliteConnection,
    owner: UserId,
    id: ChatId,
    change: ChatChange,
    expected_version: Option<i64>,
) -> Result<UpdateOutcome<Chat>, DbError> {
    let version = chats::table
        .filter(chats::id.eq(id.get()))
        .filter(chats::user_id.eq(owner.get()))
        .select(chats::version)
        .first::<i64>(connection)
        .optional()?;
    let Some(version) = version else {
        return Ok(UpdateOutcome::NotFound);
    };
    if expected_version.is_some_and(|expected| expected != version) {
        return Ok(UpdateOutcome::Stale);
    }
    diesel::update(chats::table.find(id.get()))
        .filter(chats::user_id.eq(owner.get()))
        .set((ChatChangeRow::from(change), chats::version.eq(version + 1)))
        .execute(connection)?;
    Ok(UpdateOutcome::Updated(find_again(connection, owner, id)?))
}

fn page_up_to(
    connection: &mut SqliteConnection,
    chat_id: i64,
    last_id: i64,
    size: PageSize,
) -> Result<Page<BranchMessage, MessageId>, DbError> {
    let limit = i32::try_from(size.get()).unwrap_or(i32::MAX);
    let mut rows: Vec<(MessageRow, bool)> = PageUpTo {
        chat_id,
        last_id,
        limit,
    }
    .load(connection)?;
    rows.sort_unstable_by_key(|(row, _)| row.depth);
    let mut siblings = if rows.iter().any(|(_, has_siblings)| *has_siblings) {
        siblings_up_to(connection, chat_id, last_id, limit)?
    } else {
        HashMap::new()
    };
    let mut items = Vec::with_capacity(rows.len());
    for (row, _) in rows {
        let message = row.into_domain()?;
        let sibling_ids = siblings
            .remove(&message.parent_id)
            .unwrap_or_else(|| vec![message.id]);
        items.push(BranchMessage {
            message,
            sibling_ids,
        });
    }
    let next = items
        .first()
        .filter(|oldest| oldest.message.parent_id.is_some())
        .map(|oldest| oldest.message.id);
    Ok(Page { items, next })
}

/// The ids of siblings by their parent, oldest first.
fn siblings_up_to(
    connection: &mut SqliteConnection,
    chat_id: i64,
    last_id: i64,
    limit: i32,
) -> QueryResult<HashMap<Option<MessageId>, Vec<MessageId>>> {
    let pairs: Vec<(Option<i64>, i64)> = SiblingsUpTo {
        chat_id,
        last_id,
        limit,
    }
    .load(connection)?;
    let mut siblings: HashMap<_, Vec<_>> = HashMap::new();
    for (parent_id, id) in pairs {
        siblings
            .entry(parent_id.map(MessageId::from_stored))
            .or_default()
            .push(MessageId::from_stored(id));
    }
    Ok(siblings)
}

fn messages(
    connection: &mut SqliteConnection,
    owner: UserId,
    id: ChatId,
    before: Option<MessageId>,
    size: PageSize,
) -> Result<Option<Page<BranchMessage, MessageId>>, DbError> {
    let head: Option<(Option<i64>,)> = FindHead {
        user_id: owner.get(),
        id: id.get(),
    }
    .get_result(connection)
    .optional()?;
    let Some((head,)) = head else {
        return Ok(None);
    };
    let last = match before {
        None => head,
        Some(before) => match find_message(connection, id.get(), before.get())? {
            Some(message) => message.parent_id,
            None => return Ok(None),
        },
    };
    Ok(Some(match last {
        Some(last_id) => page_up_to(connection, id.get(), last_id, size)?,
        None => Page {
            items: Vec::new(),
            next: None,
        },
    }))
}

/// What a new reply answers and what comes before it.
struct Question {
    /// The message after which the person's comes.
    parent_id: Option<i64>,
    /// The person's message, when it is there already.
    asked: Option<MessageRow>,
    /// The reply that is to go on.
    cut_reply: Option<MessageRow>,
}

impl Question {
    /// A new message after another one.
    const fn after(parent_id: Option<i64>) -> Self {
        Self {
            parent_id,
            asked: None,
            cut_reply: None,
        }
    }

    /// A message of the person's that is there.
    const fn again(message: MessageRow, cut_reply: Option<MessageRow>) -> Self {
        Self {
            parent_id: message.parent_id,
            asked: Some(message),
            cut_reply,
        }
    }
}

/// Finds what a new reply answers.
fn find_question(
    connection: &mut SqliteConnection,
    chat_id: i64,
    head: Option<i64>,
    place: TurnPlace,
) -> Result<Result<Question, TurnContextOutcome>, DbError> {
    let id = match place {
        TurnPlace::Head => return Ok(Ok(Question::after(head))),
        TurnPlace::After(id)
        | TurnPlace::InsteadOf(id)
        | TurnPlace::Again(id)
        | TurnPlace::Onward(id) => id,
    };
    let Some(message) = find_message(connection, chat_id, id.get())? else {
        return Ok(Err(TurnContextOutcome::NoMessage));
    };
    let is_reply = message.role == Role::Assistant.as_str();
    Ok(match (place, is_reply) {
        (TurnPlace::After(_), true) => Ok(Question::after(Some(message.id))),
        (TurnPlace::InsteadOf(_), false) => Ok(Question::after(message.parent_id)),
        (TurnPlace::Again(_), false) => Ok(Question::again(message, None)),
        (TurnPlace::Again(_) | TurnPlace::Onward(_), true) => {
            let question = match message.parent_id {
                Some(parent_id) => find_message(connection, chat_id, parent_id)?,
                // A greeting answers nothing.
                None => None,
            };
            let question = question.filter(|found| found.role == Role::User.as_str());
            let goes_on = matches!(place, TurnPlace::Onward(_));
            question
                .map(|question| Question::again(question, goes_on.then_some(message)))
                .ok_or(TurnContextOutcome::Unsuitable)
        }
        _ => Err(TurnContextOutcome::Unsuitable),
    })
}

fn turn_context(
    connection: &mut SqliteConnection,
    branches: &Branches,
    owner: UserId,
    id: ChatId,
    place: TurnPlace,
    max_messages: u32,
) -> Result<TurnContextOutcome, DbError> {
    let basis: Option<TurnBasisRow> = FindTurnBasis {
        user_id: owner.get(),
        id: id.get(),
    }
    .get_result(connection)
    .optional()?;
    let Some((head, person, character_id, name, system_prompt, is_enabled, version)) = basis else {
        return Ok(TurnContextOutcome::NoChat);
    };
    let Question {
        parent_id,
        asked,
        cut_reply,
    } = match find_question(connection, id.get(), head, place)? {
        Ok(question) => question,
        Err(outcome) => return Ok(outcome),
    };
    let history = match parent_id {
        Some(last_id) if max_messages > 0 => {
            let end = BranchEnd {
                chat_id: id.get(),
                last_id,
                limit: usize::try_from(max_messages).unwrap_or(usize::MAX),
            };
            branches.read(connection, end)?
        }
        _ => Vec::new(),
    };
    let character = match (character_id, name, system_prompt) {
        (Some(character_id), Some(name), Some(system_prompt)) => TurnCharacter::Available {
            id: CharacterId::from_stored(character_id),
            name: CharacterName::from_stored(name),
            system_prompt: SystemPrompt::from_stored(system_prompt),
        },
        (None, None, None) => TurnCharacter::Gone,
        _ => return Err(corrupt("characters", id).into()),
    };
    let newest = if is_enabled {
        find_summary(connection, id, parent_id, &history)?
    } else {
        None
    };
    Ok(TurnContextOutcome::Found(Box::new(TurnContext {
        past: BranchSummary {
            is_enabled,
            version,
            newest,
        },
        parent_id: parent_id.map(MessageId::from_stored),
        person: person.map(DisplayName::from_stored),
        history,
        asked: asked.map(MessageRow::into_domain).transpose()?,
        cut_reply: cut_reply.map(MessageRow::into_domain).transpose()?,
        common_prompts: load_all(connection)?,
        character,
    })))
}

fn show(
    connection: &mut SqliteConnection,
    owner: UserId,
    id: ChatId,
    message_id: MessageId,
    expected_version: Option<i64>,
) -> Result<ShowOutcome, DbError> {
    let chat: Option<(Option<i64>,)> = FindHead {
        user_id: owner.get(),
        id: id.get(),
    }
    .get_result(connection)
    .optional()?;
    if chat.is_none() {
        return Ok(ShowOutcome::NoChat);
    }
    let end: Option<(i64,)> = NewestEnd {
        chat_id: id.get(),
        first_id: message_id.get(),
    }
    .get_result(connection)
    .optional()?;
    let Some((head_message_id,)) = end else {
        return Ok(ShowOutcome::NoMessage);
    };
    let shown: Option<(i64,)> = ShowBranch {
        user_id: owner.get(),
        id: id.get(),
        head_message_id,
        expected_version,
    }
    .get_result(connection)
    .optional()?;
    if shown.is_none() {
        return Ok(ShowOutcome::Stale);
    }
    let chat = find_again(connection, owner, id)?;
    Ok(ShowOutcome::Shown(Box::new(chat)))
}

#[async_trait]
impl ChatRepository for SqliteStore {
    async fn create(
        &self,
        actor: Actor,
        character_id: CharacterId,
        title: Option<ChatTitle>,
        now: Timestamp,
    ) -> StoreResult<Option<Chat>> {
        self.write_chats(actor.user_id, move |connection| {
            create(connection, actor, character_id, title.clone(), now)
        })
        .await
    }

    async fn get(&self, owner: UserId, id: ChatId) -> StoreResult<Option<Chat>> {
        self.read(move |connection| find(connection, owner, id))
            .await
    }

    async fn list(&self, owner: UserId, filter: ChatFilter) -> StoreResult<Page<Chat, ChatCursor>> {
        self.read(move |connection| {
            let chats = list(connection, owner, &filter)?
                .into_iter()
                .map(ChatRow::into_domain)
                .collect::<StoreResult<Vec<_>>>()?;
            Ok(Page::from_overfull(chats, filter.size, |last| ChatCursor {
                last_message_at: last.last_message_at,
                id: last.id,
            }))
        })
        .await
    }

    async fn update(
        &self,
        owner: UserId,
        id: ChatId,
        change: ChatChange,
        expected_version: Option<i64>,
    ) -> StoreResult<UpdateOutcome<Chat>> {
        self.write_chats(owner, move |connection| {
            update(connection, owner, id, change.clone(), expected_version)
        })
        .await
    }

    async fn delete(&self, owner: UserId, id: ChatId) -> StoreResult<bool> {
        self.write_chats(owner, move |connection| {
            let deleted = diesel::delete(
                chats::table
                    .filter(chats::id.eq(id.get()))
                    .filter(chats::user_id.eq(owner.get())),
            )
            .execute(connection)?;
            Ok(deleted > 0)
        })
        .await
    }

    async fn messages(
        &self,
        owner: UserId,
        id: ChatId,
        before: Option<MessageId>,
        size: PageSize,
    ) -> StoreResult<Option<Page<BranchMessage, MessageId>>> {
        self.read_at_once(move |connection| messages(connection, owner, id, before, size))
            .await
    }

    async fn list_by_id(
        &self,
        owner: UserId,
        after: Option<ChatId>,
        size: PageSize,
    ) -> StoreResult<Page<Chat, ChatId>> {
        self.read(move |connection| {
            let rows: Vec<ChatRow> = ListChatsById {
                user_id: owner.get(),
                after_id: after.map_or(0, ChatId::get),
                limit: i64::from(size.get()) + 1,
            }
            .load(connection)?;
            let chats = rows.into_iter().map(ChatRow::into_domain);
            let chats = chats.collect::<StoreResult<_>>()?;
            Ok(Page::from_overfull(chats, size, |last| last.id))
        })
        .await
    }

    async fn messages_by_id(
        &self,
        owner: UserId,
        id: ChatId,
        after: Option<MessageId>,
        size: PageSize,
    ) -> StoreResult<Page<Message, MessageId>> {
        self.read(move |connection| {
            let rows: Vec<MessageRow> = ListMessagesById {
                user_id: owner.get(),
                chat_id: id.get(),
                after_id: after.map_or(0, MessageId::get),
                limit: i64::from(size.get()) + 1,
            }
            .load(connection)?;
            let messages = rows.into_iter().map(MessageRow::into_domain);
            let messages = messages.collect::<StoreResult<_>>()?;
            Ok(Page::from_overfull(messages, size, |last| last.id))
        })
        .await
    }

    async fn show(
        &self,
        owner: UserId,
        id: ChatId,
        message_id: MessageId,
        expected_version: Option<i64>,
    ) -> StoreResult<ShowOutcome> {
        self.write_chats(owner, move |connection| {
            show(connection, owner, id, message_id, expected_version)
        })
        .await
    }

    async fn turn_context(
        &self,
        owner: UserId,
        id: ChatId,
        place: TurnPlace,
        max_messages: u32,
    ) -> StoreResult<TurnContextOutcome> {
        let branches = self.branches();
        self.read_at_once(move |connection| {
            turn_context(connection, &branches, owner, id, place, max_messages)
        })
        .await
    }
}
