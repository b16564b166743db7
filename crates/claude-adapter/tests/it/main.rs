//! The adapter against a simulator of the service, and against a server that sends prepared bytes.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod bill;
mod cancel;
mod catalog;
mod cuts;
mod endings;
mod framing;
mod log;
mod network;
mod request;
mod retries;
mod stage;
mod support;
mod timeouts;
