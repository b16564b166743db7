//! Running until there is a reason to stop, and stopping.

use std::{future::Future, time::Duration};

use actix_web::dev::Server;
use lionrocket_app::turns::TurnService;
use lionrocket_local_adapter::TaskSpawner;
use lionrocket_sqlite_adapter::SqliteStore;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::timeout,
};

use crate::{Failure, wiring::ServiceReadiness};

/// How long replies under way may go on after the signal to stop.
const DRAIN: Duration = Duration::from_secs(25);
/// How long the ends of replies that were cut may take to be written.
const INTERRUPT: Duration = Duration::from_millis(1500);
/// How long answers may take to leave once all replies have ended.
const FLUSH: Duration = Duration::from_secs(1);
/// How long requests under way may take to be told that the storage failed.
const TELL: Duration = Duration::from_secs(1);
/// How long the database may take to be closed. What it was told to keep is on the disk before.
const CLOSE: Duration = Duration::from_secs(2);

/// What must be told that the service stops.
pub(crate) struct Parts<'a> {
    pub(crate) turns: &'a TurnService,
    pub(crate) spawner: &'a TaskSpawner,
    pub(crate) readiness: &'a ServiceReadiness,
    pub(crate) store: &'a SqliteStore,
}

/// Why the service stops.
enum Reason {
    Told,
    StorageFailed,
}

/// Runs the server, with some work beside it that never ends, until a signal comes or the storage
/// fails; then lets it end and closes the store.
pub(crate) async fn run_until_stopped(
    server: Server,
    parts: &Parts<'_>,
    beside: impl Future<Output = ()>,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    let reason = tokio::select! {
        ended = &mut server => {
            return ended.map_err(|error| Failure::because("the HTTP server failed", &error));
        }
        () = beside => return Ok(()),
        () = signals.next() => Reason::Told,
        _ = parts.store.failed() => Reason::StorageFailed,
    };
    parts.readiness.stop();
    parts.turns.take_no_more();
    let winding_down = async {
        // Readers read on to the end, and whoever asks learns that nothing more is to be sent here.
        // The server does its part only while it is polled.
        tokio::select! {
            _ = &mut server => return,
            () = wait_for_work(&reason, parts) => {}
        }
        let _stopping = handle.stop(true);
        // Connections without a request need not be waited for.
        let _ = timeout(FLUSH, &mut server).await;
    };
    tokio::select! {
        () = winding_down => {}
        () = signals.next() => {
            tracing::warn!("told to stop a second time: stopping at once");
            return Err(Failure::Failed("stopped before all replies had ended".to_owned()));
        }
    }
    close(parts.store).await
}

async fn wait_for_work(reason: &Reason, parts: &Parts<'_>) {
    match reason {
        Reason::Told => drain(parts).await,
        // Nothing that is under way can be kept any more.
        Reason::StorageFailed => tokio::time::sleep(TELL).await,
    }
}

/// Waits for the replies under way, and ends those that take too long.
async fn drain(parts: &Parts<'_>) {
    let running = parts.spawner.running();
    tracing::info!(replies = running, "told to stop: replies under way may end");
    if parts.spawner.drain(DRAIN).await == 0 {
        return;
    }
    let cut = parts.turns.interrupt_all();
    tracing::warn!(
        replies = cut,
        "did not end in time: their text so far is kept"
    );
    let left = parts.spawner.drain(INTERRUPT).await;
    if left > 0 {
        tracing::warn!(tasks = left, "the next start takes up what is left");
    }
}

/// Closes the store, and fails when the storage has.
async fn close(store: &SqliteStore) -> Result<(), Failure> {
    if timeout(CLOSE, store.close()).await.is_err() {
        tracing::warn!("the database is not closed in time: the next start does the rest");
    }
    match store.fault() {
        None => Ok(()),
        Some(fault) => Err(Failure::Storage(fault.to_string())),
    }
}

/// The signals that end a service.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to listen to them; from then on they end nothing by themselves.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
