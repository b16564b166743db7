//! Tests of the in-process adapters.

mod events;
mod limits;
mod reply_log;
mod spawner;
