//! A database with history, written through the store's own ports.

use std::path::Path;

use anyhow::{Context, Result, bail};
use jiff::{SignedDuration, Timestamp};
use lionrocket_crypto_adapter::{Argon2Hasher, HashCost, HashLimits};
use lionrocket_domain::{
    access::Actor,
    calendar::StatsZone,
    character::{CharacterDraft, Visibility},
    chat::Chat,
    ids::{MessageId, NodeId, SessionId, TurnId},
    text::{
        CharacterName, ChatTitle, Description, EmailAddress, Greeting, MessageText, Password,
        SystemPrompt, Username,
    },
    turn::{StopReason, TurnEnd},
    usage::{Attempt, Charge, ChargeAccount, TokenUsage},
};
use lionrocket_ports::{
    accounts::{AccountMaker, CreateUserOutcome, NewUser, UserRepository},
    characters::CharacterRepository,
    chats::ChatRepository,
    crypto::PasswordHasher,
    turns::{BeginOutcome, BeginTurn, FinishTurn, NewMessages, TurnBudget, TurnStore},
};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use lionrocket_test_support::audit_seal;
use uuid::Uuid;

/// The seeded person.
pub(crate) const USERNAME: &str = "bench";
/// Their password.
pub(crate) const PASSWORD: &str = "bench-password-7x";
/// Titles by which the chats are found again.
pub(crate) const LONG_TITLE: &str = "long";
/// A chat of 2,000 messages, for reading pages.
pub(crate) const PAGE_TITLE: &str = "page";
/// A chat that is just longer than what is sent to the model.
pub(crate) const WINDOW_TITLE: &str = "window";
/// Chats of ten messages. Many, since each exchange makes its chat longer.
pub(crate) const SHORT_TITLE: &str = "short";
/// How many of them there are: as many as a page of the list shows.
const SHORT_CHATS: usize = 100;
/// What the person says in each exchange.
pub(crate) const SAID: &str = "How was your day by the sea? It rained here, and I read.";
/// What the character answers.
pub(crate) const ANSWERED: &str =
    "The lamp burned well and the gulls were loud; I thought of your books.";
/// The length of the long chat in messages.
pub(crate) const LONG_CHAT: usize = 100_000;

/// Writes a person with a short, a middling and a long chat.
pub(crate) async fn chats(path: &Path, long: usize) -> Result<()> {
    let store = SqliteStore::open(&SqliteOptions::new(path, audit_seal()))?;
    let now: Timestamp = "2026-11-01T00:00:00Z".parse()?;
    let user = NewUser {
        username: Username::parse(USERNAME)?,
        email: EmailAddress::parse("bench@example.com")?,
        password_hash: Argon2Hasher::new(HashCost::default(), HashLimits::default())?
            .hash(Password::choose(PASSWORD, 8)?)
            .await?,
        is_admin: false,
        created_at: now,
        invite: None,
        created_on: StatsZone::parse("Asia/Seoul")
            .context("a time zone")?
            .day_of(now),
        made_by: AccountMaker::Person { consent_version: 1 },
    };
    let CreateUserOutcome::Created(user) = UserRepository::create(&store, user).await? else {
        bail!("the person is there already")
    };
    let actor = Actor {
        user_id: user.id,
        session_id: SessionId::from_uuid(Uuid::nil()),
        is_admin: false,
    };
    let draft = CharacterDraft {
        name: CharacterName::parse("Haru")?,
        system_prompt: SystemPrompt::parse(&"You keep a lighthouse. ".repeat(30))?,
        greeting: Greeting::parse("")?,
        description: Description::parse("")?,
        visibility: Visibility::Public,
    };
    let character = CharacterRepository::create(&store, Some(user.id), draft, now)
        .await?
        .id;
    let longer = [(WINDOW_TITLE, 200), (PAGE_TITLE, 2_000), (LONG_TITLE, long)];
    for (title, messages) in [(SHORT_TITLE, 10); SHORT_CHATS].into_iter().chain(longer) {
        let title = Some(ChatTitle::parse(title)?);
        let chat = ChatRepository::create(&store, actor, character, title, now)
            .await?
            .context("no chat")?;
        fill(&store, &chat, messages / 2).await?;
    }
    for _ in 0..100 {
        ChatRepository::create(&store, actor, character, None, now)
            .await?
            .context("no chat")?;
    }
    store.close().await;
    Ok(())
}

/// Writes exchanges one after the other.
async fn fill(store: &SqliteStore, chat: &Chat, exchanges: usize) -> Result<()> {
    let (user_id, chat_id) = (chat.user_id, chat.id);
    let zone = StatsZone::parse("Asia/Seoul").context("no zone")?;
    let mut parent: Option<MessageId> = None;
    for number in 0..exchanges {
        let accepted_at = Timestamp::from_second(1_761_955_200 + i64::try_from(number)?)?;
        let account = ChargeAccount {
            turn_id: TurnId::from_uuid(Uuid::from_u128(
                (u128::from(chat_id.get().unsigned_abs()) << 64) | u128::try_from(number)?,
            )),
            user_id,
            chat_id,
            character_id: None,
            usage_date: zone.day_of(accepted_at),
            accepted_at,
        };
        let begin = BeginTurn {
            turn_id: account.turn_id,
            user_id,
            chat_id,
            messages: NewMessages::Exchange {
                parent_id: parent,
                parent_must_be_head: true,
                text: MessageText::parse(SAID, 200)?,
            },
            idempotency: None,
            node_id: NodeId::from_uuid(Uuid::nil()),
            lease_until: accepted_at + SignedDuration::from_secs(30),
            accepted_at,
            usage_date: account.usage_date,
            max_running_per_user: 2,
            character_id: chat.character.id,
            budget: TurnBudget::default(),
        };
        let BeginOutcome::Started(started) = store.begin(begin).await? else {
            bail!("the turn did not begin")
        };
        parent = Some(started.assistant_message.id);
        store.finish(finish(account)).await?;
    }
    Ok(())
}

fn finish(account: ChargeAccount) -> FinishTurn {
    FinishTurn {
        account,
        end: TurnEnd::Completed,
        failure: None,
        text: ANSWERED.to_owned(),
        is_left_over: false,
        stop_reason: Some(StopReason::EndTurn),
        attempts: vec![Attempt {
            charge: Charge {
                model: "claude-haiku-5-5".to_owned(),
                tokens: TokenUsage {
                    input: 60,
                    output: 20,
                    ..TokenUsage::default()
                },
                cost_micro_usd: 16,
                price_version: "seed".to_owned(),
                estimated: false,
            },
            upstream_request_id: None,
        }],
        first_text_at: Some(account.accepted_at),
        ended_at: account.accepted_at,
    }
}
