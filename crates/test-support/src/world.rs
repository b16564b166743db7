//! The whole service but for the web.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use lionrocket_app::{
    accounts::{AccountPorts, AccountService, NewAccount},
    admin::{AdminPorts, AdminService},
    audit::AuditService,
    characters::CharacterService,
    chats::ChatService,
    export::{ExportPorts, ExportService},
    invites::InviteService,
    prompts::PromptService,
    resets::{ResetPorts, ResetService},
    retention::RetentionService,
    service_control::ServiceControl,
    sessions::{Client, SessionPorts, SessionService, SessionSettings},
    stats::StatsService,
    summaries::SummaryService,
    turns::{TurnPorts, TurnService, TurnSettings},
    usage::UsageService,
};
use lionrocket_crypto_adapter::{
    Argon2Hasher, AuditSealer, DeviceSigner, HashCost, HashLimits, JwtAlgorithm, JwtIssuer,
    PasswordRules, RandomLinks, RefreshDeriver, SigningSecret,
};
use lionrocket_domain::{
    access::Actor,
    audit::Origin,
    budget::DailyBudgets,
    calendar::StatsZone,
    catalog::{ModelCatalog, ModelFacts, Thinking},
    ids::NodeId,
    text::{EmailAddress, Password, Username},
    turn::OnInterrupt,
    usage::Prices,
    window::HistoryBudget,
};
use lionrocket_local_adapter::{
    LocalEventBus, LocalRateLimiter, LocalReplyLog, TaskSpawner, Unlimited,
};
use lionrocket_ports::{
    audit::AuditSeal, events::EventBus, limits::RateLimiter, runtime::Clock as _,
};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore, Synchronous};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{CountingIds, ScriptedModel, TestClock};

/// The name of the file.
const DATABASE: &str = "test.db";

/// Everybody's password.
pub const PASSWORD: &str = "lighthouse keeper 7";

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The person as the rules see them.
    pub actor: Actor,
    /// The token that they send.
    pub token: String,
}

/// Every service on real adapters and a temporary file, with a clock that stands still on
/// 2026-11-22 at noon UTC, ids that count, and a model that plays scripts.
pub struct World {
    /// Accounts.
    pub accounts: Arc<AccountService>,
    /// Invites.
    pub invites: Arc<InviteService>,
    /// Links for new passwords.
    pub resets: Arc<ResetService>,
    /// Logins.
    pub sessions: Arc<SessionService>,
    /// Looking after accounts.
    pub admin: Arc<AdminService>,
    /// Forgetting.
    pub retention: Arc<RetentionService>,
    /// The audit log.
    pub audit: Arc<AuditService>,
    /// Characters.
    pub characters: Arc<CharacterService>,
    /// Common prompts.
    pub prompts: Arc<PromptService>,
    /// Chats.
    pub chats: Arc<ChatService>,
    /// Summaries of what chats said before.
    pub summaries: Arc<SummaryService>,
    /// Everything that is kept of a person.
    pub export: Arc<ExportService>,
    /// Turns.
    pub turns: Arc<TurnService>,
    /// What people use.
    pub usage: Arc<UsageService>,
    /// What the whole service is used for.
    pub stats: Arc<StatsService>,
    /// The switch of the service.
    pub control: Arc<ServiceControl>,
    /// Events of the service.
    pub events: Arc<dyn EventBus>,
    /// Limits on how often something may be done: none, unless the world was made with them.
    pub limits: Arc<dyn RateLimiter>,
    /// The time.
    pub clock: Arc<TestClock>,
    /// The model.
    pub model: Arc<ScriptedModel>,
    /// The database.
    pub store: SqliteStore,
    /// Work in the background.
    pub spawner: TaskSpawner,
    /// Deleted with the world.
    directory: TempDir,
}

impl World {
    /// Makes a new one. Must be called within a tokio runtime.
    ///
    /// # Panics
    /// Something of it cannot be made, such as a temporary file.
    #[must_use]
    pub fn new() -> Self {
        Self::with_history(HistoryBudget::default())
    }

    /// Makes one in which only so much may be used in a day.
    ///
    /// # Panics
    /// As [`World::new`].
    #[must_use]
    pub fn with_budgets(budgets: DailyBudgets) -> Self {
        let history = HistoryBudget::default();
        Self::made_with(noon(), Arc::new(Unlimited), budgets, CHEAP, history)
    }

    /// Makes one in which the model is sent only so much of a conversation.
    ///
    /// # Panics
    /// As [`World::new`].
    #[must_use]
    pub fn with_history(history: HistoryBudget) -> Self {
        let budgets = DailyBudgets::default();
        Self::made_with(noon(), Arc::new(Unlimited), budgets, CHEAP, history)
    }

    /// Makes one in which rates are limited. Buckets are refilled by the world's clock.
    ///
    /// # Panics
    /// As [`World::new`].
    #[must_use]
    pub fn with_limits() -> Self {
        let clock = noon();
        let (shown, start) = (clock.clone(), clock.now());
        let elapsed = move || shown.now().duration_since(start).unsigned_abs();
        let limits = Arc::new(LocalRateLimiter::with_time(elapsed));
        let (budgets, history) = (DailyBudgets::default(), HistoryBudget::default());
        Self::made_with(clock, limits, budgets, CHEAP, history)
    }

    /// Makes one in which passwords are as hard to guess as in the service itself, and as slow.
    ///
    /// # Panics
    /// As [`World::new`].
    #[must_use]
    pub fn with_real_hashes() -> Self {
        let (budgets, history) = (DailyBudgets::default(), HistoryBudget::default());
        let cost = HashCost::default();
        Self::made_with(noon(), Arc::new(Unlimited), budgets, cost, history)
    }

    #[expect(clippy::expect_used, reason = "a test without its world has failed")]
    fn made_with(
        clock: Arc<TestClock>,
        limits: Arc<dyn RateLimiter>,
        budgets: DailyBudgets,
        cost: HashCost,
        history: HistoryBudget,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = SqliteStore::open(&SqliteOptions {
            // A test's file need not outlive a loss of power.
            synchronous: Synchronous::Normal,
            readers: 1,
            ..SqliteOptions::new(directory.path().join(DATABASE), audit_seal())
        })
        .expect("a new database");
        let zone = StatsZone::parse("Asia/Seoul").expect("a time zone");
        let ids = Arc::new(CountingIds::default());
        let events: Arc<dyn EventBus> = Arc::new(LocalEventBus::new());
        let model = Arc::new(ScriptedModel::default());
        let spawner = TaskSpawner::new(Handle::current());
        let shared = Arc::new(store.clone());

        let sessions = SessionPorts {
            sessions: shared.clone(),
            tokens: Arc::new(issuer()),
            secrets: Arc::new(RefreshDeriver::new(&secret(), &[])),
            clock: clock.clone(),
            ids: ids.clone(),
            events: events.clone(),
            spawner: Arc::new(spawner.clone()),
        };
        let sessions = Arc::new(SessionService::new(
            sessions,
            SessionSettings::new(SignedDuration::from_hours(24)),
        ));
        let accounts = AccountPorts {
            users: shared.clone(),
            admin: shared.clone(),
            hasher: Arc::new(hasher(cost)),
            policy: Arc::new(PasswordRules::new(None)),
            secrets: Arc::new(RandomLinks),
            devices: Arc::new(DeviceSigner::new(&secret(), &[])),
            limits: limits.clone(),
            spawner: Arc::new(spawner.clone()),
            clock: clock.clone(),
        };
        let usage = Arc::new(UsageService::new(
            shared.clone(),
            clock.clone(),
            zone.clone(),
            budgets,
        ));
        let control =
            ServiceControl::new(shared.clone(), clock.clone(), zone.clone(), budgets.service);
        let admin = AdminPorts {
            accounts: shared.clone(),
            audit: shared.clone(),
            chats: shared.clone(),
            events: events.clone(),
            clock: clock.clone(),
        };
        let audit = AuditService::new(shared.clone(), audit_seal(), clock.clone());
        let settings = turn_settings(zone.clone(), budgets, history);
        let ports = turn_ports(&shared, model.clone(), clock.clone(), ids, &spawner);
        let turns = TurnService::new(ports, settings);
        Self {
            invites: Arc::new(InviteService::new(
                shared.clone(),
                Arc::new(RandomLinks),
                clock.clone(),
            )),
            resets: Arc::new(resets(&accounts, shared.clone(), events.clone())),
            accounts: Arc::new(AccountService::new(
                accounts,
                sessions.clone(),
                zone.clone(),
            )),
            sessions: sessions.clone(),
            admin: Arc::new(AdminService::new(admin, usage.clone())),
            retention: Arc::new(RetentionService::new(
                shared.clone(),
                clock.clone(),
                zone.clone(),
            )),
            audit: Arc::new(audit),
            characters: Arc::new(CharacterService::new(shared.clone(), clock.clone())),
            prompts: Arc::new(PromptService::new(shared.clone(), clock.clone())),
            chats: Arc::new(ChatService::new(shared.clone(), clock.clone())),
            summaries: Arc::new(SummaryService::new(shared.clone(), clock.clone())),
            export: export(&store, &sessions, clock.clone(), &zone),
            turns: Arc::new(turns),
            stats: Arc::new(StatsService::new(shared, clock.clone(), zone)),
            control: Arc::new(control),
            usage,
            events,
            limits,
            clock,
            model,
            store,
            spawner,
            directory,
        }
    }

    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.directory.path().join(DATABASE)
    }

    /// Everything that is in the files of the database.
    ///
    /// # Panics
    /// They cannot be read.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its files has failed")]
    pub fn file_bytes(&self) -> Vec<u8> {
        let files = fs::read_dir(self.directory.path()).expect("a directory");
        let paths = files.map(|file| file.expect("a file").path());
        paths
            .flat_map(|path| fs::read(path).expect("a readable file"))
            .collect()
    }

    /// Makes an account and signs in with it.
    ///
    /// # Panics
    /// The name is not valid or taken.
    pub async fn person(&self, name: &str) -> Person {
        self.sign_up(name, false).await
    }

    /// Makes an administrator's account and signs in with it.
    ///
    /// # Panics
    /// The name is not valid or taken.
    pub async fn admin(&self, name: &str) -> Person {
        self.sign_up(name, true).await
    }

    #[expect(clippy::expect_used, reason = "a test without its people has failed")]
    async fn sign_up(&self, name: &str, is_admin: bool) -> Person {
        let account = NewAccount {
            username: Username::parse(name).expect("a user name"),
            email: EmailAddress::parse(&format!("{name}@example.com")).expect("an address"),
            password: Password::choose(PASSWORD, 8).expect("a password"),
        };
        let created = self.accounts.create_user(account, is_admin).await;
        created.expect("a new account");
        let signed_in = self.accounts.login(name, PASSWORD, Client::default()).await;
        let token = signed_in.expect("a login").access_token;
        let token = token.expose_secret().to_owned();
        let known = self.sessions.authenticate(&token, &Origin::default()).await;
        Person {
            actor: known.expect("a good token").actor,
            token,
        }
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

fn export(
    store: &SqliteStore,
    sessions: &Arc<SessionService>,
    clock: Arc<TestClock>,
    zone: &StatsZone,
) -> Arc<ExportService> {
    let store = Arc::new(store.clone());
    let ports = ExportPorts {
        accounts: store.clone(),
        characters: store.clone(),
        chats: store.clone(),
        summaries: store.clone(),
        usage: store,
        clock,
    };
    Arc::new(ExportService::new(ports, sessions.clone(), zone.clone()))
}

#[expect(clippy::expect_used, reason = "the time is well formed")]
fn noon() -> Arc<TestClock> {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().expect("a time");
    Arc::new(TestClock::at(noon))
}

/// New passwords by link, with what accounts work with.
fn resets(
    accounts: &AccountPorts,
    store: Arc<SqliteStore>,
    events: Arc<dyn EventBus>,
) -> ResetService {
    ResetService::new(ResetPorts {
        resets: store,
        secrets: accounts.secrets.clone(),
        hasher: accounts.hasher.clone(),
        policy: accounts.policy.clone(),
        limits: accounts.limits.clone(),
        events,
        clock: accounts.clock.clone(),
    })
}

/// As weak as the algorithm allows: tests check what is done with passwords, not how hard.
const CHEAP: HashCost = HashCost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

#[expect(clippy::expect_used, reason = "the figures are within bounds")]
fn hasher(cost: HashCost) -> Argon2Hasher {
    Argon2Hasher::new(cost, HashLimits::default()).expect("a hasher")
}

/// The secret that everything of a test is signed and sealed with.
///
/// # Panics
/// Never: the secret is good.
#[must_use]
#[expect(clippy::expect_used, reason = "the secret is good enough for tests")]
pub fn secret() -> SigningSecret {
    SigningSecret::parse("q8Zt3vLw0xNc5yRb7uJm2kHs9dFgPeTa4iXoUlVn6B1").expect("a long secret")
}

/// Seals the audit log of a test.
#[must_use]
pub fn audit_seal() -> Arc<dyn AuditSeal> {
    Arc::new(AuditSealer::new(&secret(), &[]))
}

fn issuer() -> JwtIssuer {
    JwtIssuer::new(JwtAlgorithm::Hs256, &secret(), &[])
}

fn turn_ports(
    store: &Arc<SqliteStore>,
    model: Arc<ScriptedModel>,
    clock: Arc<TestClock>,
    ids: Arc<CountingIds>,
    spawner: &TaskSpawner,
) -> TurnPorts {
    TurnPorts {
        chats: store.clone(),
        turns: store.clone(),
        summaries: store.clone(),
        model,
        log: Arc::new(LocalReplyLog::new()),
        clock,
        ids,
        spawner: Arc::new(spawner.clone()),
    }
}

fn turn_settings(zone: StatsZone, budgets: DailyBudgets, history: HistoryBudget) -> TurnSettings {
    let facts = ModelFacts {
        prices: Prices {
            input: 1_000_000,
            output: 2_000_000,
            cache_read: 100_000,
            cache_write_5m: 1_250_000,
            cache_write_1h: 2_000_000,
        },
        long_prompt: None,
        thinking: Thinking::Unset,
        context_tokens: 200_000,
        max_output_tokens: 8192,
    };
    TurnSettings {
        node_id: NodeId::from_uuid(Uuid::from_u128(1)),
        catalog: ModelCatalog {
            price_version: "test".to_owned(),
            models: [("scripted-model".to_owned(), facts)].into(),
        },
        max_output_tokens: 1024,
        zone,
        history,
        max_running_per_user: 2,
        max_running: 100,
        max_waiting: 100,
        budgets,
        on_interrupt: OnInterrupt::Continue,
    }
}

impl World {
    /// How long a test waits for something that is to happen at once.
    pub const PATIENCE: Duration = Duration::from_secs(10);
}
