//! Begin and end of turns per second through the port, beside the same statements in a bare loop
//! with group commit, in one run, and reads of a page of messages: `cargo bench -p lionrocket-sqlite-adapter`.

#![expect(clippy::unwrap_used, reason = "a bench that fails should stop")]

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use diesel::{
    Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_types::BigInt,
};
use futures_util::future::join_all;
use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    calendar::Day,
    character::{CharacterDraft, Visibility},
    ids::{CharacterId, ChatId, MessageId, NodeId, SessionId, TurnId, UserId},
    page::PageSize,
    text::{
        CharacterName, Description, EmailAddress, Greeting, MessageText, SystemPrompt, Username,
    },
    turn::TurnEnd,
    usage::{Attempt, Charge, ChargeAccount, TokenUsage},
};
use lionrocket_ports::{
    accounts::{AccountMaker, CreateUserOutcome, NewUser, UserRepository},
    characters::CharacterRepository,
    chats::ChatRepository,
    turns::{
        BeginOutcome, BeginTurn, FinishOutcome, FinishTurn, NewMessages, TurnBudget, TurnStore,
    },
};
use lionrocket_sql_model::{
    chats::{BeginFactsRow, FindBeginFacts, MoveHead, TouchChat},
    messages::{CountUserMessage, EndReply, FindMessage, InsertMessage, MessageRow},
    static_query,
    statistics::{AddToAccountDay, AddToCharacterDay, AddToLatencyDay, AddToModelDay},
    turns::{EndTurn, FindTurn, InsertTurn, TurnRow},
    usage::{AddToDay, InsertAttempt, InsertCharge},
};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use lionrocket_test_support::audit_seal;
use tokio::sync::oneshot;
use uuid::Uuid;

static_query! {
    /// The id of the row that was inserted last.
    struct LastInserted {}
    rows (BigInt,);
    "SELECT last_insert_rowid()"
}

const TASKS: usize = 64;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);
const TEXT: &str = "오늘 하루는 어땠어요? 바다에 안개가 많이 끼었네요.";
const REPLY: &str = "안개가 끼면 등대는 더 바빠져요. 그래도 오늘은 배가 두 척뿐이라 차를 마실 시간이 \
     있었어요. 당신의 하루도 그렇게 조용했으면 좋겠네요.";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let store = runtime.block_on(measure_store());
        let bare = runtime.block_on(measure_bare());
        let ratio = store / bare;
        println!("round {round}: port {store:.0}/s, bare loop {bare:.0}/s, ratio {ratio:.2}");
        ratios.push(ratio);
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2} (bar: 0.60)", ratios[ROUNDS / 2]);
    let pages = runtime.block_on(measure_pages());
    println!("pages of 50 messages of 2,000: {pages:.0}/s");
}

/// A chat of the bench, each of another user.
#[derive(Clone, Copy)]
struct Seat {
    user_id: UserId,
    chat_id: ChatId,
}

async fn seats(store: &SqliteStore) -> Vec<Seat> {
    let now = Timestamp::UNIX_EPOCH;
    let draft = CharacterDraft {
        name: CharacterName::parse("등대지기").unwrap(),
        system_prompt: SystemPrompt::parse("You keep a lighthouse.").unwrap(),
        greeting: Greeting::parse("").unwrap(),
        description: Description::parse("").unwrap(),
        visibility: Visibility::Public,
    };
    let character = CharacterRepository::create(store, None, draft, now).await;
    let character = character.unwrap().id;
    let mut seats = Vec::new();
    for number in 0..TASKS {
        let user = NewUser {
            username: Username::parse(&format!("user{number}")).unwrap(),
            email: EmailAddress::parse(&format!("user{number}@example.com")).unwrap(),
            password_hash: String::new().into(),
            is_admin: false,
            created_at: now,
            invite: None,
            created_on: Day::parse("2026-11-22").unwrap(),
            made_by: AccountMaker::Person { consent_version: 1 },
        };
        let CreateUserOutcome::Created(user) = UserRepository::create(store, user).await.unwrap()
        else {
            panic!("the store is empty");
        };
        let actor = Actor {
            user_id: user.id,
            session_id: SessionId::from_uuid(Uuid::nil()),
            is_admin: false,
        };
        let chat = ChatRepository::create(store, actor, character, None, now).await;
        seats.push(Seat {
            user_id: user.id,
            chat_id: chat.unwrap().unwrap().id,
        });
    }
    seats
}

/// A time-ordered id, as the service makes them.
fn turn_id() -> TurnId {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = u128::from(NEXT.fetch_add(1, Ordering::Relaxed));
    TurnId::from_uuid(Uuid::from_u128(
        0x0199_0000_0000_7000_8000_0000_0000_0000 + number,
    ))
}

fn begin_request(seat: Seat, parent_id: Option<MessageId>) -> BeginTurn {
    BeginTurn {
        turn_id: turn_id(),
        user_id: seat.user_id,
        chat_id: seat.chat_id,
        messages: NewMessages::Exchange {
            parent_id,
            parent_must_be_head: true,
            text: MessageText::parse(TEXT, 200).unwrap(),
        },
        idempotency: None,
        node_id: NodeId::from_uuid(Uuid::nil()),
        lease_until: Timestamp::UNIX_EPOCH,
        accepted_at: Timestamp::UNIX_EPOCH,
        usage_date: Day::parse("2026-11-22").unwrap(),
        max_running_per_user: 2,
        character_id: Some(CharacterId::from_stored(1)),
        budget: TurnBudget::default(),
    }
}

fn finish_request(begin: &BeginTurn) -> FinishTurn {
    FinishTurn {
        account: ChargeAccount {
            turn_id: begin.turn_id,
            user_id: begin.user_id,
            chat_id: begin.chat_id,
            character_id: Some(CharacterId::from_stored(1)),
            usage_date: begin.usage_date,
            accepted_at: begin.accepted_at,
        },
        end: TurnEnd::Completed,
        failure: None,
        text: REPLY.to_owned(),
        is_left_over: false,
        stop_reason: None,
        attempts: vec![Attempt {
            charge: Charge {
                model: "claude-haiku-5-5".to_owned(),
                tokens: TokenUsage {
                    input: 100,
                    output: 50,
                    ..TokenUsage::default()
                },
                cost_micro_usd: 35,
                price_version: "2026-11-22".to_owned(),
                estimated: false,
            },
            upstream_request_id: None,
        }],
        first_text_at: Some(Timestamp::UNIX_EPOCH),
        ended_at: Timestamp::UNIX_EPOCH,
    }
}

/// Counts what all tasks get done in a round, per second.
async fn rate<F>(seats: Vec<Seat>, work: impl Fn(Seat, Instant) -> F) -> f64
where
    F: Future<Output = u32>,
{
    let start = Instant::now();
    let counts = join_all(seats.into_iter().map(|seat| work(seat, start + ROUND))).await;
    f64::from(counts.iter().sum::<u32>()) / start.elapsed().as_secs_f64()
}

async fn measure_store() -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&SqliteOptions::new(
        directory.path().join("app.db"),
        audit_seal(),
    ))
    .unwrap();
    let seats = seats(&store).await;
    let port: Arc<dyn TurnStore> = Arc::new(store.clone());
    let rate = rate(seats, |seat, until| {
        let port = Arc::clone(&port);
        let turns = async move {
            let mut parent = None;
            let mut count = 0;
            while Instant::now() < until {
                let request = begin_request(seat, parent);
                let finish = finish_request(&request);
                let BeginOutcome::Started(started) = port.begin(request).await.unwrap() else {
                    panic!("nobody else uses this chat");
                };
                parent = Some(started.turn.assistant_message_id);
                let outcome = port.finish(finish).await.unwrap();
                assert!(matches!(outcome, FinishOutcome::Finished(_)));
                count += 1;
            }
            count
        };
        spawned(turns)
    })
    .await;
    store.close().await;
    rate
}

/// Reads of the newest page of a chat of 2,000 messages.
async fn measure_pages() -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&SqliteOptions::new(
        directory.path().join("app.db"),
        audit_seal(),
    ))
    .unwrap();
    let seats = seats(&store).await;
    let seat = seats[0];
    let mut parent = None;
    for _ in 0..1000 {
        let request = begin_request(seat, parent);
        let finish = finish_request(&request);
        let BeginOutcome::Started(started) = store.begin(request).await.unwrap() else {
            panic!("nobody else uses this chat");
        };
        parent = Some(started.turn.assistant_message_id);
        store.finish(finish).await.unwrap();
    }
    let port: Arc<dyn ChatRepository> = Arc::new(store.clone());
    let rate = rate(seats, |_, until| {
        let port = Arc::clone(&port);
        let reads = async move {
            let mut count = 0;
            while Instant::now() < until {
                let page = port
                    .messages(seat.user_id, seat.chat_id, None, PageSize::default())
                    .await;
                assert_eq!(page.unwrap().unwrap().items.len(), 50);
                count += 1;
            }
            count
        };
        spawned(reads)
    })
    .await;
    store.close().await;
    rate
}

#[expect(clippy::disallowed_methods, reason = "the bench waits for its tasks")]
async fn spawned(task: impl Future<Output = u32> + Send + 'static) -> u32 {
    tokio::spawn(task).await.unwrap()
}

type BareJob = Box<dyn FnOnce(&mut SqliteConnection) -> Box<dyn FnOnce() + Send> + Send>;

/// A loop with group commit and nothing else: no savepoints, no checks, no errors told.
fn bare_loop(path: &Path) -> (mpsc::SyncSender<BareJob>, JoinHandle<()>) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    for pragma in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "PRAGMA foreign_keys = ON",
        "PRAGMA temp_store = MEMORY",
        "PRAGMA mmap_size = 0",
        "PRAGMA secure_delete = ON",
    ] {
        connection.batch_execute(pragma).unwrap();
    }
    let (sender, queue) = mpsc::sync_channel::<BareJob>(1024);
    let thread = thread::spawn(move || {
        while let Ok(first) = queue.recv() {
            connection.batch_execute("BEGIN IMMEDIATE").unwrap();
            let mut answers = vec![first(&mut connection)];
            while answers.len() < 256
                && let Ok(job) = queue.try_recv()
            {
                answers.push(job(&mut connection));
            }
            connection.batch_execute("COMMIT").unwrap();
            for answer in answers {
                answer();
            }
        }
    });
    (sender, thread)
}

async fn bare_call<T: Send + 'static>(
    queue: &mpsc::SyncSender<BareJob>,
    work: impl FnOnce(&mut SqliteConnection) -> T + Send + 'static,
) -> T {
    let (reply, answer) = oneshot::channel();
    let job: BareJob = Box::new(move |connection| {
        let value = work(connection);
        Box::new(move || drop(reply.send(value)))
    });
    queue.send(job).unwrap();
    answer.await.unwrap()
}

async fn measure_bare() -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("app.db");
    let store = SqliteStore::open(&SqliteOptions::new(&path, audit_seal())).unwrap();
    let seats = seats(&store).await;
    store.close().await;
    let (queue, thread) = bare_loop(&path);
    let rate = rate(seats, |seat, until| {
        let queue = queue.clone();
        let turns = async move {
            let mut parent = None;
            let mut count = 0;
            while Instant::now() < until {
                let request = begin_request(seat, parent);
                let finish = finish_request(&request);
                let (user, reply) = bare_call(&queue, move |c| bare_begin(c, &request)).await;
                parent = Some(MessageId::from_stored(reply));
                bare_call(&queue, move |c| bare_finish(c, &finish, user, reply)).await;
                count += 1;
            }
            count
        };
        spawned(turns)
    })
    .await;
    drop(queue);
    thread.join().unwrap();
    rate
}

fn bare_begin(connection: &mut SqliteConnection, request: &BeginTurn) -> (i64, i64) {
    let chat_id = request.chat_id.get();
    let now = request.accepted_at.into();
    let turn_id = request.turn_id.to_string();
    let NewMessages::Exchange {
        parent_id, text, ..
    } = &request.messages
    else {
        panic!("a benchmark says something new");
    };
    let parent_id = parent_id.map(MessageId::get);
    let facts: BeginFactsRow = FindBeginFacts {
        user_id: request.user_id.get(),
        id: chat_id,
        parent_id,
        parent_role: "assistant",
    }
    .get_result(connection)
    .unwrap();
    let depth = facts.parent_depth.map_or(0, |depth| depth + 1);
    let mut message = |role, content, parent_id, depth, status| -> i64 {
        InsertMessage {
            chat_id,
            role,
            content,
            created_at: now,
            parent_id,
            depth,
            turn_id: Some(&turn_id),
            status,
        }
        .execute(connection)
        .unwrap();
        let (id,): (i64,) = (LastInserted {}).get_result(connection).unwrap();
        id
    };
    let user = message("user", text.as_str(), parent_id, depth, "complete");
    let reply = message("assistant", "", Some(user), depth + 1, "streaming");
    InsertTurn {
        id: &turn_id,
        user_id: request.user_id.get(),
        chat_id,
        character_id: facts.character_id,
        user_message_id: user,
        assistant_message_id: reply,
        node_id: &request.node_id.to_string(),
        lease_until: request.lease_until.into(),
        idempotency_key: None,
        request_hash: None,
        usage_date: &request.usage_date.to_string(),
        accepted_at: now,
        resumed_from: 0,
    }
    .execute(connection)
    .unwrap();
    MoveHead {
        id: chat_id,
        head_message_id: Some(reply),
        last_message_at: now,
    }
    .execute(connection)
    .unwrap();
    (user, reply)
}

fn bare_finish(connection: &mut SqliteConnection, request: &FinishTurn, user: i64, reply: i64) {
    let turn_id = request.account.turn_id.to_string();
    let usage_date = request.account.usage_date.to_string();
    let charge = &request.attempts[0].charge;
    let now = request.ended_at.into();
    EndTurn {
        id: &turn_id,
        state: "completed",
        error_code: None,
        first_text_at: Some(now),
        resumed_from: None,
        ended_at: now,
    }
    .execute(connection)
    .unwrap();
    let _: TurnRow = FindTurn { id: &turn_id }.get_result(connection).unwrap();
    EndReply {
        id: reply,
        content: &request.text,
        status: "complete",
        model: Some(&charge.model),
        stop_reason: None,
        input_tokens: 100,
        output_tokens: 50,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
    }
    .execute(connection)
    .unwrap();
    CountUserMessage {
        id: user,
        token_count: 100,
    }
    .execute(connection)
    .unwrap();
    for id in [user, reply] {
        let chat_id = request.account.chat_id.get();
        let _: MessageRow = FindMessage { chat_id, id }.get_result(connection).unwrap();
    }
    bare_charge(connection, request);
    bare_statistics(connection, &usage_date, &charge.model);
    TouchChat {
        id: request.account.chat_id.get(),
        last_message_at: now,
    }
    .execute(connection)
    .unwrap();
}

fn bare_charge(connection: &mut SqliteConnection, request: &FinishTurn) {
    let turn_id = request.account.turn_id.to_string();
    let usage_date = request.account.usage_date.to_string();
    let charge = &request.attempts[0].charge;
    let now = request.ended_at.into();
    InsertAttempt {
        turn_id: &turn_id,
        attempt: 1,
        upstream_request_id: None,
        model: &charge.model,
        input_tokens: 100,
        output_tokens: 50,
        cache_read_tokens: 0,
        cache_write_5m_tokens: 0,
        cache_write_1h_tokens: 0,
        cost_micro_usd: 35,
        price_version: &charge.price_version,
        estimated: false,
        created_at: now,
    }
    .execute(connection)
    .unwrap();
    InsertCharge {
        turn_id: &turn_id,
        user_id: Some(request.account.user_id.get()),
        chat_id: request.account.chat_id.get(),
        character_id: Some(1),
        usage_date: &usage_date,
        model: &charge.model,
        input_tokens: 100,
        output_tokens: 50,
        cache_read_tokens: 0,
        cache_write_5m_tokens: 0,
        cache_write_1h_tokens: 0,
        cost_micro_usd: 35,
        price_version: &charge.price_version,
        estimated: false,
        created_at: now,
        kind: "reply",
    }
    .execute(connection)
    .unwrap();
    let (exchanges,): (i64,) = AddToDay {
        user_id: Some(request.account.user_id.get()),
        usage_date: &usage_date,
        exchanges: 1,
        total_tokens: 150,
        input_tokens: 100,
        output_tokens: 50,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        cost_micro_usd: 35,
    }
    .get_result(connection)
    .unwrap();
    if exchanges == 1 {
        AddToAccountDay {
            usage_date: &usage_date,
            new_accounts: 0,
            erased_accounts: 0,
            active_accounts: 1,
        }
        .execute(connection)
        .unwrap();
    }
}

fn bare_statistics(connection: &mut SqliteConnection, usage_date: &str, model: &str) {
    AddToModelDay {
        usage_date,
        model,
        exchanges: 1,
        input_tokens: 100,
        output_tokens: 50,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        cost_micro_usd: 35,
        completed: 1,
        stopped: 0,
        failed: 0,
        interrupted: 0,
    }
    .execute(connection)
    .unwrap();
    AddToCharacterDay {
        usage_date,
        character_id: 1,
        exchanges: 1,
        total_tokens: 150,
        cost_micro_usd: 35,
    }
    .execute(connection)
    .unwrap();
    AddToLatencyDay {
        usage_date,
        bucket: 0,
    }
    .execute(connection)
    .unwrap();
}
