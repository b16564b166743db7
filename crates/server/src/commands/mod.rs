//! What the binary can be asked to do.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod healthcheck;
pub(crate) mod migrate;
pub(crate) mod openapi;
pub(crate) mod password;
pub(crate) mod resets;
pub(crate) mod secret;
pub(crate) mod serve;
pub(crate) mod user;

use std::{
    future::Future,
    io::{self, Write as _},
};

use crate::Failure;

/// Prints a line on standard output. A reader that went away, as `head` does, is no failure.
fn print_line(line: &str) -> Result<(), Failure> {
    match writeln!(io::stdout().lock(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::because("the output cannot be written", &error))
        }
        _ => Ok(()),
    }
}

/// Does the work of a short command.
fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::because("no threads to work with", &error))?;
    Ok(runtime.block_on(work))
}
