//! Builders, a settable clock, seeded ids and wait helpers for tests.
//!
//! [`World`] is the whole service but for the web: real adapters on a temporary file, with time, ids
//! and the model's words in the test's hands.

mod link;
mod model;
mod runtime;
mod wait;
mod world;

pub use link::{Break, Course, Disturbance, FaultyLink, Pace};
pub use model::{Gate, ModelStep, ScriptedModel};
pub use runtime::{CountingIds, TestClock};
pub use wait::wait_until;
pub use world::{PASSWORD, Person, World, audit_seal, secret};
