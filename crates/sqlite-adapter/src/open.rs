//! Opening the file, settings of connections.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use diesel::{
    Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, dsl::sql,
    result::Error as DieselError, sql_types::Text,
};
use lionrocket_ports::audit::AuditSeal;

use crate::{
    admin::register_functions,
    error::{LockError, OpenError, is_passing},
    files::{directory_of, make_directory, private_file},
    serving_lock::ServingLock,
    verify::damage,
};

/// The first version without a known way to corrupt a WAL file.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

/// How long to wait for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Synchronous {
    /// Once it is on the disk. Nothing that was answered is lost, not even when power fails.
    #[default]
    Full,
    /// Once it is with the operating system. A loss of power may take the last answers back.
    Normal,
}

/// How to open a database.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file. It is made when it is not there, and so is its directory.
    pub path: PathBuf,
    /// When a commit counts as done.
    pub synchronous: Synchronous,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// The number of threads that read, at least one.
    pub readers: usize,
    /// With fewer free bytes than this beside the file no new turns begin; `None` for short work, which
    /// does not look.
    pub low_water: Option<u64>,
    /// Seals rows of the audit log.
    pub audit_seal: Arc<dyn AuditSeal>,
}

impl SqliteOptions {
    /// The usual way to open a file: durable commits, five seconds of patience with another
    /// process, as many readers as processors up to four.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, audit_seal: Arc<dyn AuditSeal>) -> Self {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        Self {
            path: path.into(),
            synchronous: Synchronous::Full,
            busy_timeout: BUSY_TIMEOUT,
            readers: processors.min(4),
            low_water: None,
            audit_seal,
        }
    }
}

impl SqliteOptions {
    /// Keeps other processes from serving from the file until the answer is dropped. Does not wait.
    pub fn lock_for_serving(&self) -> Result<ServingLock, LockError> {
        let lock_error = |source| LockError::File {
            lock_file: self.path.clone(),
            source,
        };
        let path = std::path::absolute(&self.path).map_err(lock_error)?;
        make_directory(directory_of(&path)).map_err(lock_error)?;
        ServingLock::take(&path)
    }
}

/// Makes connections to one file.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    path: PathBuf,
    url: String,
    synchronous: Synchronous,
    busy_timeout: Duration,
}

impl Connector {
    /// Makes the file and its directory, readable by their owner only, where they are not there.
    pub(crate) fn new(options: &SqliteOptions) -> Result<Self, OpenError> {
        let file_error = |source: io::Error| OpenError::File {
            path: options.path.clone(),
            source: source.into(),
        };
        // An absolute path cannot be taken for a URI or for `:memory:`.
        let path = std::path::absolute(&options.path).map_err(file_error)?;
        if let Some(directory) = path.parent() {
            make_directory(directory).map_err(|source| OpenError::Directory {
                path: directory.to_owned(),
                source,
            })?;
        }
        private_file(&path).map_err(file_error)?;
        Self::absolute(path, options.synchronous, options.busy_timeout)
    }

    /// Takes a file that must be there.
    pub(crate) fn existing(path: &Path) -> Result<Self, OpenError> {
        let file_error = |source: io::Error| OpenError::File {
            path: path.to_owned(),
            source: source.into(),
        };
        let path = std::path::absolute(path).map_err(file_error)?;
        if !path.try_exists().map_err(file_error)? {
            return Err(OpenError::Missing { path });
        }
        Self::absolute(path, Synchronous::Full, BUSY_TIMEOUT)
    }

    fn absolute(
        path: PathBuf,
        synchronous: Synchronous,
        busy_timeout: Duration,
    ) -> Result<Self, OpenError> {
        let Some(url) = path.to_str().map(str::to_owned) else {
            return Err(OpenError::Unusable {
                path,
                reason: "the path is not UTF-8".to_owned(),
            });
        };
        Ok(Self {
            path,
            url,
            synchronous,
            busy_timeout,
        })
    }

    /// The file's absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the connection that writes.
    pub(crate) fn writer(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.plain()?;
        self.let_write(&mut connection)?;
        Ok(connection)
    }

    /// Makes a connection the one that writes.
    pub(crate) fn let_write(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        self.check_version(connection)?;
        self.use_wal(connection)?;
        let synchronous = match self.synchronous {
            Synchronous::Full => "PRAGMA synchronous = FULL",
            Synchronous::Normal => "PRAGMA synchronous = NORMAL",
        };
        self.set(
            connection,
            &[
                synchronous,
                "PRAGMA foreign_keys = ON",
                "PRAGMA temp_store = MEMORY",
                "PRAGMA mmap_size = 0",
                // The writer looks after the log between its transactions.
                "PRAGMA wal_autocheckpoint = 0",
                // A burst may make the log long; this gives the disk space back.
                "PRAGMA journal_size_limit = 67108864",
                // What a person deletes is overwritten, not merely forgotten.
                "PRAGMA secure_delete = ON",
            ],
        )
    }

    /// Opens a connection that cannot write.
    pub(crate) fn reader(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.plain()?;
        self.set(
            &mut connection,
            &[
                "PRAGMA foreign_keys = ON",
                "PRAGMA temp_store = MEMORY",
                "PRAGMA mmap_size = 0",
                "PRAGMA query_only = ON",
            ],
        )?;
        Ok(connection)
    }

    /// Opens a connection as it comes, which leaves the file as it is.
    pub(crate) fn plain(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection =
            SqliteConnection::establish(&self.url).map_err(|error| OpenError::File {
                path: self.path.clone(),
                source: error.into(),
            })?;
        // First of all, so that everything after it waits for other processes.
        let busy = format!("PRAGMA busy_timeout = {}", self.busy_timeout.as_millis());
        self.set(&mut connection, &[&busy])?;
        register_functions(&mut connection).map_err(|error| self.failed(error))?;
        Ok(connection)
    }

    fn set(&self, connection: &mut SqliteConnection, pragmas: &[&str]) -> Result<(), OpenError> {
        for pragma in pragmas {
            connection
                .batch_execute(pragma)
                .map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    /// Why the file cannot be used.
    pub(crate) fn failed(&self, source: DieselError) -> OpenError {
        let path = self.path.clone();
        match damage(&source) {
            Some(reason) => OpenError::Damaged { path, reason },
            None => OpenError::Unworkable { path, source },
        }
    }

    fn check_version(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let version: String = diesel::select(sql::<Text>("sqlite_version()"))
            .get_result(connection)
            .map_err(|error| self.failed(error))?;
        let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
        let found: [u32; 3] = std::array::from_fn(|_| parts.next().unwrap_or(0));
        if found < OLDEST_SQLITE {
            let [major, minor, patch] = OLDEST_SQLITE;
            return Err(OpenError::Unusable {
                path: self.path.clone(),
                reason: format!("SQLite {major}.{minor}.{patch} is needed, this is {version}"),
            });
        }
        Ok(())
    }

    /// Turns the write-ahead log on. SQLite does not wait here for another process that does the
    /// same at this moment, so this tries again.
    fn use_wal(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        const PAUSE: Duration = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        loop {
            match sql::<Text>("PRAGMA journal_mode = WAL").get_result::<String>(connection) {
                Ok(mode) if mode.eq_ignore_ascii_case("wal") => return Ok(()),
                Ok(mode) => {
                    return Err(OpenError::Unusable {
                        path: self.path.clone(),
                        reason: format!(
                            "its file system allows the journal mode {mode} only, and WAL is needed"
                        ),
                    });
                }
                Err(error) if is_passing(&error) && waited < self.busy_timeout => {
                    thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                Err(error) => return Err(self.failed(error)),
            }
        }
    }
}
