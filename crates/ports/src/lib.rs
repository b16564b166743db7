//! What the services need from the outside world, as traits.
//!
//! Services hold each port as `Arc<dyn Port>`. One method is one business act and, in a store, one
//! transaction: what must be true inside it travels in the request, what may happen comes back as
//! an outcome. "Not there" and "not yours" are the same answer. The documentation of a method is
//! its contract; the contract suite (`lionrocket-contract-tests`) tests adapters against it.
//!
//! With the feature `mocks` every port has a mock made by `mockall` (`MockTurnStore` and so on).

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod characters;
pub mod chats;
pub mod crypto;
pub mod error;
pub mod events;
pub mod invites;
pub mod limits;
pub mod marks;
pub mod model;
pub mod prompts;
pub mod reply_log;
pub mod resets;
pub mod retention;
pub mod runtime;
pub mod service;
pub mod sessions;
pub mod stats;
pub mod summaries;
pub mod turns;
pub mod usage;

pub use error::{StoreError, StoreResult};
