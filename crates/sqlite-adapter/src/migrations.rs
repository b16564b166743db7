//! Bringing the schema up to date, forwards only.

use std::error::Error;

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection,
    migration::{Migration, MigrationSource},
    result::Error as DieselError,
    sql_types::{BigInt, Text},
    sqlite::Sqlite,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use lionrocket_sql_model::static_query;

use crate::{error::OpenError, open::Connector};

/// The migrations, built in.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

static_query! {
    /// Counts the tables that say which migrations were applied: one, or none in a new file.
    struct CountRecords {}
    rows (BigInt,);
    "SELECT count(*) FROM sqlite_schema WHERE type = 'table' \
     AND name = '__diesel_schema_migrations'"
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

/// Brings the schema up to date, all or nothing. Processes that start together take turns.
pub(crate) fn migrate(
    connector: &Connector,
    connection: &mut SqliteConnection,
) -> Result<(), OpenError> {
    let path = connector.path().to_owned();
    connection
        .immediate_transaction(run_pending)
        .map_err(|error| match error {
            MigrationError::Newer(version) => OpenError::Newer { path, version },
            MigrationError::Failed(source) => OpenError::Migration { path, source },
        })
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

fn run_pending(connection: &mut SqliteConnection) -> Result<(), MigrationError> {
    if let Some(version) = unknown(&applied(connection)?) {
        return Err(MigrationError::Newer(version));
    }
    connection
        .run_pending_migrations(MIGRATIONS)
        .map_err(MigrationError::Failed)?;
    Ok(())
}
