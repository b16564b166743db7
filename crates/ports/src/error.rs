//! Errors that every store shares.

use std::{error::Error, fmt};

/// The cause of an error, kept for the log.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Shows an error with all its causes, for a log.
///
/// ```
/// use lionrocket_ports::{StoreError, error::Chain};
///
/// let error = StoreError::Unavailable("disk full".into());
/// assert_eq!(Chain(&error).to_string(), "the database is not available: disk full");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}

/// The answer of a store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why a store could not do what it was asked. Nothing was changed, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database cannot be reached or is overloaded; the same call may go through later.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// There is too little room for what was to be written. What is there can be read.
    #[error("there is too little room on the disk")]
    Full,
    /// A stored row does not fit the domain's rules.
    #[error("a stored row of {table} with key {key} is not valid")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key.
        key: String,
    },
    /// A fault that no caller can do anything about.
    #[error("the database failed")]
    Internal(#[source] Cause),
}
