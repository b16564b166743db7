//! Behaviour of the wire types and the event stream parser.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

mod sse;
mod types;
