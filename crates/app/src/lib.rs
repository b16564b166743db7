//! The use cases of LionRocket: accounts, characters, chats, turns and statistics.
//!
//! Each service holds just the ports that it needs and takes the person who asks first. Nothing here
//! knows a database, a web framework or a model's protocol, so the services run anywhere the ports do.

pub mod accounts;
pub mod characters;
pub mod chats;
pub mod error;
pub mod prompts;
pub mod starters;
pub mod turns;
pub mod usage;

pub use error::ServiceError;
