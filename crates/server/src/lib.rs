//! The `lionrocket` binary: settings, wiring, lifecycle and commands.
//!
//! This is the only crate that knows every adapter. It reads the settings once, puts the services
//! together and hands them to `lionrocket-http`.

mod bootstrap;
mod cli;
mod commands;
mod failure;
mod keys;
mod logging;
mod metrics;
mod one_line;
mod opening;
pub mod settings;
mod stopping;
mod wiring;

pub use cli::{Cli, run};
pub use failure::Failure;
