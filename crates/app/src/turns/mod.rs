//! The turn engine: from a person's message to the stored and counted reply.
//!
//! A turn is begun by one durable write and then belongs to the service, not to the connection that
//! asked for it: a background task reads the model's reply into the reply log, saves it now and
//! then, and ends the turn by one more write. Any number of readers may follow from any place, also
//! after the end. A turn whose process died is taken up by the next one and goes on.

mod assembler;
mod begin;
mod follow;
mod recovery;
mod reply;
mod request;
mod running;
mod seam;
mod summary;

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    access::Actor,
    budget::DailyBudgets,
    calendar::StatsZone,
    catalog::ModelCatalog,
    ids::{ChatId, NodeId, TurnId},
    turn::{OnInterrupt, TurnRecord},
    window::HistoryBudget,
};
use lionrocket_ports::{
    StoreError,
    chats::ChatRepository,
    model::LanguageModel,
    reply_log::{ReplyLog, TextOffset},
    runtime::{Clock, IdGenerator, Spawner},
    summaries::SummaryStore,
    turns::{OrphanedTurn, TurnStore},
};

use crate::ServiceError;

pub use recovery::Recovered;
pub use request::{Ask, BeginError, BegunTurn, TurnRequest};
use running::{Cut, Running};
use summary::Fruitless;

/// The ports that turns need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct TurnPorts {
    pub chats: Arc<dyn ChatRepository>,
    pub turns: Arc<dyn TurnStore>,
    pub summaries: Arc<dyn SummaryStore>,
    pub model: Arc<dyn LanguageModel>,
    pub log: Arc<dyn ReplyLog>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub spawner: Arc<dyn Spawner>,
}

/// How turns are done.
#[derive(Clone, Debug)]
pub struct TurnSettings {
    /// This process.
    pub node_id: NodeId,
    /// Prices and other facts of the models.
    pub catalog: ModelCatalog,
    /// The largest reply in tokens (`CLAUDE_MAX_TOKENS`).
    pub max_output_tokens: u32,
    /// The zone that decides to which day a turn counts.
    pub zone: StatsZone,
    /// How much of the conversation a model is sent.
    pub history: HistoryBudget,
    /// How many turns a person may have under way.
    pub max_running_per_user: u32,
    /// How many replies this process lets a model write at once.
    pub max_running: usize,
    /// How many more may wait for that. Beyond them nothing is taken.
    pub max_waiting: usize,
    /// What may be used in a day.
    pub budgets: DailyBudgets,
    /// What becomes of replies whose process died.
    pub on_interrupt: OnInterrupt,
}

/// What a reader of a turn sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// The reply goes on.
    Text {
        /// The text, never empty.
        text: String,
        /// The place after it, in bytes from the reply's beginning.
        end: TextOffset,
    },
    /// The model is busy and will be asked again after this time.
    Busy(Duration),
    /// The turn is over, and this is how it was saved. Nothing follows.
    Ended(Arc<TurnRecord>),
}

/// A turn as it goes on. Ends after [`TurnEvent::Ended`]; without it only when the store failed or the
/// chat was deleted meanwhile.
pub type TurnEvents = Pin<Box<dyn Stream<Item = TurnEvent> + Send>>;

/// Turns.
#[derive(Clone)]
pub struct TurnService {
    engine: Arc<Engine>,
}

/// What the service and its background tasks share.
struct Engine {
    ports: TurnPorts,
    settings: TurnSettings,
    running: Running,
    /// Turns of dead processes that this one has claimed and not taken up yet.
    claimed: Mutex<VecDeque<OrphanedTurn>>,
    fruitless: Fruitless,
}

/// How long a process may be silent about a turn before it is taken for dead.
const LEASE: SignedDuration = SignedDuration::from_secs(30);

impl TurnService {
    /// Puts the service together.
    #[must_use]
    pub fn new(ports: TurnPorts, settings: TurnSettings) -> Self {
        Self {
            engine: Arc::new(Engine {
                running: Running::new(settings.max_running, settings.max_waiting),
                claimed: Mutex::default(),
                fruitless: Fruitless::default(),
                ports,
                settings,
            }),
        }
    }

    /// Takes a wish for a reply and sets the reply going. When this answers, what was asked is durable.
    ///
    /// # Errors
    /// Why the turn was not begun.
    pub async fn begin(&self, actor: Actor, request: TurnRequest) -> Result<BegunTurn, BeginError> {
        self.engine.begin(actor, request).await
    }

    /// Finds a turn.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn get(
        &self,
        actor: Actor,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> Result<TurnRecord, ServiceError> {
        let turns = &self.engine.ports.turns;
        let record = turns.get(actor.user_id, chat_id, turn_id).await?;
        record.ok_or(ServiceError::NotFound)
    }

    /// Asks for the end of a turn. What was written stays and is counted. When this answers, the wish is
    /// durable, and the turn ends within moments; a turn that is over is answered as it is.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn stop(
        &self,
        actor: Actor,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> Result<TurnRecord, ServiceError> {
        let Engine { ports, running, .. } = &*self.engine;
        let now = ports.clock.now();
        let record = ports
            .turns
            .request_stop(actor.user_id, chat_id, turn_id, now)
            .await?
            .ok_or(ServiceError::NotFound)?;
        // Where another process works on it, that one finds the wish when it saves.
        running.cut(turn_id, Cut::Stopped);
        Ok(record)
    }

    /// Follows a turn from a place in its reply's text to its end, whether it runs or is over.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn follow(
        &self,
        actor: Actor,
        chat_id: ChatId,
        turn_id: TurnId,
        after: TextOffset,
    ) -> Result<TurnEvents, ServiceError> {
        let record = self.get(actor, chat_id, turn_id).await?;
        Ok(self.engine.clone().follow(record, after))
    }

    /// Follows a turn that [`begin`](Self::begin) has just answered, from its beginning.
    #[must_use]
    pub fn follow_begun(&self, begun: &BegunTurn) -> TurnEvents {
        self.engine.clone().follow(begun.record.clone(), 0)
    }

    /// Waits for the end of a turn that [`begin`](Self::begin) has just answered. `None` when the store
    /// failed.
    pub async fn wait_begun(&self, begun: &BegunTurn) -> Option<Arc<TurnRecord>> {
        let mut events = self
            .engine
            .clone()
            .follow(begun.record.clone(), TextOffset::MAX);
        while let Some(event) = events.next().await {
            if let TurnEvent::Ended(record) = event {
                return Some(record);
            }
        }
        None
    }

    /// Takes up every turn that another process left behind, closes its summaries, and gives back what was set aside for
    /// turns that are gone. For a process that has just started and serves the store alone.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recover_after_restart(&self) -> Result<Recovered, StoreError> {
        let recovered = self.engine.take_up_orphans(None).await?;
        self.engine.close_left_over_summaries(None).await?;
        self.engine.ports.log.forget_left_over().await;
        self.engine.ports.turns.give_back_leftovers().await?;
        Ok(recovered)
    }

    /// Takes up the turns whose process has given no sign for too long, and closes such summaries.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recover_expired(&self) -> Result<Recovered, StoreError> {
        let now = self.engine.ports.clock.now();
        let recovered = self.engine.take_up_orphans(Some(now)).await?;
        self.engine.close_left_over_summaries(Some(now)).await?;
        Ok(recovered)
    }

    /// Begins no more turns: for a process that is about to end. Those under way go on.
    pub fn take_no_more(&self) {
        self.engine.running.close();
    }

    /// Ends all replies of this process as `interrupted`, with what there is of their text: for a
    /// process that must end. Answers how many; their ends are written in the background.
    #[must_use]
    pub fn interrupt_all(&self) -> usize {
        self.engine.running.cut_all(Cut::Shutdown)
    }
}

/// Until when a process is taken to be alive after a sign of life at `now`.
fn lease_from(now: Timestamp) -> Timestamp {
    now.saturating_add(LEASE).unwrap_or(Timestamp::MAX)
}
