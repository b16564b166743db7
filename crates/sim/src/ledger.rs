//! The real engine, store and adapter against the real simulator, with faults, stops and crashes; then
//! every charge is looked for in the ledger.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context as _, Result};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use lionrocket_app::turns::{Ask, BeginError, TurnPorts, TurnRequest, TurnService, TurnSettings};
use lionrocket_claude_adapter::{
    AuthHeader, BreakerRules, ClaudeModel, ClaudeSettings, Retries, Timeouts,
};
use lionrocket_claude_sim::{Charge, Simulator};
use lionrocket_domain::{
    budget::{DailyBudgets, DailyLimit},
    calendar::StatsZone,
    catalog::ModelCatalog,
    ids::{CharacterId, NodeId},
    text::MessageText,
    turn::OnInterrupt,
    usage::TokenUsage,
    window::HistoryBudget,
};
use lionrocket_local_adapter::{LocalReplyLog, RandomIds, ReplyJournal, SystemClock, TaskSpawner};
use lionrocket_ports::{
    chats::ChatRepository as _,
    model::{LanguageModel, ModelError, ModelEvent, ModelRequest, ReplyStream},
    runtime::Clock as _,
};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore, Synchronous};
use lionrocket_test_support::{Person, World, audit_seal, wait_until};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    runtime::{Builder, Runtime},
    task::spawn_blocking,
    time::sleep,
};
use uuid::Uuid;

use crate::{
    books::{Balance, Billed, balance},
    world::character,
};

/// How many people talk at once.
const PEOPLE: u64 = 24;
const MODEL: &str = "claude-haiku-5-5";
/// So little that conversations are summed up after two turns or three.
const HISTORY: HistoryBudget = HistoryBudget {
    max_tokens: 150,
    max_messages: 16,
    step_messages: 2,
};

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Decides what people say, what goes wrong and when the service dies.
    pub seed: u64,
    /// How many turns to begin.
    pub turns: u64,
    /// How often the service dies meanwhile.
    pub crashes: u64,
}

/// The tables as the service ships them.
fn catalog() -> Result<ModelCatalog> {
    Ok(toml::from_str(include_str!("../../server/models.toml"))?)
}

/// A model that notes which requests it was told of.
struct Hearing {
    model: ClaudeModel,
    heard: Arc<Mutex<HashSet<String>>>,
}

#[async_trait]
impl LanguageModel for Hearing {
    async fn stream(&self, request: ModelRequest) -> ReplyStream {
        let heard = Arc::clone(&self.heard);
        let events = self.model.stream(request).await;
        Box::pin(events.inspect(move |event| {
            if let Ok(ModelEvent::Started {
                request_id: Some(request_id),
                ..
            }) = event
            {
                let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
                heard.insert(request_id.clone());
            }
        }))
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<u64, ModelError> {
        self.model.count_tokens(request).await
    }

    fn model_id(&self) -> String {
        self.model.model_id()
    }
}

/// What stays when the service dies.
pub(crate) struct Surroundings {
    pub(crate) database: PathBuf,
    model: Arc<Hearing>,
    pub(crate) people: Vec<Person>,
    pub(crate) character_id: CharacterId,
    catalog: ModelCatalog,
}

/// The service between two deaths.
pub(crate) struct Process {
    pub(crate) service: TurnService,
    pub(crate) store: SqliteStore,
    pub(crate) spawner: TaskSpawner,
    runtime: Runtime,
}

impl Process {
    pub(crate) async fn start(
        around: &Surroundings,
        number: u64,
        history: HistoryBudget,
    ) -> Result<Self> {
        let store = SqliteStore::open(&SqliteOptions {
            synchronous: Synchronous::Normal,
            readers: 2,
            ..SqliteOptions::new(&around.database, audit_seal())
        })?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        let spawner = TaskSpawner::new(runtime.handle().clone());
        let journal = ReplyJournal::open(&around.database)?;
        let shared = Arc::new(store.clone());
        let ports = TurnPorts {
            chats: shared.clone(),
            turns: shared.clone(),
            summaries: shared,
            model: around.model.clone(),
            log: Arc::new(LocalReplyLog::with_journal(journal)),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            spawner: Arc::new(spawner.clone()),
        };
        let budgets = DailyBudgets {
            user: DailyLimit {
                tokens: Some(1_000_000_000),
                cost_micro_usd: None,
            },
            service: DailyLimit::default(),
        };
        let settings = TurnSettings {
            node_id: NodeId::from_uuid(Uuid::from_u128(u128::from(number) + 1)),
            catalog: around.catalog.clone(),
            max_output_tokens: 400,
            zone: StatsZone::parse("Asia/Seoul").context("a time zone")?,
            history,
            max_running_per_user: 2,
            max_running: 16,
            max_waiting: 64,
            budgets,
            on_interrupt: if number.is_multiple_of(3) {
                OnInterrupt::Keep
            } else {
                OnInterrupt::Continue
            },
        };
        let service = TurnService::new(ports, settings);
        let recovering = service.clone();
        runtime
            .spawn(async move { recovering.recover_after_restart().await })
            .await??;
        Ok(Self {
            service,
            store,
            spawner,
            runtime,
        })
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) async fn die(self) -> Result<()> {
        let Self {
            service,
            store,
            spawner,
            runtime,
        } = self;
        spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(30))).await?;
        drop((service, spawner));
        store.close().await;
        Ok(())
    }
}

/// How far a campaign is.
#[derive(Default)]
struct Progress {
    begun: AtomicU64,
    faults: Mutex<Vec<String>>,
}

/// One person who talks until the service dies or enough was said.
struct Talker {
    service: TurnService,
    store: SqliteStore,
    person: Person,
    character_id: CharacterId,
    rng: StdRng,
    enough: u64,
    progress: Arc<Progress>,
}

impl Talker {
    async fn talk(mut self) {
        while self.progress.begun.load(Ordering::Relaxed) < self.enough {
            // A message that got no reply is sent again with the next one, and so is its fault.
            if let Err(fault) = self.hold_a_conversation().await {
                let faults = self.progress.faults.lock();
                let mut faults = faults.unwrap_or_else(PoisonError::into_inner);
                faults.push(format!("{fault:#}"));
                return;
            }
        }
    }

    async fn hold_a_conversation(&mut self) -> Result<()> {
        let (actor, now) = (self.person.actor, SystemClock.now());
        let chat = self.store.create(actor, self.character_id, None, now);
        let chat_id = chat.await?.context("a chat")?.id;
        let mut last = None;
        for _ in 0..4 {
            let ask = match (last, self.rng.random_range(0..10)) {
                (Some(message_id), 0) => Ask::Regenerate { message_id },
                (Some(message_id), 1..=3) => Ask::Continue { message_id },
                _ => Ask::Say {
                    text: MessageText::parse(&self.words(), 4_000)?,
                    after: None,
                },
            };
            let request = TurnRequest {
                chat_id,
                ask,
                idempotency_key: None,
            };
            let begun = match self.service.begin(actor, request).await {
                Ok(begun) => begun,
                // A whole reply does not go on.
                Err(BeginError::Unsuitable) => continue,
                Err(BeginError::Overloaded) => {
                    sleep(Duration::from_millis(20)).await;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            self.progress.begun.fetch_add(1, Ordering::Relaxed);
            if self.rng.random_bool(0.2) {
                sleep(Duration::from_millis(self.rng.random_range(0..40))).await;
                let turn_id = begun.record.turn.id;
                self.service.stop(actor, chat_id, turn_id).await?;
            }
            let Some(record) = self.service.wait_begun(&begun).await else {
                return Ok(());
            };
            if record.assistant_message.content.is_empty() {
                return Ok(());
            }
            last = Some(record.assistant_message.id);
        }
        Ok(())
    }

    /// What is said, with what shall go wrong.
    fn words(&mut self) -> String {
        let rng = &mut self.rng;
        let run: u64 = rng.random();
        let after = rng.random_range(0..4);
        let times = rng.random_range(1..3);
        let scenario = match rng.random_range(0..40) {
            0 => format!("error;status=529;times={times};run={run}"),
            1 => format!("error;status=503;body=html;times={times};run={run}"),
            2 => format!("error;status=429;retry-after-ms=3;times={times};run={run}"),
            3 => "error;status=500".to_owned(),
            4 => "error;status=400".to_owned(),
            5 | 6 => format!("midstream-error;after={after}"),
            7 => format!("midstream-error;type=api_error;after={after}"),
            8 | 9 => format!("disconnect;after={after}"),
            10 | 11 => format!("truncate;after={after}"),
            12 => format!("malformed;after={after}"),
            13 | 14 => format!("refusal;after={after}"),
            15..=18 => format!("max-tokens;after={}", after + 1),
            19 => "thinking".to_owned(),
            20 => "unknown-event".to_owned(),
            21..=26 => format!("slow;ttft-ms={};itl-ms=3", after * 5),
            _ => String::new(),
        };
        let words: Vec<&str> = (0..rng.random_range(1..12))
            .map(|_| {
                ["등대", "바다", "불빛", "storm", "tea", "안녕", "night"][rng.random_range(0..7)]
            })
            .collect();
        let words = words.join(" ");
        if scenario.is_empty() {
            words
        } else {
            format!("[[sim:{scenario}]] {words}")
        }
    }
}

/// Plays a campaign and compares the books.
///
/// # Errors
/// Something did not work that always does.
pub async fn reconcile(plan: Plan) -> Result<Balance> {
    let simulator = Simulator::builder()
        .seed(plan.seed)
        .record(false)
        .start()
        .await?;
    let world = World::new();
    let around = surroundings(&world, &simulator).await?;
    let progress = Arc::new(Progress::default());
    let mut rng = StdRng::seed_from_u64(plan.seed);
    for number in 0..=plan.crashes {
        let process = Process::start(&around, number, HISTORY).await?;
        let enough = plan.turns * (number + 1) / (plan.crashes + 1);
        let talkers: Vec<_> = around
            .people
            .iter()
            .map(|person| {
                let talker = Talker {
                    service: process.service.clone(),
                    store: process.store.clone(),
                    person: person.clone(),
                    character_id: around.character_id,
                    rng: StdRng::seed_from_u64(rng.random()),
                    // Those who are not to be interrupted say all they have to say.
                    enough: if number == plan.crashes {
                        enough
                    } else {
                        u64::MAX
                    },
                    progress: Arc::clone(&progress),
                };
                process.runtime.spawn(talker.talk())
            })
            .collect();
        if number == plan.crashes {
            for talker in talkers {
                talker.await?;
            }
            process.spawner.drain(Duration::from_mins(2)).await;
        } else {
            while progress.begun.load(Ordering::Relaxed) < enough
                && talkers.iter().any(|talker| !talker.is_finished())
            {
                sleep(Duration::from_millis(2)).await;
            }
        }
        process.die().await?;
    }
    wait_until("the end of all charges", World::PATIENCE, async || {
        simulator.bill().charges.iter().all(|charge| !charge.open)
    })
    .await;
    let heard = around.model.heard.lock();
    let heard = heard.unwrap_or_else(PoisonError::into_inner).clone();
    let bill: Vec<Billed> = simulator
        .bill()
        .charges
        .into_iter()
        .map(|charge| on_the_bill(charge, &heard))
        .collect();
    let mut balance = balance(&around.database, &bill)?;
    let faults = progress.faults.lock();
    balance
        .faults
        .extend(faults.unwrap_or_else(PoisonError::into_inner).drain(..));
    simulator.stop().await;
    Ok(balance)
}

pub(crate) async fn surroundings(world: &World, simulator: &Simulator) -> Result<Surroundings> {
    let catalog = catalog()?;
    let settings = ClaudeSettings {
        api_key: "sk-test-key".into(),
        base_url: simulator.base_url(),
        api_version: "2026-10-21".to_owned(),
        model: MODEL.to_owned(),
        auth_header: AuthHeader::ApiKey,
        facts: catalog.facts(MODEL).cloned(),
        timeouts: Timeouts::default(),
        retries: Retries {
            base: Duration::from_millis(1),
            cap: Duration::from_millis(4),
            ..Retries::default()
        },
        breaker: BreakerRules {
            rest: Duration::from_millis(20),
            ..BreakerRules::default()
        },
    };
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(world.person(&format!("person{number}")).await);
    }
    let owner = people.first().context("a person")?.actor;
    let character = world.characters.create(owner, character()?).await?;
    Ok(Surroundings {
        database: world.database(),
        model: Arc::new(Hearing {
            model: ClaudeModel::new(settings)?,
            heard: Arc::default(),
        }),
        people,
        character_id: character.id,
        catalog,
    })
}

fn on_the_bill(charge: Charge, heard: &HashSet<String>) -> Billed {
    Billed {
        was_heard: heard.contains(&charge.request_id),
        request_id: charge.request_id,
        tokens: TokenUsage {
            input: charge.input_tokens,
            output: charge.output_tokens,
            cache_read: charge.cache_read_tokens,
            cache_write_5m: charge.cache_write_5m_tokens,
            cache_write_1h: charge.cache_write_1h_tokens,
        },
        cost_micro_usd: charge.cost_micro_usd,
        is_billed: charge.billed,
    }
}
