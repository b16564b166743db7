//! An empty store and short ways to fill it. Times are arguments of the ports, so a test sets them.

use std::{
    any::Any,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    account::User,
    calendar::Day,
    character::{Character, CharacterDraft, Visibility},
    chat::{BranchMessage, Chat},
    ids::{CharacterId, ChatId, MessageId, NodeId, SessionId, TurnId, UserId},
    page::PageSize,
    text::{
        CharacterName, Description, EmailAddress, Greeting, MessageText, SystemPrompt, Username,
    },
    turn::{StopReason, TurnEnd, TurnRecord},
    usage::{Attempt, Charge, ChargeAccount, TokenUsage},
};
use lionrocket_ports::{
    accounts::{AccountMaker, CreateUserOutcome, NewUser, UserRepository},
    admin::AdminRepository,
    audit::AuditLog,
    characters::CharacterRepository,
    chats::ChatRepository,
    prompts::PromptRepository,
    retention::RetentionStore,
    service::ServiceRepository,
    sessions::{LiveAt, NewSession, SessionStore},
    stats::StatsRepository,
    summaries::SummaryStore,
    turns::{
        BeginOutcome, BeginTurn, FinishOutcome, FinishTurn, NewMessages, StartedTurn, TurnBudget,
        TurnStore,
    },
    usage::UsageRepository,
};
use uuid::Uuid;

/// The ports of one empty store.
#[derive(Clone)]
pub struct Stores {
    /// Accounts.
    pub users: Arc<dyn UserRepository>,
    /// Logins.
    pub sessions: Arc<dyn SessionStore>,
    /// Looking after accounts.
    pub admin: Arc<dyn AdminRepository>,
    /// Forgetting.
    pub retention: Arc<dyn RetentionStore>,
    /// The audit log.
    pub audit: Arc<dyn AuditLog>,
    /// Characters.
    pub characters: Arc<dyn CharacterRepository>,
    /// Common prompts.
    pub prompts: Arc<dyn PromptRepository>,
    /// Chats.
    pub chats: Arc<dyn ChatRepository>,
    /// Turns.
    pub turns: Arc<dyn TurnStore>,
    /// Summaries.
    pub summaries: Arc<dyn SummaryStore>,
    /// Usage by day.
    pub usage: Arc<dyn UsageRepository>,
    /// Statistics of the whole service.
    pub stats: Arc<dyn StatsRepository>,
    /// The switch of the service.
    pub service: Arc<dyn ServiceRepository>,
    kept: Option<Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores").finish_non_exhaustive()
    }
}

impl Stores {
    /// Takes an adapter that implements every port.
    pub fn of<S>(store: S) -> Self
    where
        S: UserRepository
            + SessionStore
            + AdminRepository
            + AuditLog
            + RetentionStore
            + CharacterRepository
            + PromptRepository
            + ChatRepository
            + TurnStore
            + SummaryStore
            + UsageRepository
            + StatsRepository
            + ServiceRepository
            + 'static,
    {
        let store = Arc::new(store);
        Self {
            users: Arc::clone(&store) as _,
            sessions: Arc::clone(&store) as _,
            admin: Arc::clone(&store) as _,
            retention: Arc::clone(&store) as _,
            audit: Arc::clone(&store) as _,
            characters: Arc::clone(&store) as _,
            prompts: Arc::clone(&store) as _,
            chats: Arc::clone(&store) as _,
            turns: Arc::clone(&store) as _,
            summaries: Arc::clone(&store) as _,
            stats: Arc::clone(&store) as _,
            service: Arc::clone(&store) as _,
            usage: store,
            kept: None,
        }
    }

    /// Keeps something that must live as long as the store, such as its directory.
    #[must_use]
    pub fn keeping(mut self, thing: impl Any + Send + Sync) -> Self {
        self.kept = Some(Arc::new(thing));
        self
    }

    /// Makes an account with this name.
    pub(crate) async fn user(&self, name: &str) -> User {
        match self.users.create(new_user(name)).await.expect("create") {
            CreateUserOutcome::Created(user) => user,
            other => panic!("{name} was not made: {other:?}"),
        }
    }

    /// The account as it is now.
    pub(crate) async fn account(&self, id: UserId) -> Option<User> {
        let found = self.admin.get(id).await.expect("get");
        found.map(|account| account.user)
    }

    /// Makes a character.
    pub(crate) async fn character(&self, owner: Option<&User>, draft: CharacterDraft) -> Character {
        self.characters
            .create(owner.map(|user| user.id), draft, at(0))
            .await
            .expect("create")
    }

    /// Opens a chat with a public character that has no greeting.
    pub(crate) async fn chat(&self, owner: &User) -> Chat {
        let character = self.character(None, draft("하루")).await;
        self.chat_with(owner, character.id).await
    }

    /// Opens a chat with a character.
    pub(crate) async fn chat_with(&self, owner: &User, character: CharacterId) -> Chat {
        self.chats
            .create(actor(owner), character, None, at(1))
            .await
            .expect("create")
            .expect("the character may be used")
    }

    /// Begins a turn that must start.
    pub(crate) async fn start(&self, request: &BeginTurn) -> StartedTurn {
        match self.turns.begin(request.clone()).await.expect("begin") {
            BeginOutcome::Started(started) => *started,
            other => panic!("not started: {other:?}"),
        }
    }

    /// Ends a turn that must be under way.
    pub(crate) async fn end(&self, request: &FinishTurn) -> TurnRecord {
        match self.turns.finish(request.clone()).await.expect("finish") {
            FinishOutcome::Finished(record) => *record,
            other => panic!("not finished: {other:?}"),
        }
    }

    /// Has one whole exchange after `parent` and answers it.
    pub(crate) async fn exchange(
        &self,
        chat: &Chat,
        parent: Option<MessageId>,
        text: &str,
    ) -> TurnRecord {
        let request = BeginTurn {
            messages: branch_off(parent, text),
            ..begin(chat, parent)
        };
        self.start(&request).await;
        self.end(&finish(&request, &format!("{text}?"))).await
    }

    /// The chat as it is now.
    pub(crate) async fn chat_now(&self, chat: &Chat) -> Chat {
        let found = self.chats.get(chat.user_id, chat.id).await.expect("get");
        found.expect("the chat is there")
    }

    /// The whole branch that a chat shows, oldest first, read in pages of `size`.
    pub(crate) async fn branch(&self, chat: &Chat, size: u32) -> Vec<BranchMessage> {
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let page = self
                .chats
                .messages(chat.user_id, chat.id, before, page_size(size))
                .await
                .expect("messages")
                .expect("the chat is there");
            assert!(page.items.len() <= size as usize);
            pages.push(page.items);
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        pages.into_iter().rev().flatten().collect()
    }
}

/// A moment of the tests, with microseconds.
pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond(1_790_000_000_123_456 + second * 1_000_000).expect("a moment")
}

/// A day of the tests.
pub(crate) fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

/// A size of pages.
pub(crate) fn page_size(size: u32) -> PageSize {
    PageSize::parse(size).expect("a page size")
}

/// A message's words.
pub(crate) fn words(text: &str) -> MessageText {
    MessageText::parse(text, 200).expect("a message")
}

/// An account with a name, an address made of it and a hash.
pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).expect("a name"),
        email: EmailAddress::parse(&format!("{name}@example.com")).expect("an address"),
        password_hash: format!("$argon2id${name}").into(),
        is_admin: false,
        created_at: at(0),
        invite: None,
        created_on: day("2026-11-22"),
        made_by: AccountMaker::Person { consent_version: 1 },
    }
}

/// Opens a login that lives for a long time.
pub(crate) async fn open_session(stores: &Stores, number: u8, user: &User, now: Timestamp) {
    let session = NewSession {
        at: LiveAt {
            now,
            seen_after: Timestamp::MIN,
        },
        expires_at: at(1_000_000),
        ..new_session(number, user, 0)
    };
    stores.sessions.open(session).await.expect("open");
}

/// The person as the one who asks.
pub(crate) fn actor(user: &User) -> Actor {
    Actor {
        user_id: user.id,
        session_id: SessionId::from_uuid(Uuid::from_u128(1)),
        is_admin: user.is_admin,
    }
}

/// A public character with nothing but a name and a prompt.
pub(crate) fn draft(name: &str) -> CharacterDraft {
    CharacterDraft {
        name: CharacterName::parse(name).expect("a name"),
        system_prompt: SystemPrompt::parse("You keep a lighthouse.").expect("a prompt"),
        greeting: Greeting::parse("").expect("a greeting"),
        description: Description::parse("").expect("a description"),
        visibility: Visibility::Public,
    }
}

/// The same, for its maker only.
pub(crate) fn private_draft(name: &str) -> CharacterDraft {
    CharacterDraft {
        visibility: Visibility::Private,
        ..draft(name)
    }
}

/// A turn's id that no other test has.
pub(crate) fn turn_id() -> TurnId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    TurnId::from_uuid(Uuid::from_u128(number.into()))
}

/// A process.
pub(crate) fn node(number: u128) -> NodeId {
    NodeId::from_uuid(Uuid::from_u128(number))
}

/// A message in a chat, after `parent`, which must be the head.
pub(crate) fn begin(chat: &Chat, parent: Option<MessageId>) -> BeginTurn {
    BeginTurn {
        turn_id: turn_id(),
        user_id: chat.user_id,
        chat_id: chat.id,
        messages: exchange(parent, "안녕"),
        idempotency: None,
        node_id: node(1),
        lease_until: at(60),
        accepted_at: at(10),
        usage_date: day("2026-11-22"),
        max_running_per_user: 2,
        character_id: chat.character.id,
        budget: TurnBudget::default(),
    }
}

/// A message after `parent`, which must be the head, and a reply to it.
pub(crate) fn exchange(parent: Option<MessageId>, text: &str) -> NewMessages {
    NewMessages::Exchange {
        parent_id: parent,
        parent_must_be_head: true,
        text: words(text),
    }
}

/// A message after `parent`, wherever that is, and a reply to it.
pub(crate) fn branch_off(parent: Option<MessageId>, text: &str) -> NewMessages {
    NewMessages::Exchange {
        parent_id: parent,
        parent_must_be_head: false,
        text: words(text),
    }
}

/// To whom a turn is counted.
pub(crate) fn account(request: &BeginTurn) -> ChargeAccount {
    ChargeAccount {
        turn_id: request.turn_id,
        user_id: request.user_id,
        chat_id: request.chat_id,
        character_id: Some(CharacterId::from_stored(1)),
        usage_date: request.usage_date,
        accepted_at: request.accepted_at,
    }
}

/// Tokens of every kind, each another number.
pub(crate) const TOKENS: TokenUsage = TokenUsage {
    input: 11,
    output: 7,
    cache_read: 5,
    cache_write_5m: 3,
    cache_write_1h: 2,
};

/// What an exchange with these tokens costs.
pub(crate) fn charge(tokens: TokenUsage) -> Charge {
    Charge {
        model: "claude-haiku-5-5".to_owned(),
        tokens,
        cost_micro_usd: tokens.total() * 10,
        price_version: "2026-11-22".to_owned(),
        estimated: false,
    }
}

/// A request that upstream took, with these tokens.
pub(crate) fn attempt(tokens: TokenUsage) -> Attempt {
    Attempt {
        charge: charge(tokens),
        upstream_request_id: Some("req_1".to_owned()),
    }
}

/// A good end of a turn.
pub(crate) fn finish(request: &BeginTurn, text: &str) -> FinishTurn {
    FinishTurn {
        account: account(request),
        end: TurnEnd::Completed,
        failure: None,
        text: text.to_owned(),
        is_left_over: false,
        stop_reason: Some(StopReason::EndTurn),
        attempts: vec![attempt(TOKENS)],
        first_text_at: Some(at(11)),
        ended_at: at(12),
    }
}

/// An id that no row has.
pub(crate) const NO_CHAT: ChatId = ChatId::from_stored(999_999);

/// An id that no row has.
pub(crate) const NO_USER: UserId = UserId::from_stored(999_999);

/// The idle time of sessions in these tests, in seconds.
pub(crate) const IDLE_SECONDS: i64 = 500;

/// Sessions at a moment.
pub(crate) fn live_at(second: i64) -> LiveAt {
    LiveAt {
        now: at(second),
        seen_after: at(second - IDLE_SECONDS),
    }
}

/// A session that begins at a moment and lives for 1,000 seconds. Its first refresh secret has the
/// hash of its number.
pub(crate) fn new_session(number: u8, user: &User, second: i64) -> NewSession {
    NewSession {
        id: SessionId::from_uuid(Uuid::from_u128(number.into())),
        user_id: user.id,
        at: live_at(second),
        expires_at: at(second + 1000),
        refresh_hash: [number; 32],
        user_agent: Some("Browser/1".to_owned()),
        client_address: Some("192.0.2.7".to_owned()),
        max_live: 20,
    }
}
