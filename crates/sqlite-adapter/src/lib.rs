//! The store on embedded SQLite: one writer with group commit, a pool of readers.
//!
//! All writes go through one thread that owns the only writing connection. It takes as many queued
//! jobs as there are into one transaction, runs each in a savepoint of its own, commits once and
//! answers then: an answer means that the write is on disk. Reads run on threads of their own with
//! connections that cannot write.
//!
//! Other processes may use the same file, for instance the command line while the server runs;
//! only one may serve from it ([`SqliteOptions::lock_for_serving`]).

mod accounts;
mod admin;
mod audit;
mod backup;
mod branches;
mod budgets;
mod changes;
mod characters;
mod chats;
mod error;
mod files;
mod health;
mod invites;
mod logins;
mod manifest;
mod migrations;
mod open;
mod prompts;
mod readers;
mod restore;
mod retention;
mod room;
mod serving_lock;
mod sessions;
mod statistics;
mod store;
mod summaries;
mod turns;
mod usage;
mod verify;
mod writer;

pub use backup::{Backup, back_up, forget_backups};
pub use error::{CopyError, LockError, OpenError, is_of_the_disk};
pub use health::StorageFault;
pub use manifest::Manifest;
pub use migrations::MIGRATIONS;
pub use open::{SqliteOptions, Synchronous};
pub use restore::{Restored, restore};
pub use serving_lock::ServingLock;
pub use store::SqliteStore;
pub use verify::{Contents, Finding};
