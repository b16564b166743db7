//! Behaviour of the simulator over real connections.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod access;
mod billing;
mod caching;
mod faults;
mod models;
mod replies;
mod streams;
mod support;
mod validation;
