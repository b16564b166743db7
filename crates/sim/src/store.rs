//! The store as one process reaches it: slow, at times away, and gone with the process.
//!
//! Behind it is the real store and not a double, so that the worlds test what is served. A call to
//! it blocks the whole world: the clock only jumps when everybody waits for time to pass.

use std::{
    future::{Future, pending},
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    chat::{BranchMessage, Chat, Message},
    ids::{CharacterId, ChatId, MessageId, NodeId, TurnId, UserId},
    page::{Page, PageSize},
    summary::Summary,
    text::ChatTitle,
    turn::TurnRecord,
    usage::ChargeAccount,
};
use lionrocket_ports::{
    StoreError, StoreResult,
    characters::UpdateOutcome,
    chats::{
        ChatChange, ChatCursor, ChatFilter, ChatRepository, ShowOutcome, TurnContextOutcome,
        TurnPlace,
    },
    summaries::{
        BeginSummary, BeginSummaryOutcome, ChangeSummaryOutcome, FinishSummary,
        FinishSummaryOutcome, SummaryChange, SummaryState, SummaryStore,
    },
    turns::{
        BeginOutcome, BeginTurn, CheckpointOutcome, FinishOutcome, FinishTurn, OrphanedTurn,
        ReplyCheckpoint, ResumeOutcome, ResumeTurn, TurnStore,
    },
};
use lionrocket_sqlite_adapter::SqliteStore;
use rand::{Rng as _, rngs::StdRng};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// What is built into the store to see whether it is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flaw {
    /// Nothing.
    #[default]
    None,
    /// Now and then a turn ends without its charge.
    ForgetsCharges,
    /// Now and then a turn ends with less text than was shown.
    ForgetsWords,
    /// A turn that another process works on is given away.
    ForgetsAttempts,
}

/// Chance, the same for everybody in a world.
pub(crate) type Chance = Arc<Mutex<StdRng>>;

/// Draws from the world's chance.
pub(crate) fn draw<T>(chance: &Chance, from: impl FnOnce(&mut StdRng) -> T) -> T {
    from(&mut chance.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The store of one process.
pub(crate) struct Desk {
    pub(crate) store: SqliteStore,
    pub(crate) chance: Chance,
    pub(crate) flaw: Flaw,
    /// Until when the store is away.
    pub(crate) away_until: Arc<Mutex<Instant>>,
    /// The process is dead: nothing is answered any more.
    pub(crate) dead: CancellationToken,
    /// At which call the process dies, before it is answered; 0 for none.
    pub(crate) last_call: AtomicU32,
}

impl Desk {
    /// Makes a call, unless the store is away or the process dies before the answer.
    async fn call<T>(&self, work: impl Future<Output = StoreResult<T>> + Send) -> StoreResult<T> {
        self.pause().await;
        if self.dead.is_cancelled() {
            return pending().await;
        }
        let away_until = *self
            .away_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if Instant::now() < away_until {
            return Err(StoreError::Unavailable("it is away".into()));
        }
        let answer = block_on(work);
        let counted = self
            .last_call
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            });
        if counted == Ok(1) {
            self.dead.cancel();
            return pending().await;
        }
        self.pause().await;
        answer
    }

    async fn pause(&self) {
        let millis = draw(&self.chance, |rng| match rng.random_range(0..20) {
            0 => rng.random_range(0..1_500),
            _ => rng.random_range(0..15),
        });
        sleep(Duration::from_millis(millis)).await;
    }

    fn is_flawed(&self, flaw: Flaw) -> bool {
        self.flaw == flaw && draw(&self.chance, |rng| rng.random_bool(0.05))
    }
}

/// Waits for a future without letting the runtime's clock run.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park();
    }
}

#[async_trait]
impl TurnStore for Desk {
    async fn begin(&self, request: BeginTurn) -> StoreResult<BeginOutcome> {
        self.call(TurnStore::begin(&self.store, request)).await
    }

    async fn checkpoint(&self, checkpoint: ReplyCheckpoint) -> StoreResult<CheckpointOutcome> {
        self.call(self.store.checkpoint(checkpoint)).await
    }

    async fn request_stop(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
        now: Timestamp,
    ) -> StoreResult<Option<TurnRecord>> {
        self.call(self.store.request_stop(owner, chat_id, turn_id, now))
            .await
    }

    async fn finish(&self, mut request: FinishTurn) -> StoreResult<FinishOutcome> {
        if self.is_flawed(Flaw::ForgetsCharges) {
            request.attempts.clear();
        }
        if self.is_flawed(Flaw::ForgetsWords) {
            request.text.pop();
        }
        self.call(TurnStore::finish(&self.store, request)).await
    }

    async fn get(
        &self,
        owner: UserId,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> StoreResult<Option<TurnRecord>> {
        self.call(TurnStore::get(&self.store, owner, chat_id, turn_id))
            .await
    }

    async fn claim_orphans(
        &self,
        node_id: NodeId,
        lease_before: Option<Timestamp>,
        lease_until: Timestamp,
        limit: u32,
        at_work: Vec<TurnId>,
    ) -> StoreResult<Vec<OrphanedTurn>> {
        let claiming = self
            .store
            .claim_orphans(node_id, lease_before, lease_until, limit, at_work);
        self.call(claiming).await
    }

    async fn resume(&self, mut request: ResumeTurn) -> StoreResult<ResumeOutcome> {
        if self.flaw == Flaw::ForgetsAttempts {
            request.attempts.clear();
        }
        self.call(self.store.resume(request)).await
    }

    async fn give_back_leftovers(&self) -> StoreResult<usize> {
        self.call(self.store.give_back_leftovers()).await
    }
}

#[async_trait]
impl SummaryStore for Desk {
    async fn get(&self, owner: UserId, chat_id: ChatId) -> StoreResult<Option<SummaryState>> {
        self.call(SummaryStore::get(&self.store, owner, chat_id))
            .await
    }

    async fn change(
        &self,
        owner: UserId,
        chat_id: ChatId,
        change: SummaryChange,
        expected_version: Option<i64>,
        now: Timestamp,
    ) -> StoreResult<ChangeSummaryOutcome> {
        let changing = self
            .store
            .change(owner, chat_id, change, expected_version, now);
        self.call(changing).await
    }

    async fn list(&self, owner: UserId, chat_id: ChatId) -> StoreResult<Vec<Summary>> {
        self.call(SummaryStore::list(&self.store, owner, chat_id))
            .await
    }

    async fn begin(&self, request: BeginSummary) -> StoreResult<BeginSummaryOutcome> {
        self.call(SummaryStore::begin(&self.store, request)).await
    }

    async fn finish(&self, mut request: FinishSummary) -> StoreResult<FinishSummaryOutcome> {
        if self.is_flawed(Flaw::ForgetsCharges) {
            request.attempts.clear();
        }
        self.call(SummaryStore::finish(&self.store, request)).await
    }

    async fn left_over(
        &self,
        node_id: NodeId,
        lease_before: Option<Timestamp>,
        limit: u32,
        at_work: Vec<TurnId>,
    ) -> StoreResult<Vec<ChargeAccount>> {
        let finding = self.store.left_over(node_id, lease_before, limit, at_work);
        self.call(finding).await
    }
}

#[async_trait]
impl ChatRepository for Desk {
    async fn create(
        &self,
        actor: Actor,
        character_id: CharacterId,
        title: Option<ChatTitle>,
        now: Timestamp,
    ) -> StoreResult<Option<Chat>> {
        let creating = ChatRepository::create(&self.store, actor, character_id, title, now);
        self.call(creating).await
    }

    async fn get(&self, owner: UserId, id: ChatId) -> StoreResult<Option<Chat>> {
        self.call(ChatRepository::get(&self.store, owner, id)).await
    }

    async fn list(&self, owner: UserId, filter: ChatFilter) -> StoreResult<Page<Chat, ChatCursor>> {
        self.call(ChatRepository::list(&self.store, owner, filter))
            .await
    }

    async fn update(
        &self,
        owner: UserId,
        id: ChatId,
        change: ChatChange,
        expected_version: Option<i64>,
    ) -> StoreResult<UpdateOutcome<Chat>> {
        let updating = ChatRepository::update(&self.store, owner, id, change, expected_version);
        self.call(updating).await
    }

    async fn delete(&self, owner: UserId, id: ChatId) -> StoreResult<bool> {
        self.call(ChatRepository::delete(&self.store, owner, id))
            .await
    }

    async fn messages(
        &self,
        owner: UserId,
        id: ChatId,
        before: Option<MessageId>,
        size: PageSize,
    ) -> StoreResult<Option<Page<BranchMessage, MessageId>>> {
        self.call(self.store.messages(owner, id, before, size))
            .await
    }

    async fn list_by_id(
        &self,
        owner: UserId,
        after: Option<ChatId>,
        size: PageSize,
    ) -> StoreResult<Page<Chat, ChatId>> {
        let listing = ChatRepository::list_by_id(&self.store, owner, after, size);
        self.call(listing).await
    }

    async fn messages_by_id(
        &self,
        owner: UserId,
        id: ChatId,
        after: Option<MessageId>,
        size: PageSize,
    ) -> StoreResult<Page<Message, MessageId>> {
        self.call(self.store.messages_by_id(owner, id, after, size))
            .await
    }

    async fn show(
        &self,
        owner: UserId,
        id: ChatId,
        message_id: MessageId,
        expected_version: Option<i64>,
    ) -> StoreResult<ShowOutcome> {
        self.call(self.store.show(owner, id, message_id, expected_version))
            .await
    }

    async fn turn_context(
        &self,
        owner: UserId,
        id: ChatId,
        place: TurnPlace,
        max_messages: u32,
    ) -> StoreResult<TurnContextOutcome> {
        self.call(self.store.turn_context(owner, id, place, max_messages))
            .await
    }
}
