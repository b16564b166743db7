//! The ports that one process can serve by itself: time, ids, background work, rate limits, the log
//! of running replies and the event bus.
//!
//! Nothing here reaches another process, and only the last words of running replies outlive theirs
//! ([`ReplyJournal`]). A service of several nodes keeps the
//! clock, the ids and the spawner, and puts adapters of a shared store in place of [`LocalReplyLog`]
//! and [`LocalEventBus`].

mod clock;
mod events;
mod ids;
mod limits;
mod reply_journal;
mod reply_log;
mod spawner;

pub use clock::SystemClock;
pub use events::LocalEventBus;
pub use ids::RandomIds;
pub use limits::{LocalRateLimiter, Unlimited};
pub use reply_journal::ReplyJournal;
pub use reply_log::LocalReplyLog;
pub use spawner::TaskSpawner;
