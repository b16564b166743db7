//! `lionrocket serve`: start, run, stop.

use std::{net::TcpListener, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use lionrocket_app::{
    accounts::AccountService,
    retention::RetentionService,
    starters,
    turns::{Recovered, TurnService},
};
use lionrocket_http::{ApiState, ServerLimits};
use lionrocket_local_adapter::{SystemClock, TaskSpawner};
use lionrocket_ports::{characters::CharacterRepository as _, error::Chain, runtime::Clock as _};
use lionrocket_sqlite_adapter::SqliteStore;
use tokio::{
    runtime::{Builder, Handle},
    time::{MissedTickBehavior, interval},
};

use crate::{
    Failure, bootstrap,
    keys::Keys,
    logging,
    metrics::Metrics,
    opening::open,
    settings::{Environment, Listen, ModelChoice, RawSettings, Settings},
    stopping::{Parts, Signals, run_until_stopped},
    wiring::{self, ServiceReadiness},
};

/// How often turns are looked for that nobody works on any more.
const RECOVER_EVERY: Duration = Duration::from_secs(5);
/// How often what must not be kept is looked for.
const FORGET_EVERY: Duration = Duration::from_hours(1);
/// How long copies of the database are kept that were made beside it.
const COPIES_KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Runs the service until it is told to stop.
pub(crate) fn run(raw: &RawSettings) -> Result<(), Failure> {
    let settings = Settings::check(raw)?;
    logging::start(settings.logging);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("no threads to work with", &error))?;
    let outcome = runtime.block_on(serve(&settings));
    // What is still under way after the time for it was up is found by the next start.
    runtime.shutdown_background();
    outcome
}

async fn serve(settings: &Settings) -> Result<(), Failure> {
    let mut signals = Signals::listen()
        .map_err(|error| Failure::because("signals cannot be received", &error))?;
    let model = wiring::model(&settings.model)?;
    let listener = bind(&settings.listen)?;
    let metrics = settings.network.metrics.as_ref();
    let metrics = metrics.map(Metrics::start).transpose()?;
    let keys = Keys::load(&settings.signing, &settings.database)?;
    let options = wiring::store_options(settings, &keys);
    let lock = options.lock_for_serving();
    let _lock = lock.map_err(|error| wiring::cannot_lock(&error))?;
    let Some(store) = open(options, &listener, &mut signals).await? else {
        return Ok(());
    };
    let spawner = TaskSpawner::new(Handle::current());
    let port = listener
        .local_addr()
        .map_or(settings.listen.port, |address| address.port());
    let readiness = Arc::new(ServiceReadiness::new(store.clone()));
    let ready = readiness.clone();
    let state = wiring::api_state(settings, port, &store, &keys, model, &spawner, ready)?;
    prepare(&store, &state.turns).await?;
    bootstrap::first_administrator(settings, &state.accounts).await?;
    tell_of_unreadable_passwords(&state.accounts).await?;

    announce(settings, &state, &listener);
    let turns = state.turns.clone();
    let retention = wiring::retention(&store, settings.stats_zone.clone());
    let server = lionrocket_http::serve(state, listener, server_limits(settings))
        .map_err(|error| Failure::because("the HTTP server cannot start", &error))?;
    let figures = async {
        match metrics {
            Some(metrics) => metrics.serve().await,
            None => std::future::pending().await,
        }
    };
    let beside = async {
        tokio::select! {
            () = figures => {}
            () = recover_for_ever(&turns) => {}
            () = forget_for_ever(&retention, &store) => {}
            () = look_for_damage(&store) => {}
        }
    };
    let parts = Parts {
        turns: &turns,
        spawner: &spawner,
        readiness: &readiness,
        store: &store,
    };
    run_until_stopped(server, &parts, beside, &mut signals).await?;
    tracing::info!("stopped");
    Ok(())
}

/// Without proxies an address is a client, and has only so many connections.
fn server_limits(settings: &Settings) -> ServerLimits {
    let limits = ServerLimits::default();
    let network = &settings.network;
    if network.rate_limits && network.trusted_proxies.is_empty() {
        limits
    } else {
        ServerLimits {
            max_connections_per_address: None,
            ..limits
        }
    }
}

/// Takes the address before anything else is done, so that a second start fails early.
fn bind(listen: &Listen) -> Result<TcpListener, Failure> {
    let Listen { host, port } = listen;
    TcpListener::bind((host.as_str(), *port)).map_err(|error| {
        let advice = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program listens there: stop it, or set PORT to another number"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for privileged programs: set PORT to another number"
            }
            _ => "set HOST to an address of this machine, and PORT to a free number",
        };
        Failure::Failed(format!(
            "cannot listen on {host}:{port} ({error}): {advice}"
        ))
    })
}

/// Brings the starter characters into a new database, and ends the turns of a process that died.
async fn prepare(store: &SqliteStore, turns: &TurnService) -> Result<(), Failure> {
    let failed = |error| {
        Failure::because(
            "the database does not work",
            &error as &dyn std::error::Error,
        )
    };
    let seeded = store
        .seed(starters::drafts(), SystemClock.now())
        .await
        .map_err(failed)?;
    if seeded > 0 {
        tracing::info!(characters = seeded, "made the starter characters");
    }
    let recovered = turns.recover_after_restart().await.map_err(failed)?;
    tell_recovered(recovered);
    Ok(())
}

/// Tells the operator of replies whose process had died.
fn tell_recovered(Recovered { resumed, ended }: Recovered) {
    if resumed + ended > 0 {
        tracing::warn!(
            resumed,
            ended,
            "replies were left by a process that died: some go on, of others the text so far is kept"
        );
    }
}

/// Tells the operator of people who cannot sign in until a pepper is put back into the settings.
async fn tell_of_unreadable_passwords(accounts: &AccountService) -> Result<(), Failure> {
    let unreadable = accounts
        .unreadable_passwords()
        .await
        .map_err(|error| Failure::because("the passwords cannot be looked through", &error))?;
    if unreadable > 0 {
        tracing::warn!(
            accounts = unreadable,
            "passwords were hashed with a pepper that is not set, and nobody can sign in with them: \
             add it to PASSWORD_PEPPER_PREVIOUS, or make it PASSWORD_PEPPER when there is none"
        );
    }
    Ok(())
}

/// Tells the operator what runs, where, and what to do next.
fn announce(settings: &Settings, state: &ApiState, listener: &TcpListener) {
    let address = listener
        .local_addr()
        .map_or_else(|_| settings.listen.host.clone(), |a| a.to_string());
    let database = settings.database.path().display();
    tracing::info!(
        version = state.info.version,
        model = state.info.model,
        %database,
        "LionRocket listens on http://{address}"
    );
    if !settings.network.rate_limits {
        tracing::warn!("RATE_LIMIT is off: nothing holds back who guesses passwords");
    }
    if matches!(settings.model, ModelChoice::Demo { .. }) {
        tracing::warn!("THE DEMO MODEL ANSWERS, not Claude: set CLAUDE_API_KEY to change that");
    }
    if settings.environment == Environment::Development {
        tracing::info!(
            "make an administrator, now or later: lionrocket user create --admin --username NAME \
             --email ADDRESS"
        );
    }
}

/// Ends turns that nobody works on any more, again and again.
async fn recover_for_ever(turns: &TurnService) {
    let mut tick = interval(RECOVER_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match turns.recover_expired().await {
            Ok(recovered) => tell_recovered(recovered),
            Err(error) => {
                tracing::warn!(
                    error = %Chain(&error),
                    "abandoned turns cannot be looked for"
                );
            }
        }
    }
}

/// Forgets what must not be kept, again and again.
async fn forget_for_ever(retention: &RetentionService, store: &SqliteStore) {
    let mut tick = interval(FORGET_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        match retention.forget().await {
            Ok(forgotten) => {
                if forgotten.erased > 0 {
                    tracing::info!(accounts = forgotten.erased, "erased accounts");
                }
                if !forgotten.is_traceless {
                    tracing::warn!(
                        "the write-ahead log is being read and could not be emptied: what was \
                         erased leaves it later"
                    );
                }
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "what must not be kept cannot be forgotten");
            }
        }
        forget_copies(store).await;
    }
}

/// Removes copies of the database that were made beside it long ago: they have what was erased since.
async fn forget_copies(store: &SqliteStore) {
    let before = SystemClock.now().checked_sub(COPIES_KEPT);
    let removed = store.forget_copies(before.unwrap_or(Timestamp::MIN)).await;
    match removed {
        Ok(0) => {}
        Ok(copies) => tracing::info!(copies, "removed old copies of the database"),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "old copies of the database cannot be removed");
        }
    }
}

/// Reads a large database as a whole, once; a small one was read when it was opened. Never ends: what
/// it finds is told by the store.
async fn look_for_damage(store: &SqliteStore) {
    if let Err(error) = store.look_for_damage().await {
        tracing::warn!(error = %Chain(&error), "the database could not be read as a whole");
    }
    std::future::pending::<()>().await;
}
