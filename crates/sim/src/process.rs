//! The turn engine as one process runs it, until the process dies.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use lionrocket_app::turns::{TurnPorts, TurnService, TurnSettings};
use lionrocket_domain::{
    budget::{DailyBudgets, DailyLimit},
    calendar::StatsZone,
    ids::NodeId,
    turn::OnInterrupt,
    window::HistoryBudget,
};
use lionrocket_local_adapter::{LocalReplyLog, ReplyJournal};
use lionrocket_ports::runtime::{BackgroundTask, Clock, Spawner};
use lionrocket_sqlite_adapter::SqliteStore;
use lionrocket_test_support::CountingIds;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    store::{Chance, Desk, Flaw},
    upstream::{self, Upstream},
};

/// How many replies may be written at once.
pub(crate) const MAX_RUNNING: usize = 3;
/// What a person may use in a day.
pub(crate) const BUDGET: u64 = 60_000;
/// So little that conversations are summed up after a few turns.
const HISTORY: HistoryBudget = HistoryBudget {
    max_tokens: 300,
    max_messages: 16,
    step_messages: 2,
};
/// As the service does it.
const RECOVER_EVERY: Duration = Duration::from_secs(10);

/// A clock that goes with the runtime's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorldClock {
    pub(crate) start: Timestamp,
    pub(crate) origin: Instant,
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        let passed = self.origin.elapsed();
        self.start.saturating_add(passed).unwrap_or(Timestamp::MAX)
    }
}

/// Work of one process.
#[derive(Debug, Default)]
struct Tasks(Mutex<Vec<JoinHandle<()>>>);

impl Spawner for Tasks {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port: what it spawns is kept, and dies with the process"
    )]
    fn spawn(&self, _name: &'static str, task: BackgroundTask) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push(tokio::spawn(task));
    }
}

/// What stays when a process dies.
pub(crate) struct Surroundings<'a> {
    pub(crate) database: &'a Path,
    pub(crate) store: SqliteStore,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) chance: Chance,
    pub(crate) flaw: Flaw,
    pub(crate) away_until: Arc<Mutex<Instant>>,
    pub(crate) clock: WorldClock,
    pub(crate) ids: Arc<CountingIds>,
    pub(crate) on_interrupt: OnInterrupt,
}

/// A process.
pub(crate) struct Process {
    pub(crate) service: TurnService,
    pub(crate) dead: CancellationToken,
    desk: Arc<Desk>,
    tasks: Arc<Tasks>,
}

impl Process {
    /// Starts one. It takes up at once what the one before has left.
    pub(crate) fn start(around: &Surroundings<'_>, number: u32) -> Result<Self> {
        let dead = CancellationToken::new();
        let desk = Arc::new(Desk {
            store: around.store.clone(),
            chance: around.chance.clone(),
            flaw: around.flaw,
            away_until: around.away_until.clone(),
            dead: dead.clone(),
            last_call: AtomicU32::new(0),
        });
        let tasks = Arc::new(Tasks::default());
        let ports = TurnPorts {
            chats: desk.clone(),
            turns: desk.clone(),
            summaries: desk.clone(),
            model: around.upstream.clone(),
            log: Arc::new(LocalReplyLog::with_journal(ReplyJournal::open(
                around.database,
            )?)),
            clock: Arc::new(around.clock),
            ids: around.ids.clone(),
            spawner: tasks.clone(),
        };
        let settings = TurnSettings {
            node_id: NodeId::from_uuid(Uuid::from_u128(u128::from(number))),
            catalog: upstream::catalog(),
            max_output_tokens: 1_024,
            zone: StatsZone::parse("Asia/Seoul").context("a time zone")?,
            history: HISTORY,
            max_running_per_user: 2,
            max_running: MAX_RUNNING,
            max_waiting: 4,
            budgets: DailyBudgets {
                user: DailyLimit {
                    tokens: Some(BUDGET),
                    cost_micro_usd: None,
                },
                service: DailyLimit::default(),
            },
            on_interrupt: around.on_interrupt,
        };
        let service = TurnService::new(ports, settings);
        tasks.spawn("recovery", Box::pin(recover(service.clone())));
        Ok(Self {
            service,
            dead,
            desk,
            tasks,
        })
    }

    /// Lets it die at one of its next calls to the store, after the write and before the answer.
    pub(crate) fn die_at_call(&self, number: u32) {
        self.desk.last_call.store(number, Ordering::Relaxed);
    }

    /// Ends it in the middle of whatever it does. Answers whether some of its work has panicked.
    pub(crate) async fn die(&self) -> bool {
        self.dead.cancel();
        let tasks = {
            let mut tasks = self.tasks.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        let mut has_panicked = false;
        for task in tasks {
            task.abort();
            has_panicked |= task.await.is_err_and(|error| error.is_panic());
        }
        has_panicked
    }
}

/// Takes up what was left, as the service does it.
async fn recover(service: TurnService) {
    while service.recover_after_restart().await.is_err() {
        sleep(Duration::from_secs(1)).await;
    }
    loop {
        sleep(RECOVER_EVERY).await;
        // It is tried again next time.
        let _ = service.recover_expired().await;
    }
}
