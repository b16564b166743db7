//! Errors of opening and of using the database.

use std::{error::Error, io, path::PathBuf};

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lionrocket_ports::{StoreError, error::Cause};

/// Why a database could not be opened. The messages are fit for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory of the file could not be made.
    #[error("cannot create the directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file could not be opened or made.
    #[error("cannot open the database {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// SQLite is there but does not do what is needed.
    #[error("cannot use the database {}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The schema could not be brought up to date. The database is as it was.
    #[error("cannot bring the database {} up to date", path.display())]
    Migration {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A newer release has changed the schema.
    #[error(
        "the database {} was made by a newer version of LionRocket (it has the migration {version}, \
         which this version does not know): start that version, or restore a backup from before",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The first migration that is not known.
        version: String,
    },
}

/// Why a database could not be locked for serving. The messages are fit for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process serves from the same file.
    #[error(
        "another lionrocket process already serves from this database (it holds {}): stop it \
         first, or set DATABASE_URL to another file", lock_file.display()
    )]
    AlreadyServed {
        /// The lock file.
        lock_file: PathBuf,
    },
    /// The lock file could not be made or locked.
    #[error("cannot lock {}", lock_file.display())]
    File {
        /// The lock file.
        lock_file: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What can go wrong within a job: a failure of the database, or one that is told as it is.
#[derive(Debug)]
pub(crate) enum DbError {
    Database(DieselError),
    Store(StoreError),
}

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> Self {
        Self::Database(error)
    }
}

impl From<StoreError> for DbError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DbError> for StoreError {
    fn from(error: DbError) -> Self {
        match error {
            DbError::Store(error) => error,
            DbError::Database(error) if is_passing(&error) => Self::Unavailable(Box::new(error)),
            DbError::Database(error) => Self::Internal(Box::new(error)),
        }
    }
}

/// Whether the same call may go through later: SQLite is busy, the disk full, failing or read-only.
/// Diesel keeps SQLite's message but not its code.
pub(crate) fn is_passing(error: &DieselError) -> bool {
    const PASSING: [&str; 6] = [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
    ];
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, information) => PASSING
            .iter()
            .any(|message| information.message().starts_with(message)),
        _ => false,
    }
}

/// The error of a call that the store cannot take.
pub(crate) fn unavailable(reason: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(reason.into())
}
