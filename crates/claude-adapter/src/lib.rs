//! The Claude Messages API as a language model port.
//!
//! [`ClaudeModel`] asks for every reply as a stream and turns the stream's events into those of the
//! port. How a reply may end, and what becomes of each ending:
//!
//! | What happens | What the port says |
//! |---|---|
//! | `message_stop` | `Finished` |
//! | an answer that is not 200, an `error` event | an error by its `type`, else by the status |
//! | the stream ends or breaks before `message_stop` | `Interrupted` |
//! | data that cannot be read, a limit exceeded | `Failed` |
//! | silence, or too long in all | `Timeout` |
//!
//! An attempt is repeated only before its first output, since what was said cannot be taken back. One
//! that had begun may cost money all the same: it is told by a `Started` of its own. Upstream is
//! believed when it says whether and when to try again, but it is not waited for longer than the
//! settings allow. When it is down, nothing is sent for a while and callers are told at once.
//!
//! Neither errors nor the log ever hold the key, the prompt, the reply or upstream's own words: of a
//! refused request they tell the status, the error's type and code, and the request's id.

mod breaker;
mod call;
mod failure;
mod model;
mod reader;
mod reply;
mod request;
mod settings;
mod waits;

pub use model::ClaudeModel;
pub use settings::{AuthHeader, BreakerRules, ClaudeSettings, ConfigError, Retries, Timeouts};
