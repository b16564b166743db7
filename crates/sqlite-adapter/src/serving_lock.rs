//! One serving process per file.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use crate::{
    error::LockError,
    files::{beside, private_file},
};

/// Keeps other processes from serving from the same database for as long as it lives. The operating
/// system lets go of it when the process ends, however it ends.
#[derive(Debug)]
pub struct ServingLock {
    _file: File,
}

impl ServingLock {
    /// Takes the lock beside a database.
    pub(crate) fn take(database: &Path) -> Result<Self, LockError> {
        let lock_file = beside(database, ".lock");
        let file = match private_file(&lock_file) {
            Ok(file) => file,
            Err(source) => return Err(LockError::File { lock_file, source }),
        };
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::AlreadyServed { lock_file }),
            Err(TryLockError::Error(source)) => Err(LockError::File { lock_file, source }),
        }
    }
}
