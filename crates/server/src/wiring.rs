//! Puts the services together from the adapters that the settings choose.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use jiff::SignedDuration;
use lionrocket_app::{
    accounts::{AccountPorts, AccountService},
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
    sessions::{SessionPorts, SessionService, SessionSettings},
    stats::StatsService,
    summaries::SummaryService,
    turns::{TurnPorts, TurnService, TurnSettings},
    usage::UsageService,
};
use lionrocket_claude_adapter::{ClaudeModel, ConfigError};
use lionrocket_crypto_adapter::{Argon2Hasher, HashCost, HashLimits, RandomLinks};
use lionrocket_demo_model::DemoModel;
use lionrocket_domain::{calendar::StatsZone, ids::NodeId, window::HistoryBudget};
use lionrocket_http::{
    ApiState, LanguageModelKind, NetworkRules, NotReady, Readiness, RememberedAnswers, ServiceInfo,
};
use lionrocket_local_adapter::{
    LocalEventBus, LocalRateLimiter, LocalReplyLog, RandomIds, ReplyJournal, SystemClock,
    TaskSpawner, Unlimited,
};
use lionrocket_ports::{
    crypto::{PasswordHasher, PasswordPolicy},
    error::Chain,
    events::EventBus,
    limits::RateLimiter,
    model::LanguageModel,
    runtime::IdGenerator as _,
};
use lionrocket_sqlite_adapter::{LockError, OpenError, SqliteOptions, SqliteStore, is_of_the_disk};

use crate::{
    Failure,
    keys::Keys,
    settings::{
        DatabaseFile, Environment, ModelChoice, PasswordSettings, Settings, claude_refusal,
    },
};

/// How many replies one person may have under way.
const MAX_RUNNING_PER_USER: u32 = 2;

/// Opens the database for a command, making it when it is not there.
pub(crate) fn open_store(database: &DatabaseFile, keys: &Keys) -> Result<SqliteStore, Failure> {
    let options = SqliteOptions::new(database.path(), keys.audit_seal());
    SqliteStore::open(&options).map_err(|error| cannot_open(&error))
}

/// How the service opens its database.
pub(crate) fn store_options(settings: &Settings, keys: &Keys) -> SqliteOptions {
    let mut options = SqliteOptions::new(settings.database.path(), keys.audit_seal());
    options.low_water = Some(settings.disk_low_water);
    options
}

/// What to do about a database that cannot be opened.
pub(crate) fn cannot_open(error: &OpenError) -> Failure {
    match error {
        // These say what to do themselves.
        OpenError::Newer { .. } | OpenError::Altered { .. } => Failure::Failed(error.to_string()),
        OpenError::Damaged { .. } => Failure::Storage(error.to_string()),
        _ => unusable(error),
    }
}

/// What to do about a database that cannot be kept for this process alone.
pub(crate) fn cannot_lock(error: &LockError) -> Failure {
    match error {
        LockError::AlreadyServed { .. } => Failure::Failed(error.to_string()),
        _ => unusable(error),
    }
}

fn unusable(error: &(dyn Error + 'static)) -> Failure {
    if is_of_the_disk(error) {
        return Failure::Storage(Chain(error).to_string());
    }
    Failure::Failed(format!(
        "{}, see DATABASE_URL: the file and its directory must be writable and on a local disk",
        Chain(error)
    ))
}

/// Puts the logins together.
pub(crate) fn sessions(
    store: &SqliteStore,
    keys: &Keys,
    token_lifetime: SignedDuration,
    events: Arc<dyn EventBus>,
    spawner: &TaskSpawner,
) -> Arc<SessionService> {
    let ports = SessionPorts {
        sessions: Arc::new(store.clone()),
        tokens: Arc::new(keys.token_issuer()),
        secrets: Arc::new(keys.refresh_secrets()),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        events,
        spawner: Arc::new(spawner.clone()),
    };
    Arc::new(SessionService::new(
        ports,
        SessionSettings::new(token_lifetime),
    ))
}

/// What hashes passwords and tells which are taken. There is one of each, so that no more are hashed at
/// a time than the machine can.
pub(crate) struct Passwords {
    hasher: Arc<dyn PasswordHasher>,
    policy: Arc<dyn PasswordPolicy>,
}

impl Passwords {
    /// Makes both.
    pub(crate) fn new(settings: &PasswordSettings) -> Result<Self, Failure> {
        let hasher = Argon2Hasher::new(HashCost::default(), HashLimits::default())
            .map_err(|error| Failure::because("passwords cannot be hashed here", &error))?;
        let hasher = match &settings.pepper {
            Some(pepper) => hasher.peppered(pepper, &settings.former_peppers),
            None => hasher,
        };
        Ok(Self {
            hasher: Arc::new(hasher),
            policy: Arc::new(settings.rules()?),
        })
    }
}

/// Puts the accounts together.
pub(crate) fn accounts(
    store: &SqliteStore,
    keys: &Keys,
    passwords: &Passwords,
    sessions: Arc<SessionService>,
    zone: StatsZone,
    limits: Arc<dyn RateLimiter>,
    spawner: TaskSpawner,
) -> AccountService {
    let ports = AccountPorts {
        users: Arc::new(store.clone()),
        admin: Arc::new(store.clone()),
        hasher: passwords.hasher.clone(),
        policy: passwords.policy.clone(),
        devices: keys.devices(),
        secrets: Arc::new(RandomLinks),
        limits,
        spawner: Arc::new(spawner),
        clock: Arc::new(SystemClock),
    };
    AccountService::new(ports, sessions, zone)
}

/// Puts together what makes links for new passwords.
pub(crate) fn resets(
    store: &SqliteStore,
    passwords: &Passwords,
    limits: Arc<dyn RateLimiter>,
    events: Arc<dyn EventBus>,
) -> ResetService {
    ResetService::new(ResetPorts {
        resets: Arc::new(store.clone()),
        secrets: Arc::new(RandomLinks),
        hasher: passwords.hasher.clone(),
        policy: passwords.policy.clone(),
        limits,
        events,
        clock: Arc::new(SystemClock),
    })
}

/// Puts together what looks after accounts.
pub(crate) fn admin(
    store: &SqliteStore,
    events: Arc<dyn EventBus>,
    usage: Arc<UsageService>,
) -> AdminService {
    let store = Arc::new(store.clone());
    let ports = AdminPorts {
        accounts: store.clone(),
        audit: store.clone(),
        chats: store,
        events,
        clock: Arc::new(SystemClock),
    };
    AdminService::new(ports, usage)
}

/// Puts together what gives people all that is kept of them.
fn export(store: &SqliteStore, sessions: Arc<SessionService>, zone: StatsZone) -> ExportService {
    let store = Arc::new(store.clone());
    let ports = ExportPorts {
        accounts: store.clone(),
        characters: store.clone(),
        chats: store.clone(),
        summaries: store.clone(),
        usage: store,
        clock: Arc::new(SystemClock),
    };
    ExportService::new(ports, sessions, zone)
}

/// Puts together what reads and checks the audit log.
pub(crate) fn audit(store: &SqliteStore, keys: &Keys) -> AuditService {
    let log = Arc::new(store.clone());
    AuditService::new(log, keys.audit_seal(), Arc::new(SystemClock))
}

/// Puts together what forgets.
pub(crate) fn retention(store: &SqliteStore, zone: StatsZone) -> RetentionService {
    RetentionService::new(Arc::new(store.clone()), Arc::new(SystemClock), zone)
}

/// The model that answers.
pub(crate) fn model(choice: &ModelChoice) -> Result<Arc<dyn LanguageModel>, Failure> {
    match choice {
        ModelChoice::Demo { delay } => Ok(Arc::new(DemoModel::new(*delay))),
        ModelChoice::Claude(settings) => match ClaudeModel::new(settings.as_ref().clone()) {
            Ok(model) => Ok(Arc::new(model)),
            Err(error @ ConfigError::Client(_)) => Err(Failure::Failed(format!(
                "{}, is the package ca-certificates installed?",
                Chain(&error)
            ))),
            Err(error) => Err(claude_refusal(&error).into()),
        },
    }
}

/// Puts everything together that the HTTP API works with, on the port that is listened on.
pub(crate) fn api_state(
    settings: &Settings,
    port: u16,
    store: &SqliteStore,
    keys: &Keys,
    model: Arc<dyn LanguageModel>,
    spawner: &TaskSpawner,
    readiness: Arc<ServiceReadiness>,
) -> Result<ApiState, Failure> {
    let events: Arc<dyn EventBus> = Arc::new(LocalEventBus::new());
    let limits = limits(settings);
    let passwords = Passwords::new(&settings.passwords)?;
    let clock = Arc::new(SystemClock);
    let zone = &settings.stats_zone;
    let shared = Arc::new(store.clone());
    let sessions = sessions(
        store,
        keys,
        settings.signing.lifetime,
        events.clone(),
        spawner,
    );
    let usage = UsageService::new(
        shared.clone(),
        clock.clone(),
        zone.clone(),
        settings.budgets,
    );
    let usage = Arc::new(usage);
    Ok(ApiState {
        accounts: Arc::new(accounts(
            store,
            keys,
            &passwords,
            sessions.clone(),
            zone.clone(),
            limits.clone(),
            spawner.clone(),
        )),
        invites: Arc::new(InviteService::new(
            shared.clone(),
            Arc::new(RandomLinks),
            clock.clone(),
        )),
        resets: Arc::new(resets(store, &passwords, limits.clone(), events.clone())),
        answers: Arc::new(RememberedAnswers::new(shared.clone(), clock.clone())),
        export: Arc::new(export(store, sessions.clone(), zone.clone())),
        sessions,
        admin: Arc::new(admin(store, events.clone(), usage.clone())),
        audit: Arc::new(audit(store, keys)),
        characters: Arc::new(CharacterService::new(shared.clone(), clock.clone())),
        prompts: Arc::new(PromptService::new(shared.clone(), clock.clone())),
        chats: Arc::new(ChatService::new(shared.clone(), clock.clone())),
        summaries: Arc::new(SummaryService::new(shared.clone(), clock.clone())),
        control: Arc::new(ServiceControl::new(
            shared.clone(),
            clock.clone(),
            zone.clone(),
            settings.budgets.service,
        )),
        stats: Arc::new(StatsService::new(shared.clone(), clock, zone.clone())),
        usage,
        events,
        cursors: keys.cursor_seal(),
        limits,
        network: Arc::new(NetworkRules {
            cors_origins: settings.network.cors_origins.clone(),
            trusted_proxies: settings.network.trusted_proxies.clone(),
        }),
        readiness,
        info: Arc::new(service_info(settings, port, model.model_id())),
        turns: Arc::new(turns(settings, shared, model, spawner.clone())?),
    })
}

/// Limits on how often something may be done.
fn limits(settings: &Settings) -> Arc<dyn RateLimiter> {
    if settings.network.rate_limits {
        Arc::new(LocalRateLimiter::default())
    } else {
        Arc::new(Unlimited)
    }
}

fn turns(
    settings: &Settings,
    store: Arc<SqliteStore>,
    model: Arc<dyn LanguageModel>,
    spawner: TaskSpawner,
) -> Result<TurnService, Failure> {
    let journal = ReplyJournal::open(settings.database.path()).map_err(|error| {
        Failure::because(
            "the journal of replies beside the database cannot be used",
            &error,
        )
    })?;
    let log = Arc::new(LocalReplyLog::with_journal(journal));
    let ports = TurnPorts {
        chats: store.clone(),
        turns: store.clone(),
        summaries: store,
        model,
        log,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        spawner: Arc::new(spawner),
    };
    let settings = TurnSettings {
        // One process is one node, and a new one at each start.
        node_id: NodeId::from_uuid(RandomIds.session_id().as_uuid()),
        catalog: settings.catalog.clone(),
        max_output_tokens: settings.max_output_tokens,
        zone: settings.stats_zone.clone(),
        history: HistoryBudget::of_tokens(settings.history_max_tokens),
        max_running_per_user: MAX_RUNNING_PER_USER,
        max_running: settings.max_running_replies,
        // As many again may wait: a second reply's time at most.
        max_waiting: settings.max_running_replies,
        budgets: settings.budgets,
        on_interrupt: settings.on_interrupt,
    };
    Ok(TurnService::new(ports, settings))
}

fn service_info(settings: &Settings, port: u16, model: String) -> ServiceInfo {
    ServiceInfo {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        public_origins: settings.network.public_origins(port),
        language_model: match settings.model {
            ModelChoice::Claude(_) => LanguageModelKind::Claude,
            ModelChoice::Demo { .. } => LanguageModelKind::Demo,
        },
        model,
        message_max_chars: settings.message_max_chars,
        password_min_length: settings.passwords.min_chars,
        registration: settings.registration,
        admin_reads_visible: settings.admin_reads_visible,
        stats_timezone: settings.stats_zone.name().to_owned(),
        strict_transport_security: settings.environment == Environment::Production,
    }
}

/// The service is ready when its database is, and until it is told to stop.
pub(crate) struct ServiceReadiness {
    store: SqliteStore,
    is_stopping: AtomicBool,
}

impl ServiceReadiness {
    /// Makes it ready.
    pub(crate) fn new(store: SqliteStore) -> Self {
        Self {
            store,
            is_stopping: AtomicBool::new(false),
        }
    }

    /// Lets it be ready no more, so that no more work is sent here.
    pub(crate) fn stop(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Readiness for ServiceReadiness {
    async fn check(&self) -> Result<(), NotReady> {
        if self.is_stopping.load(Ordering::Relaxed) {
            return Err(NotReady("the service is stopping".into()));
        }
        let checked = self.store.check().await;
        checked.map_err(|error| NotReady(error.into()))
    }
}
