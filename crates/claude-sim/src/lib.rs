//! An Anthropic-compatible server for tests and demonstrations: deterministic replies, exact billing, faults on
//! request.
//!
//! Nothing here is a model. What is real is the protocol: headers, validation with the rules of each model, the
//! grammar of event streams, prompt caching with its minimum sizes and lifetimes, prices, errors and the many ways in
//! which a stream can end.
//!
//! # In a test
//!
//! ```
//! use lionrocket_claude_sim::Simulator;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let simulator = Simulator::builder().seed(7).start().await?;
//! let url = format!("{}/v1/messages", simulator.base_url());
//! let answer = reqwest::Client::builder().build()?
//!     .post(url)
//!     .header("x-api-key", "any")
//!     .header("anthropic-version", "2026-10-21")
//!     .body(r#"{"model":"claude-haiku-5-5","max_tokens":200,"thinking":{"type":"disabled"},
//!               "messages":[{"role":"user","content":"등대에 가고 싶어"}]}"#)
//!     .send().await?;
//! assert_eq!(answer.status(), 200);
//! assert!(answer.text().await?.contains("등대"));
//! assert_eq!(simulator.bill().total.charges, 1);
//! simulator.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! It runs on threads of its own, so any test runtime will do. [`ManualClock`] moves the time by which cache entries
//! expire.
//!
//! # As a program
//!
//! `lionrocket-claude-sim --port 9000` prints its URL. All options: `--help`.
//!
//! # Paths
//!
//! | Path | |
//! |---|---|
//! | `POST /v1/messages` | plain and streamed |
//! | `POST /v1/messages/count_tokens` | equal to the input tokens of the usage |
//! | `GET /v1/models`, `GET /v1/models/{id}` | with paging |
//! | `GET /sim/bill` | [`Bill`]: what was charged, request by request |
//! | `GET /sim/requests` | `{"requests": […]}`, each a [`RecordedRequest`] |
//! | `POST /sim/reset` | forgets bill, requests, cached prompts and counted failures |
//!
//! Any key is accepted unless some are named; each key has a cache of its own.
//!
//! # Scenarios
//!
//! The request header `x-sim-scenario: NAME;key=value;…`, or `[[sim:NAME;key=value;…]]` in the last user text, asks
//! for a fault; the header wins. An unknown name, key or value is a 400. `after=N` counts text deltas. The request is
//! validated first: a scenario never hides a mistake.
//!
//! | Name | Keys (default) | |
//! |---|---|---|
//! | `error` | `status` (500), `type`, `message`, `code`, `retry-after`, `retry-after-ms`, `should-retry`, `body` (`json`, `html`, `empty`), `times`, `run` | an error answer; with `times=N` only the first N times for each value of the header `x-sim-run` (or of `run`), then success |
//! | `midstream-error` | `type` (`overloaded_error`), `after` (2) | an `error` event; an error status if not streamed |
//! | `disconnect` | `after` (2) | the connection is cut |
//! | `truncate` | `after` (2) | a clean end without `message_stop` |
//! | `malformed` | `after` (2) | an event with broken JSON, then the rest |
//! | `stall` | `ms` (60000), `after` (2) | silence, then the rest |
//! | `slow` | `ttft-ms`, `itl-ms` | other delays than configured |
//! | `unknown-event` | | an unknown event and an unknown delta |
//! | `thinking` | | a thinking block first |
//! | `refusal` | `after` (0), `category` (`general_harms`) | before any output, or in the middle |
//! | `max-tokens` | `after` (2) | the limit is reached early |
//!
//! `error` by header works on every path under `/v1`. A spend cap is
//! `error;status=429;code=enforced_spend_limit_reached`; what a proxy answers is `error;status=502;body=html`.
//!
//! # The bill
//!
//! A charge is opened when an answer begins and follows what is generated. When the client leaves, a scenario breaks
//! the stream or the simulator stops, it is closed as it stands, with `complete: false`. On Unix a client that leaves
//! is noticed at once, even between two deltas; elsewhere at the next delta. Errors instead of an answer, counting
//! and refusals before any output cost nothing.
//!
//! # What is simplified
//!
//! - Tokens are weights of characters, see the module `tokens`; images and PDF files have a flat rate.
//! - Tools are validated but never called. Not simulated, and refused with a 400: structured output, fast mode,
//!   `container`, `thread`, `context_management`, `fallbacks`, `mcp_servers`, compressed request bodies.
//!   Batches and files are unknown paths.
//! - Rate limits are told in headers but never enforced; use a scenario.
//! - A model that thinks by default answers with a thinking block each time.

mod answer;
mod bill;
mod cache;
mod catalogue;
mod clock;
mod digest;
mod failure;
mod prompt;
mod record;
mod reply;
mod scenario;
mod script;
mod server;
mod simulator;
mod tokens;
mod validate;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use bill::{Bill, BillTotal, Charge};
pub use clock::{Clock, ManualClock, SystemClock};
pub use record::RecordedRequest;
pub use simulator::{Simulator, SimulatorBuilder};

/// Locks even after a panic elsewhere: every critical section here leaves its data whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
