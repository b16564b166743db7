//! A database file for a test, and a second way into it.

use std::path::PathBuf;

use diesel::{
    Connection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, dsl::sql,
    sql_types::BigInt,
};
use jiff::Timestamp;
use lionrocket_domain::{
    account::User,
    calendar::Day,
    ids::UserId,
    text::{EmailAddress, Username},
};
use lionrocket_ports::{
    StoreResult,
    accounts::{AccountMaker, CreateUserOutcome, NewUser, UserRepository},
    admin::AdminRepository,
};
use lionrocket_sqlite_adapter::{SqliteOptions, SqliteStore};
use lionrocket_test_support::audit_seal;
use tempfile::TempDir;

/// A file in a directory of its own that goes away with this.
pub(crate) struct DatabaseFile {
    directory: TempDir,
}

impl DatabaseFile {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("data/app.db")
    }

    pub(crate) fn options(&self) -> SqliteOptions {
        SqliteOptions::new(self.path(), audit_seal())
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(&self.options()).unwrap()
    }

    /// A connection as another process would have.
    pub(crate) fn connect(&self) -> SqliteConnection {
        let mut connection = SqliteConnection::establish(self.path().to_str().unwrap()).unwrap();
        connection
            .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON")
            .unwrap();
        connection
    }

    /// One number from a statement run on a connection of its own.
    pub(crate) fn number(&self, statement: &str) -> i64 {
        sql::<BigInt>(statement)
            .get_result(&mut self.connect())
            .unwrap()
    }
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_microsecond(1_790_000_000_000_001).unwrap()
}

pub(crate) fn new_user(name: &str) -> NewUser {
    NewUser {
        username: Username::parse(name).unwrap(),
        email: EmailAddress::parse(&format!("{name}@example.com")).unwrap(),
        password_hash: "$argon2id$".to_owned().into(),
        is_admin: false,
        created_at: now(),
        invite: None,
        created_on: Day::parse("2026-11-22").unwrap(),
        made_by: AccountMaker::Person { consent_version: 1 },
    }
}

pub(crate) async fn user(store: &SqliteStore, name: &str) -> User {
    match UserRepository::create(store, new_user(name)).await.unwrap() {
        CreateUserOutcome::Created(user) => user,
        other => panic!("{name} was not made: {other:?}"),
    }
}

/// An account as it is now.
pub(crate) async fn account(store: &SqliteStore, id: UserId) -> StoreResult<Option<User>> {
    let found = AdminRepository::get(store, id).await?;
    Ok(found.map(|account| account.user))
}
