//! Tables, rows and conversions that every SQL adapter shares.
//!
//! This crate names no connection: adapters run what is described here. Rows hold what the database
//! holds; `into_domain` turns a row into a value of the domain and says
//! [`StoreError::Corrupt`](lionrocket_ports::StoreError::Corrupt) when it cannot.
//!
//! Statements that run often are [`static_query!`] types: their text is fixed, so a connection
//! prepares them once.

#[macro_use]
mod static_query;

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod branch;
pub mod budgets;
pub mod characters;
pub mod chats;
pub mod convert;
pub mod invites;
pub mod messages;
pub mod prompts;
pub mod retention;
pub mod schema;
pub mod search;
pub mod sessions;
pub mod soundness;
pub mod statistics;
pub mod summaries;
pub mod time;
pub mod turns;
pub mod usage;

pub use static_query::Bind;
