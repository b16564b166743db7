//! Opening the database while the listener answers already.

use std::{net::TcpListener, time::Duration};

use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use tokio::{task::spawn_blocking, time::sleep};

use crate::{Failure, stopping::Signals, wiring};

/// How long clients wait for an answer that the service itself will give.
const SOON: Duration = Duration::from_millis(100);

/// Opens the database. When that takes long, as when its schema changes, clients are told meanwhile
/// that the service is starting. `None` when the process was told to stop; a change of the schema that
/// was under way is taken back then.
pub(crate) async fn open(
    options: SqliteOptions,
    listener: &TcpListener,
    signals: &mut Signals,
) -> Result<Option<SqliteStore>, Failure> {
    let opening = spawn_blocking(move || SqliteStore::open(&options));
    let mut opening = std::pin::pin!(async {
        let opened = opening
            .await
            .map_err(|error| Failure::because("opening the database failed", &error))?;
        opened
            .map(Some)
            .map_err(|error| wiring::cannot_open(&error))
    });
    tokio::select! {
        opened = &mut opening => return opened,
        () = signals.next() => return Ok(None),
        () = sleep(SOON) => {}
    }
    tracing::info!(
        "opening the database takes long: clients are told that the service is starting"
    );
    let server = listener
        .try_clone()
        .and_then(lionrocket_http::serve_starting);
    let server =
        server.map_err(|error| Failure::because("the HTTP server cannot start", &error))?;
    let handle = server.handle();
    let mut server = std::pin::pin!(server);
    let opened = tokio::select! {
        opened = &mut opening => opened,
        () = signals.next() => Ok(None),
        ended = &mut server => {
            return Err(match ended {
                Ok(()) => Failure::Failed("the HTTP server ended by itself".to_owned()),
                Err(error) => Failure::because("the HTTP server failed", &error),
            });
        }
    };
    // The server does its part only while it is polled.
    let ((), ended) = tokio::join!(handle.stop(false), server);
    ended.map_err(|error| Failure::because("the HTTP server failed", &error))?;
    opened
}
