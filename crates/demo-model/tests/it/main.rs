//! Tests of the demo model as the service sees it.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod talking;
