//! Everything that is kept of a person.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use lionrocket_app::{
    export::{Export, ExportPiece, ExportPorts, ExportService},
    sessions::{Authenticated, SessionError},
};
use lionrocket_domain::{
    account::User,
    calendar::{DayRange, StatsZone},
    chat::{Chat, ChatCharacter, MessageStatus, Role},
    ids::{ChatId, MessageId},
    page::Page,
    text::{Description, Greeting},
};
use lionrocket_ports::{
    StoreError, admin::MockAdminRepository, characters::MockCharacterRepository,
    chats::MockChatRepository, summaries::MockSummaryStore, usage::MockUsageRepository,
};

use crate::{
    sessions::SessionMocks,
    support::{FixedClock, actor, message, now, user},
};

fn chat(id: i64) -> Chat {
    Chat {
        id: ChatId::from_stored(id),
        user_id: actor(2, false).user_id,
        character: ChatCharacter {
            id: None,
            name: "하루".to_owned(),
            description: Description::from_stored(String::new()),
            greeting: Greeting::from_stored(String::new()),
            is_available: false,
        },
        title: None,
        head_message_id: None,
        preview: None,
        running_turn_id: None,
        pinned: false,
        version: 1,
        created_at: now(),
        last_message_at: now(),
    }
}

/// A store of two pages of chats with two pages of messages each, which counts what is read.
#[derive(Default)]
struct Mocks {
    reads: Arc<AtomicUsize>,
    ranges: Arc<Mutex<Vec<DayRange>>>,
    /// From which read on the store fails.
    fails_from: Option<usize>,
}

impl Mocks {
    fn service(&self) -> ExportService {
        let counted = || {
            let (reads, fails_from) = (self.reads.clone(), self.fails_from);
            move || {
                let number = reads.fetch_add(1, Ordering::Relaxed);
                if fails_from.is_some_and(|first| number >= first) {
                    return Err(StoreError::Unavailable("gone".into()));
                }
                Ok(())
            }
        };
        let mut characters = MockCharacterRepository::new();
        let read = counted();
        characters.expect_list().returning(move |_, filter| {
            assert!(filter.mine && !filter.public);
            read().map(|()| Page {
                items: Vec::new(),
                next: None,
            })
        });
        let mut chats = MockChatRepository::new();
        let read = counted();
        chats.expect_list_by_id().returning(move |owner, after, _| {
            assert_eq!(owner, actor(2, false).user_id);
            let id = after.map_or(1, |after| after.get() + 1);
            read().map(|()| Page {
                items: vec![chat(id)],
                next: (id < 2).then(|| ChatId::from_stored(id)),
            })
        });
        let read = counted();
        chats
            .expect_messages_by_id()
            .returning(move |_, _, after, _| {
                let id = after.map_or(1, |after| after.get() + 1);
                read().map(|()| Page {
                    items: vec![message(id, Role::User, "hi", MessageStatus::Complete)],
                    next: (id < 2).then(|| MessageId::from_stored(id)),
                })
            });
        let mut usage = MockUsageRepository::new();
        let (read, ranges) = (counted(), self.ranges.clone());
        usage.expect_days().returning(move |_, range| {
            ranges.lock().unwrap().push(range);
            read().map(|()| Vec::new())
        });
        let mut summaries = MockSummaryStore::new();
        summaries.expect_list().returning(|_, _| Ok(Vec::new()));
        let mut accounts = MockAdminRepository::new();
        let read = counted();
        accounts.expect_views_of().returning(move |_, _, _| {
            read().map(|()| Page {
                items: Vec::new(),
                next: None,
            })
        });
        let mut sessions = SessionMocks::default();
        sessions
            .sessions
            .expect_list()
            .returning(|_, _| Ok(Vec::new()));
        let ports = ExportPorts {
            accounts: Arc::new(accounts),
            characters: Arc::new(characters),
            chats: Arc::new(chats),
            summaries: Arc::new(summaries),
            usage: Arc::new(usage),
            clock: Arc::new(FixedClock),
        };
        let zone = StatsZone::parse("Asia/Seoul").unwrap();
        ExportService::new(ports, Arc::new(sessions.service()), zone)
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }
}

fn somebody(reauthenticated_at: Option<Timestamp>) -> Authenticated {
    Authenticated {
        actor: actor(2, false),
        user: user(2, false),
        reauthenticated_at,
        session_expires_at: now(),
    }
}

async fn begun(mocks: &Mocks, who: &Authenticated) -> Export {
    mocks.service().begin(who, true).await.unwrap()
}

#[tokio::test]
async fn no_page_is_read_before_its_piece_is_asked_for() {
    let mocks = Mocks::default();
    let mut export = begun(&mocks, &somebody(Some(now()))).await;
    let mut kinds = Vec::new();
    let mut most_ahead = 0;
    let mut before = mocks.reads();
    assert_eq!(before, 0, "nothing but the sessions");
    while let Some(piece) = export.pieces.next().await {
        kinds.push(match piece.unwrap() {
            ExportPiece::Characters(_) => "characters",
            ExportPiece::Chat(..) => "chat",
            ExportPiece::Messages(page) => {
                assert_eq!(page.len(), 1);
                "messages"
            }
            ExportPiece::Usage(_) => "usage",
            ExportPiece::AdminViews(_) => "views",
        });
        // However long the one who reads takes, nothing is read meanwhile.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        most_ahead = most_ahead.max(mocks.reads() - before);
        before = mocks.reads();
    }
    assert_eq!(most_ahead, 1, "a page at a time");
    let chat = ["chat", "messages", "messages"];
    let expected = [&["characters"], &chat[..], &chat, &["usage", "views"]].concat();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn an_export_needs_the_password_again() {
    let mocks = Mocks::default();
    for moment in [None, Some(now() - SignedDuration::from_mins(5))] {
        let refused = mocks.service().begin(&somebody(moment), true).await;
        assert!(matches!(
            refused.map(|_| ()),
            Err(SessionError::ReauthenticationRequired)
        ));
    }
    assert_eq!(mocks.reads(), 0);
}

#[tokio::test]
async fn nothing_comes_after_an_error() {
    let mocks = Mocks {
        fails_from: Some(3),
        ..Mocks::default()
    };
    let export = begun(&mocks, &somebody(Some(now()))).await;
    let pieces: Vec<_> = export.pieces.collect().await;
    assert_eq!(pieces.len(), 4);
    assert!(matches!(
        pieces.last(),
        Some(Err(StoreError::Unavailable(_)))
    ));
    assert_eq!(mocks.reads(), 4);
}

#[tokio::test]
async fn usage_is_read_year_by_year_since_the_account_was_made() {
    let mocks = Mocks::default();
    let who = Authenticated {
        user: User {
            created_at: "2024-11-20T12:00:00Z".parse().unwrap(),
            ..user(2, false)
        },
        ..somebody(Some(now()))
    };
    let export = begun(&mocks, &who).await;
    assert!(export.pieces.all(async |piece| piece.is_ok()).await);
    let ranges = mocks.ranges.lock().unwrap();
    let days: Vec<_> = ranges
        .iter()
        .map(|range| (range.from.to_string(), range.to.to_string()))
        .collect();
    let expected = [
        ("2024-11-19", "2025-11-19"),
        ("2025-11-20", "2026-11-20"),
        ("2026-11-21", "2026-11-22"),
    ];
    let expected = expected.map(|(from, to)| (from.to_owned(), to.to_owned()));
    assert_eq!(days, expected);
}
