//! Opening the file, settings of connections, migrations.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use diesel::{
    Connection, RunQueryDsl, SqliteConnection,
    connection::SimpleConnection,
    dsl::sql,
    migration::{Migration, MigrationSource},
    result::Error as DieselError,
    sql_types::Text,
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use lionrocket_ports::audit::AuditSeal;

use crate::{
    admin::register_functions,
    error::{OpenError, is_passing},
};

/// The migrations, built in.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The first version without a known way to corrupt a WAL file.
const OLDEST_SQLITE: [u32; 3] = [3, 51, 3];

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
            busy_timeout: Duration::from_secs(5),
            readers: processors.min(4),
            audit_seal,
        }
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
        let Some(url) = path.to_str().map(str::to_owned) else {
            return Err(OpenError::Unusable {
                path,
                reason: "the path is not UTF-8".to_owned(),
            });
        };
        Ok(Self {
            path,
            url,
            synchronous: options.synchronous,
            busy_timeout: options.busy_timeout,
        })
    }

    /// The file's absolute path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the connection that writes.
    pub(crate) fn writer(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.connect()?;
        self.check_version(&mut connection)?;
        self.use_wal(&mut connection)?;
        let synchronous = match self.synchronous {
            Synchronous::Full => "PRAGMA synchronous = FULL",
            Synchronous::Normal => "PRAGMA synchronous = NORMAL",
        };
        self.set(
            &mut connection,
            &[
                synchronous,
                "PRAGMA foreign_keys = ON",
                "PRAGMA temp_store = MEMORY",
                "PRAGMA mmap_size = 0",
                "PRAGMA wal_autocheckpoint = 1000",
                // A burst may make the log long; this gives the disk space back.
                "PRAGMA journal_size_limit = 67108864",
                // What a person deletes is overwritten, not merely forgotten.
                "PRAGMA secure_delete = ON",
            ],
        )?;
        Ok(connection)
    }

    /// Opens a connection that cannot write.
    pub(crate) fn reader(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection = self.connect()?;
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

    fn connect(&self) -> Result<SqliteConnection, OpenError> {
        let mut connection =
            SqliteConnection::establish(&self.url).map_err(|error| OpenError::File {
                path: self.path.clone(),
                source: error.into(),
            })?;
        // First of all, so that everything after it waits for other processes.
        let busy = format!("PRAGMA busy_timeout = {}", self.busy_timeout.as_millis());
        self.set(&mut connection, &[&busy])?;
        register_functions(&mut connection).map_err(|error| self.unusable(&error))?;
        Ok(connection)
    }

    fn set(&self, connection: &mut SqliteConnection, pragmas: &[&str]) -> Result<(), OpenError> {
        for pragma in pragmas {
            connection
                .batch_execute(pragma)
                .map_err(|error| self.unusable(&error))?;
        }
        Ok(())
    }

    fn unusable(&self, error: &DieselError) -> OpenError {
        OpenError::Unusable {
            path: self.path.clone(),
            reason: error.to_string(),
        }
    }

    fn check_version(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let version: String = diesel::select(sql::<Text>("sqlite_version()"))
            .get_result(connection)
            .map_err(|error| self.unusable(&error))?;
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
                Err(error) => return Err(self.unusable(&error)),
            }
        }
    }

    /// Brings the schema up to date, all or nothing. Processes that start together take turns.
    pub(crate) fn migrate(&self, connection: &mut SqliteConnection) -> Result<(), OpenError> {
        let path = self.path.clone();
        connection
            .immediate_transaction(run_migrations)
            .map_err(|error| match error {
                MigrationError::Newer(version) => OpenError::Newer { path, version },
                MigrationError::Failed(source) => OpenError::Migration { path, source },
            })
    }
}

enum MigrationError {
    Newer(String),
    Failed(Box<dyn Error + Send + Sync>),
}

impl From<DieselError> for MigrationError {
    fn from(error: DieselError) -> Self {
        Self::Failed(error.into())
    }
}

fn run_migrations(connection: &mut SqliteConnection) -> Result<(), MigrationError> {
    let known: Vec<String> = MigrationSource::<Sqlite>::migrations(&MIGRATIONS)
        .map_err(MigrationError::Failed)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = connection
        .applied_migrations()
        .map_err(MigrationError::Failed)?;
    // Newest first comes from the harness; the oldest unknown one says most.
    let unknown = applied
        .iter()
        .rev()
        .map(ToString::to_string)
        .find(|version| !known.contains(version));
    if let Some(version) = unknown {
        return Err(MigrationError::Newer(version));
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(MigrationError::Failed)?;
    Ok(())
}

/// Makes a directory and those above it, for its owner only. One that is there stays as it is.
fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file for writing, making it for its owner only when it is not there. SQLite gives its
/// companion files the same mode.
pub(crate) fn private_file(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
