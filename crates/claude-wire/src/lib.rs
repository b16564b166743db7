//! Types of the Claude Messages API and an incremental parser of its event streams.
