//! Bringing the schema up to date, forwards only.

use std::{error::Error, fs, io, path::Path};

use diesel::{
    QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    migration::{Migration, MigrationSource},
    result::Error as DieselError,
    sql_types::{BigInt, Binary, Text},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use jiff::Timestamp;
use lionrocket_sql_model::{schema::migration_checksums, static_query};
use sha2::{Digest, Sha256};

use crate::{
    backup::{check, copy},
    error::{CopyError, OpenError, is_locked},
    files,
    open::Connector,
};

/// The migrations, built in.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The texts of the same by their versions, oldest first.
const TEXTS: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/migration_texts.rs"));

static_query! {
    /// Counts the tables that say which migrations were applied: one, or none in a new file.
    struct CountRecords {}
    rows (BigInt,);
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
     AND name = '__diesel_schema_migrations'"
}

static_query! {
    /// Counts the tables that say what the migrations were: one, or none in an old database.
    struct CountChecksumTables {}
    rows (BigInt,);
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'migration_checksums'"
}

static_query! {
    /// Writes down what a migration was, unless that is known.
    struct KeepChecksum<'a> {
        /// The migration.
        version: Text = &'a str,
        /// The SHA-256 of its text.
        sha256: Binary = &'a [u8],
    }
    rows ();
    "INSERT OR IGNORE INTO migration_checksums (version, sha256) VALUES (" version ", " sha256 ")"
}

static_query! {
    /// Finds the migrations that were applied, oldest first.
    struct FindApplied {}
    rows (Text,);
    "SELECT version FROM __diesel_schema_migrations ORDER BY version"
}

/// The migrations that a database has, oldest first. Writes nothing.
pub(crate) fn applied(connection: &mut SqliteConnection) -> QueryResult<Vec<String>> {
    let (records,): (i64,) = (CountRecords {}).get_result(connection)?;
    if records == 0 {
        return Ok(Vec::new());
    }
    let versions: Vec<(String,)> = (FindApplied {}).load(connection)?;
    Ok(versions.into_iter().map(|(version,)| version).collect())
}

/// The versions of the migrations that are built in.
pub(crate) fn known() -> Vec<String> {
    // They were read when this was compiled, so that they can be read.
    let known = MigrationSource::<Sqlite>::migrations(&MIGRATIONS).unwrap_or_default();
    known
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect()
}

/// The oldest migration that this version does not know.
pub(crate) fn unknown(applied: &[String]) -> Option<String> {
    let known = known();
    applied.iter().find(|one| !known.contains(one)).cloned()
}

/// The oldest migration that is not the one of that name that is built in.
fn altered(connection: &mut SqliteConnection) -> QueryResult<Option<String>> {
    let (tables,): (i64,) = (CountChecksumTables {}).get_result(connection)?;
    if tables == 0 {
        return Ok(None);
    }
    let kept: Vec<(String, Vec<u8>)> = migration_checksums::table
        .order(migration_checksums::version)
        .load(connection)?;
    let differs = |(version, sha256): &(String, Vec<u8>)| {
        let text = TEXTS.iter().find(|(known, _)| known == version);
        text.is_some_and(|(_, text)| Sha256::digest(text).as_slice() != sha256)
    };
    Ok(kept.into_iter().find(differs).map(|(version, _)| version))
}

/// What is to be done to a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// It is up to date.
    Nothing,
    /// It is new: nothing in it can be lost.
    Everything,
    /// It has data and an older schema.
    Something,
}

/// Looks at the migrations that a database has, and fails when this version must not use it. Writes
/// nothing.
pub(crate) fn inspect(
    connector: &Connector,
    connection: &mut SqliteConnection,
) -> Result<Pending, OpenError> {
    let found = applied(connection).and_then(|applied| Ok((altered(connection)?, applied)));
    let (altered, applied) = found.map_err(|error| connector.failed(error))?;
    let path = connector.path().to_owned();
    if let Some(version) = unknown(&applied) {
        return Err(OpenError::Newer { path, version });
    }
    if let Some(version) = altered {
        return Err(OpenError::Altered { path, version });
    }
    Ok(match applied.len() {
        0 => Pending::Everything,
        count if count == TEXTS.len() => Pending::Nothing,
        _ => Pending::Something,
    })
}

/// What follows the name of a database in that of a copy made before a migration.
const BEFORE: &str = ".before-";

/// Copies a database that has data before its schema changes. The copy stands beside it and has the
/// version in its name that the database is brought to; it is replaced when that is tried again.
pub(crate) fn back_up_first(
    connector: &Connector,
    connection: &mut SqliteConnection,
) -> Result<(), OpenError> {
    let newest = TEXTS.last().map_or("", |(version, _)| version);
    let target = files::beside(connector.path(), &format!("{BEFORE}{newest}"));
    let directory = files::directory_of(&target).to_owned();
    let done = files::remove_abandoned(&directory)
        .map_err(|source| CopyError::file(&directory, source))
        .and_then(|()| copy(connector, connection, &target))
        .and_then(|partial| check(partial.path(), connector.path()).map(|_| partial))
        .and_then(|partial| {
            let named = partial.complete();
            named
                .and_then(|()| files::sync_directory(&directory))
                .map_err(|source| CopyError::file(&directory, source))
        });
    done.map_err(|source| OpenError::Backup {
        path: connector.path().to_owned(),
        source: Box::new(source),
    })?;
    tracing::info!(
        copy = %target.display(),
        "the database is brought up to date; what it was is kept"
    );
    Ok(())
}

/// Removes the copies beside a database that were made before a moment: those of migrations, and
/// those that a restored backup took the place of. Answers how many there were.
pub(crate) fn forget_copies(database: &Path, before: Timestamp) -> io::Result<usize> {
    let name = database.file_name().unwrap_or_default().to_string_lossy();
    let beginnings = [format!("{name}{BEFORE}"), format!("{name}.replaced-")];
    let mut removed = 0;
    for entry in fs::read_dir(files::directory_of(database))? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_copy = beginnings.iter().any(|one| name.starts_with(one));
        let written = Timestamp::try_from(entry.metadata()?.modified()?);
        if is_copy && written.is_ok_and(|written| written < before) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Brings the schema up to date, all or nothing. Processes that start together take turns.
pub(crate) fn migrate(
    connector: &Connector,
    connection: &mut SqliteConnection,
) -> Result<(), OpenError> {
    let path = connector.path().to_owned();
    let mut waits = 0;
    loop {
        return match connection.immediate_transaction(run_pending) {
            Ok(()) => Ok(()),
            Err(MigrationError::Busy(_)) if waits < MOST_WAITS => {
                waits += 1;
                continue;
            }
            Err(MigrationError::Newer(version)) => Err(OpenError::Newer { path, version }),
            Err(MigrationError::Busy(error)) => Err(connector.failed(error)),
            Err(MigrationError::Failed(source)) => Err(OpenError::Migration { path, source }),
        };
    }
}

/// How often more than usual another process is waited for, which may be at the same work.
const MOST_WAITS: u32 = 60;

enum MigrationError {
    Newer(String),
    Busy(DieselError),
    Failed(Box<dyn Error + Send + Sync>),
}

impl From<DieselError> for MigrationError {
    fn from(error: DieselError) -> Self {
        if is_locked(&error) {
            Self::Busy(error)
        } else {
            Self::Failed(error.into())
        }
    }
}

fn run_pending(connection: &mut SqliteConnection) -> Result<(), MigrationError> {
    // Another process may have been quicker, and newer.
    if let Some(version) = unknown(&applied(connection)?) {
        return Err(MigrationError::Newer(version));
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(MigrationError::Failed)?;
    for (version, text) in TEXTS {
        let sha256 = &Sha256::digest(text)[..];
        KeepChecksum { version, sha256 }.execute(connection)?;
    }
    Ok(())
}
