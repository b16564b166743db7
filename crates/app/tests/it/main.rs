//! The services on mocked ports.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test that cannot go on must fail"
)]

mod accounts;
mod admin;
mod audit;
mod export;
mod library;
mod retention;
mod sessions;
mod summaries;
mod support;
mod turns;
