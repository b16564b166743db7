//! Time, randomness and background work.

use std::{future::Future, pin::Pin};

use jiff::Timestamp;
use lionrocket_domain::ids::{SessionId, TurnId};

/// Tells the time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Clock: Send + Sync {
    /// The wall clock's time in whole microseconds.
    fn now(&self) -> Timestamp;
}

/// Makes ids that nobody can guess and that sort by time.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait IdGenerator: Send + Sync {
    /// An id for a turn.
    fn turn_id(&self) -> TurnId;

    /// An id for a session.
    fn session_id(&self) -> SessionId;
}

/// A piece of background work.
pub type BackgroundTask = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs work that must not end with the request that began it. Shutdown waits for it.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait Spawner: Send + Sync {
    /// Starts a task. `name` is for the log.
    fn spawn(&self, name: &'static str, task: BackgroundTask);
}
