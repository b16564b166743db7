//! Whether the disk and the file can still be relied on.

use std::{
    fmt,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use diesel::result::Error as DieselError;
use tokio::sync::watch;

use crate::{
    error::{is_full, is_io_failure, is_read_only},
    files::{directory_of, free_space},
    verify::damage,
};

/// With less free space than this an error of the disk means that it is full: SQLite does not always
/// tell the two apart.
const FULL_BYTES: u64 = 256 * 1024;

/// What an error says of the storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// There is no room. It may come back.
    Full,
    /// Nothing may be written any more.
    Fault(StorageFault),
}

/// Why nothing may be written any more: after such an error nobody knows what is on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StorageFault {
    /// The disk did not take, or give, what it was asked for.
    Disk(String),
    /// The file or its file system cannot be written to.
    ReadOnly,
    /// The file is damaged.
    Damaged(String),
}

impl fmt::Display for StorageFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(reason) => write!(
                f,
                "the disk failed ({reason}): nothing is written any more, since what it took last may \
                 not be there; look at the disk and the kernel's log, then start again"
            ),
            Self::ReadOnly => f.write_str(
                "the database cannot be written to any more, as when a file system turns read-only \
                 after errors: look at the disk and the kernel's log, then start again",
            ),
            // SQLite says the same of a disk that cannot be read.
            Self::Damaged(reason) => write!(
                f,
                "the database is damaged, or its disk cannot be read ({reason}): nothing is written \
                 any more; look at the disk and the kernel's log and start again, and if that fails as \
                 well, put a backup in its place with `lionrocket restore --input DIRECTORY`"
            ),
        }
    }
}

/// What is known of the storage. Once it has failed it stays so.
#[derive(Debug)]
pub(crate) struct Health {
    database: PathBuf,
    fault: watch::Sender<Option<StorageFault>>,
    /// Held while the fault is set, so that the first one stays.
    setting: Mutex<()>,
}

impl Health {
    /// Begins with a sound storage.
    pub(crate) fn new(database: PathBuf) -> Self {
        Self {
            database,
            fault: watch::Sender::new(None),
            setting: Mutex::new(()),
        }
    }

    /// Why nothing may be written any more, if so.
    pub(crate) fn fault(&self) -> Option<StorageFault> {
        self.fault.borrow().clone()
    }

    /// Waits until nothing may be written any more.
    pub(crate) async fn failed(&self) -> StorageFault {
        let mut fault = self.fault.subscribe();
        match fault
            .wait_for(Option::is_some)
            .await
            .map(|fault| fault.clone())
        {
            Ok(Some(fault)) => fault,
            // The sender is in `self`.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Takes note of what an error says of the storage.
    pub(crate) fn notice(&self, error: &DieselError) -> Option<Trouble> {
        let trouble = self.trouble(error)?;
        if let Trouble::Fault(fault) = &trouble {
            self.fail(fault.clone());
        }
        Some(trouble)
    }

    /// The same for an error of a connection that cannot write and may say so.
    pub(crate) fn notice_read(&self, error: &DieselError) {
        if !is_read_only(error) {
            self.notice(error);
        }
    }

    /// Takes note that nothing may be written any more.
    pub(crate) fn fail(&self, fault: StorageFault) {
        let _setting = self.setting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.fault.borrow().is_none() {
            tracing::error!(%fault, "the storage failed");
            self.fault.send_replace(Some(fault));
        }
    }

    fn trouble(&self, error: &DieselError) -> Option<Trouble> {
        if is_full(error) {
            return Some(Trouble::Full);
        }
        if is_io_failure(error) {
            let free = free_space(directory_of(&self.database));
            return Some(if free.is_ok_and(|free| free < FULL_BYTES) {
                Trouble::Full
            } else {
                Trouble::Fault(StorageFault::Disk(error.to_string()))
            });
        }
        if is_read_only(error) {
            return Some(Trouble::Fault(StorageFault::ReadOnly));
        }
        damage(error).map(|reason| Trouble::Fault(StorageFault::Damaged(reason)))
    }
}
