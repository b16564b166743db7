//! Plays small worlds in which everything fails, and checks that no promise is broken.
//!
//! - [`play`] runs the turn engine on a clock that jumps: people begin, stop, edit, continue and follow
//!   replies while the model fails, the store goes away and the process dies in the middle of writes.
//!   A seed decides everything, so a world that broke a promise can be played again.
//! - [`reconcile`] runs the engine, the store and the Claude adapter against the simulator of the
//!   Claude API over real connections, and looks for every charge of its bill in the ledger.
//! - [`talk_long`] has a conversation that is longer than what a model is sent, and tells how much of its
//!   input came from upstream's cache.

mod books;
mod ledger;
mod long_talk;
mod play;
mod process;
mod promises;
mod reader;
mod store;
mod upstream;
mod world;

pub use books::{Balance, Billed, balance};
pub use ledger::{Plan, reconcile};
pub use long_talk::{LongTalk, talk_long};
pub use play::{Tally, play, play_many};
pub use store::Flaw;
