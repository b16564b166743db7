//! The contract of the storage and messaging ports, as tests that any adapter runs.

pub mod reply_log;
