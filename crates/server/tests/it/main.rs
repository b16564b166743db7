//! The whole server: the real binary over TCP, the simulator of the Claude API behind it.

#![expect(
    clippy::unwrap_used,
    reason = "a step that does not go as expected fails its test"
)]

mod accounts;
mod audit;
mod backups;
mod bootstrap;
mod chatting;
mod commands;
mod disk;
mod faults;
mod lifecycle;
mod network;
mod refusals;
mod sessions;
mod starting;
mod summaries;
mod support;
mod watching;
