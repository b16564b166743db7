//! The HTTP API in process: real services on a temporary file, a model that plays scripts.
#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

mod access;
mod admin;
mod answered;
mod api;
mod bad_requests;
mod branches;
mod budgets;
mod clock;
mod conditional;
mod deletion;
mod documents;
mod exchanges;
mod export;
mod fields;
mod gate;
mod invites;
mod leaks;
mod limits;
mod lists;
mod network;
mod ownership;
mod pages;
mod passwords;
mod remembering;
mod route_table;
mod sessions;
mod stats;
mod streams;
mod summaries;
mod things;
mod throttle;
mod timing;
