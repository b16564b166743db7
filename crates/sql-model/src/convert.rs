//! Small steps between stored and checked values.

use std::fmt::Display;

use lionrocket_ports::{StoreError, StoreResult};

/// The error for a row that does not fit the domain's rules.
pub fn corrupt(table: &'static str, key: impl Display) -> StoreError {
    StoreError::Corrupt {
        table,
        key: key.to_string(),
    }
}

/// Reads a count, which is never negative.
///
/// # Errors
/// [`StoreError::Corrupt`] with the table and key.
pub fn count(table: &'static str, key: impl Display, stored: i64) -> StoreResult<u64> {
    u64::try_from(stored).map_err(|_| corrupt(table, key))
}

/// The stored form of a count. A count beyond 2^63 − 1 is stored as that.
#[must_use]
pub fn stored_count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
