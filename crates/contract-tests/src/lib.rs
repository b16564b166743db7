//! The contract of the storage and messaging ports, as tests that any adapter runs.
//!
//! An adapter's test binary calls one macro per suite, which makes a test of every rule:
//! [`store_contract!`] for the repositories, [`reply_log_contract!`] for the log of replies. The
//! rules are the ports' own documentation; a rule that an adapter breaks is a fault of the adapter.

pub mod reply_log;
pub mod store;
