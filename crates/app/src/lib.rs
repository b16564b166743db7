//! The use cases of LionRocket: accounts, characters, chats, turns and statistics.
//!
//! Each service holds just the ports that it needs and takes the person who asks first. Nothing here
//! knows a database, a web framework or a model's protocol, so the services run anywhere the ports do.
//!
//! A service is put together from ports. Here they are mocks; `lionrocket-sqlite-adapter` and
//! `lionrocket-local-adapter` have real ones.
//!
//! ```
//! use std::sync::Arc;
//!
//! use lionrocket_app::{ServiceError, chats::ChatService};
//! use lionrocket_domain::{access::Actor, ids::{ChatId, SessionId, UserId}};
//! use lionrocket_ports::{chats::MockChatRepository, runtime::MockClock};
//! use uuid::Uuid;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let mut chats = MockChatRepository::new();
//! chats.expect_get().returning(|_owner, _id| Ok(None));
//! let service = ChatService::new(Arc::new(chats), Arc::new(MockClock::new()));
//!
//! // Somebody else's chat is not there, for an administrator as for anybody.
//! let admin = Actor {
//!     user_id: UserId::from_stored(1),
//!     session_id: SessionId::from_uuid(Uuid::nil()),
//!     is_admin: true,
//! };
//! let found = service.get(admin, ChatId::from_stored(7)).await;
//! assert!(matches!(found, Err(ServiceError::NotFound)));
//! # }
//! ```

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod characters;
pub mod chats;
pub mod error;
pub mod export;
pub mod invites;
pub mod profile;
pub mod prompts;
pub mod resets;
pub mod retention;
pub mod service_control;
pub mod sessions;
pub mod starters;
pub mod stats;
pub mod summaries;
mod throttle;
pub mod turns;
pub mod usage;

pub use error::ServiceError;
