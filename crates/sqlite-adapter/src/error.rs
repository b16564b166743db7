//! Errors of opening and of using the database.

use std::{
    error::Error,
    io,
    path::{Path, PathBuf},
};

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use lionrocket_ports::{StoreError, error::Cause};
use rustix::io::Errno;

use crate::{
    files::free_space,
    verify::{Finding, damage},
};

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
    /// There is no such file, and none is to be made.
    #[error("there is no database {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// SQLite is there but does not do what is needed.
    #[error("cannot use the database {}: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// SQLite cannot read or write the file.
    #[error("cannot use the database {}", path.display())]
    Unworkable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: DieselError,
    },
    /// The copy that is made before the schema changes could not be made. The database is as it was.
    #[error("cannot copy the database {} before it is brought up to date", path.display())]
    Backup {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<CopyError>,
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
    /// The file is damaged.
    #[error(
        "the database {} is damaged ({reason}), and nothing was written to it: put a backup in its \
         place with `lionrocket restore --input DIRECTORY`, or see DATABASE_URL if it is the wrong \
         file", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A migration that the database has is not the one of that name that is built in.
    #[error(
        "the database {} was made by another build of LionRocket (its migration {version} is not the \
         one of this version, which must never be changed): start the version that made it, or \
         restore a backup", path.display()
    )]
    Altered {
        /// The file.
        path: PathBuf,
        /// The first migration that differs.
        version: String,
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

/// Whether the disk is the reason for an error: it failed, is full or cannot be written to.
#[must_use]
pub fn is_of_the_disk(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem
            ) || error.raw_os_error() == Some(Errno::IO.raw_os_error());
        }
        if let Some(error) = error.downcast_ref::<DieselError>() {
            return is_full(error) || is_io_failure(error) || is_read_only(error);
        }
        cause = error.source();
    }
    false
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

/// Why a database could not be copied or replaced. The messages are fit for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There is no backup to take.
    #[error("there is no backup in {}", directory.display())]
    NoBackup {
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// A file or a directory could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// The file or the directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The copy does not fit.
    #[error(
        "there is too little room in {}: up to {} MiB are needed and {} MiB are free, make room or \
         choose another place", directory.display(), mebibytes(*needed), mebibytes(*free)
    )]
    NoSpace {
        /// Where the copy was to be.
        directory: PathBuf,
        /// The bytes that are needed at most.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// SQLite could not do it.
    #[error("cannot copy the database {}: {reason}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A database cannot be relied on.
    #[error("{} cannot be relied on: {finding}", path.display())]
    Unsound {
        /// The database.
        path: PathBuf,
        /// What is wrong with it.
        finding: Finding,
    },
    /// A backup is not the file that its manifest describes.
    #[error(
        "{} is not the file that was made: its size or its SHA-256 differs from what is written \
         down beside it, take another backup", path.display()
    )]
    Changed {
        /// The backup.
        path: PathBuf,
    },
    /// Another process has the database open.
    #[error(
        "another process uses the database {}: wait until it has ended, then try again",
        path.display()
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// The database could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database could not be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl CopyError {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn no_space(directory: &Path, needed: u64) -> Self {
        Self::NoSpace {
            directory: directory.to_owned(),
            needed,
            free: free_space(directory).unwrap_or(0),
        }
    }
}

/// Bytes in whole mebibytes, rounded up.
const fn mebibytes(bytes: u64) -> u64 {
    bytes.div_ceil(1024 * 1024)
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
            DbError::Database(error) if is_full(&error) => Self::Full,
            // After damage the process ends, and another one may serve.
            DbError::Database(error) if is_passing(&error) || damage(&error).is_some() => {
                Self::Unavailable(Box::new(error))
            }
            DbError::Database(error) => Self::Internal(Box::new(error)),
        }
    }
}

/// Whether the same call may go through later: SQLite is busy, the disk full, failing or read-only.
/// Diesel keeps SQLite's message but not its code.
pub(crate) fn is_passing(error: &DieselError) -> bool {
    is_locked(error)
        || is_full(error)
        || is_io_failure(error)
        || is_read_only(error)
        || says(error, &["unable to open database file"])
}

/// Whether the disk did not do what it was asked.
pub(crate) fn is_io_failure(error: &DieselError) -> bool {
    says(error, &["disk I/O error"])
}

/// Whether the file, or its file system, cannot be written to.
pub(crate) fn is_read_only(error: &DieselError) -> bool {
    says(error, &["attempt to write a readonly database"])
}

/// Whether another connection is in the way.
pub(crate) fn is_locked(error: &DieselError) -> bool {
    says(error, &["database is locked", "database table is locked"])
}

/// Whether the disk is full.
pub(crate) fn is_full(error: &DieselError) -> bool {
    says(error, &["database or disk is full"])
}

/// Whether SQLite's message begins in one of these ways.
fn says(error: &DieselError, beginnings: &[&str]) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, information) => beginnings
            .iter()
            .any(|beginning| information.message().starts_with(beginning)),
        _ => false,
    }
}

/// The error of a call that the store cannot take.
pub(crate) fn unavailable(reason: impl Into<Box<dyn Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable(reason.into())
}
