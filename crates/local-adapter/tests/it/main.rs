//! Tests of the in-process adapters.

mod events;
mod reply_log;
mod spawner;
