//! What the tests share: fixed time and ids, a spawner, ready-made values.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    access::Actor,
    account::User,
    chat::{Message, MessageStatus, PastMessage, Role},
    ids::{ChatId, MessageId, SessionId, TurnId, UserId},
    text::{EmailAddress, Username},
    usage::TokenUsage,
};
use lionrocket_ports::runtime::{BackgroundTask, Clock, IdGenerator, Spawner};
use uuid::Uuid;

/// A clock that stands still.
pub(crate) struct FixedClock;

pub(crate) fn now() -> Timestamp {
    "2026-11-22T09:00:00Z".parse().unwrap()
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        now()
    }
}

/// Ids that are the same in every run.
pub(crate) struct FixedIds;

impl IdGenerator for FixedIds {
    fn turn_id(&self) -> TurnId {
        turn_id()
    }

    fn session_id(&self) -> SessionId {
        session_id()
    }
}

pub(crate) fn turn_id() -> TurnId {
    TurnId::from_uuid(Uuid::from_u128(1))
}

pub(crate) fn session_id() -> SessionId {
    SessionId::from_uuid(Uuid::from_u128(2))
}

/// Keeps tasks for the test to run.
#[derive(Default)]
pub(crate) struct HeldTask(Mutex<VecDeque<BackgroundTask>>);

impl HeldTask {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Runs the task that was spawned first.
    pub(crate) async fn run(&self) {
        let task = self.0.lock().unwrap().pop_front();
        let task = task.expect("nothing was spawned");
        task.await;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

impl Spawner for HeldTask {
    fn spawn(&self, _name: &'static str, task: BackgroundTask) {
        self.0.lock().unwrap().push_back(task);
    }
}

pub(crate) fn user(id: i64, is_admin: bool) -> User {
    User {
        id: UserId::from_stored(id),
        username: Username::parse("haru").unwrap(),
        email: EmailAddress::parse("haru@example.com").unwrap(),
        is_admin,
        is_active: true,
        display_name: None,
        locale: None,
        token_version: 3,
        created_at: now(),
        daily_token_budget: None,
        version: 1,
        deleted_at: None,
    }
}

pub(crate) fn actor(id: i64, is_admin: bool) -> Actor {
    Actor {
        user_id: UserId::from_stored(id),
        session_id: session_id(),
        is_admin,
    }
}

/// A message of the branch that a model is sent.
pub(crate) fn past_message(id: i64, role: Role, content: &str) -> PastMessage {
    PastMessage {
        id: MessageId::from_stored(id),
        parent_id: (id > 1).then(|| MessageId::from_stored(id - 1)),
        depth: id - 1,
        role,
        content: content.to_owned(),
        status: MessageStatus::Complete,
        stop_reason: None,
    }
}

pub(crate) fn message(id: i64, role: Role, content: &str, status: MessageStatus) -> Message {
    Message {
        id: MessageId::from_stored(id),
        chat_id: ChatId::from_stored(1),
        parent_id: (id > 1).then(|| MessageId::from_stored(id - 1)),
        depth: id - 1,
        role,
        content: content.to_owned(),
        status,
        turn_id: Some(turn_id()),
        model: None,
        stop_reason: None,
        token_count: 0,
        tokens: TokenUsage::default(),
        created_at: now(),
    }
}

pub(crate) fn hours(count: i64) -> SignedDuration {
    SignedDuration::from_hours(count)
}
