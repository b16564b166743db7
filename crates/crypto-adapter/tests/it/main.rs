//! Tests of password hashing and access tokens.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod jwt;
mod passwords;
mod policy;
mod refresh;
