//! A running server, a person who uses it, and waiting with a limit.

#[cfg(target_os = "linux")]
mod disk;
mod person;
mod server;
mod stream;
#[cfg(target_os = "linux")]
mod terminal;

use std::{future::Future, time::Duration};

#[cfg(target_os = "linux")]
pub(crate) use disk::SmallDisk;
pub(crate) use person::{Answer, PASSWORD, Person, client};
pub(crate) use server::{Finished, Home, Server};
pub(crate) use stream::{Event, Events};

/// Far longer than anything takes, even on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_mins(1);

/// How often a state is looked at that nobody announces.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks again and again until there is something, and gives up after [`LIMIT`].
#[track_caller]
pub(crate) fn eventually<T, F: Future<Output = Option<T>>>(
    what: &'static str,
    mut look: impl FnMut() -> F,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        let looking = async {
            let mut tick = tokio::time::interval(LOOK_EVERY);
            loop {
                tick.tick().await;
                if let Some(found) = look().await {
                    return found;
                }
            }
        };
        tokio::time::timeout(LIMIT, looking)
            .await
            .unwrap_or_else(|_| panic!("{place}: did not happen in time: {what}"))
    }
}

/// Waits for a future, but not for ever.
#[track_caller]
pub(crate) fn in_time<T>(
    what: &'static str,
    work: impl Future<Output = T>,
) -> impl Future<Output = T> {
    let place = std::panic::Location::caller();
    async move {
        tokio::time::timeout(LIMIT, work)
            .await
            .unwrap_or_else(|_| panic!("{place}: did not happen in time: {what}"))
    }
}
