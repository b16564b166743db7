//! The store as a whole.

use std::{fmt, sync::Arc};

use diesel::{Connection, QueryDsl, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use lionrocket_domain::ids::UserId;
use lionrocket_ports::{
    StoreError, StoreResult,
    audit::AuditSeal,
    marks::{ChangeMark, ChangeMarks},
};
use lionrocket_sql_model::schema::users;

use crate::{
    branches::Branches,
    changes::{Changes, Concern},
    error::{DbError, OpenError},
    files::length,
    health::{Health, StorageFault},
    logins::RememberedLogins,
    migrations::{Pending, back_up_first, forget_copies, inspect, migrate},
    open::{Connector, SqliteOptions},
    readers::Readers,
    room::{Lookout, Room},
    verify::quick_check,
    writer::{ShortenLog, Writer},
};

/// A store in one SQLite file; implements every repository port. Clones share it. When the last
/// one is dropped, what was queued is still written and the threads end by themselves;
/// [`close`](Self::close) waits for that.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    readers: Readers,
    writer: Writer,
    changes: Arc<Changes>,
    logins: RememberedLogins,
    branches: Arc<Branches>,
    health: Arc<Health>,
    room: Option<Arc<Room>>,
    _lookout: Option<Lookout>,
    audit_seal: Arc<dyn AuditSeal>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.inner.connector.path())
            .finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a database, making it when it is not there, and brings its schema up to date. Blocks
    /// while it does.
    pub fn open(options: &SqliteOptions) -> Result<Self, OpenError> {
        let connector = Connector::new(options)?;
        let connection = open_writer(&connector)?;
        let thread_error = |source: std::io::Error| OpenError::File {
            path: connector.path().to_owned(),
            source: source.into(),
        };
        let readers = (0..options.readers.max(1))
            .map(|_| connector.reader())
            .collect::<Result<Vec<_>, _>>()?;
        let changes = Arc::new(Changes::new());
        let health = Arc::new(Health::new(connector.path().to_owned()));
        let room = options.low_water;
        let room = room.map(|bytes| Arc::new(Room::new(connector.path(), bytes)));
        let lookout = room.clone().map(Lookout::start).transpose();
        let lookout = lookout.map_err(thread_error)?;
        let readers = Readers::start(readers, &connector, health.clone()).map_err(thread_error)?;
        let writer = Writer::start(
            connection,
            connector.clone(),
            changes.clone(),
            health.clone(),
            room.clone(),
        );
        let writer = writer.map_err(thread_error)?;
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                readers,
                writer,
                changes,
                logins: RememberedLogins::new(),
                branches: Arc::new(Branches::new()),
                health,
                room,
                _lookout: lookout,
                audit_seal: options.audit_seal.clone(),
            }),
        })
    }

    /// Reads the whole file, as is done at once only with a small one when it is opened. What is wrong
    /// with it is a fault from then on. Reads and writes go on meanwhile.
    pub async fn look_for_damage(&self) -> StoreResult<()> {
        let connector = self.inner.connector.clone();
        if length(connector.path()) <= CHECKED_AT_ONCE {
            return Ok(());
        }
        let looked = tokio::task::spawn_blocking(move || {
            // A connection of its own: it takes long, and readers are few.
            let mut connection = connector.reader()?;
            refuse_damage(&connector, &mut connection)
        });
        match looked.await {
            Ok(Err(OpenError::Damaged { reason, .. })) => {
                self.inner.health.fail(StorageFault::Damaged(reason));
                Ok(())
            }
            Ok(done) => done.map_err(|error| StoreError::Unavailable(error.into())),
            Err(error) => Err(StoreError::Internal(error.into())),
        }
    }

    /// Removes the copies beside the file that were made before a moment: those of migrations, and
    /// those that a restored backup took the place of. Answers how many there were.
    pub async fn forget_copies(&self, before: Timestamp) -> StoreResult<usize> {
        let path = self.inner.connector.path().to_owned();
        let removed = tokio::task::spawn_blocking(move || forget_copies(&path, before));
        match removed.await {
            Ok(removed) => removed.map_err(|error| StoreError::Unavailable(error.into())),
            Err(error) => Err(StoreError::Internal(error.into())),
        }
    }

    /// Whether there was room for more on the disk when it was last looked at, about a second ago.
    #[must_use]
    pub fn has_room(&self) -> bool {
        let room = self.inner.room.as_ref();
        room.is_none_or(|room| room.has_room())
    }

    /// Waits until nothing may be written any more, since the disk or the file cannot be relied on.
    /// Then every write fails, and reads may.
    pub async fn failed(&self) -> StorageFault {
        self.inner.health.failed().await
    }

    /// Why nothing may be written any more, if so.
    #[must_use]
    pub fn fault(&self) -> Option<StorageFault> {
        self.inner.health.fault()
    }

    /// Checks that a read and a write go through.
    pub async fn check(&self) -> StoreResult<()> {
        self.read(|connection| {
            users::table
                .select(users::id)
                .limit(1)
                .load::<i64>(connection)?;
            Ok(())
        })
        .await?;
        // A transaction that changes nothing costs no access to the disk.
        self.write(|_| Ok(())).await
    }

    /// Stops taking calls, ends what was begun, moves the write-ahead log into the file and waits
    /// for all that. Later calls are answered `Unavailable`.
    pub async fn close(&self) {
        // Readers first: an open read would keep the log from being emptied.
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// The same, to be asked while a job runs.
    pub(crate) fn room(&self) -> Option<Arc<Room>> {
        self.inner.room.clone()
    }

    /// What rows of the audit log are sealed with.
    pub(crate) fn audit_seal(&self) -> Arc<dyn AuditSeal> {
        self.inner.audit_seal.clone()
    }

    /// Runs a job on a reading connection.
    pub(crate) async fn read<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.inner.readers.run(work).await
    }

    /// Runs a job of several statements that must see one state of the database.
    pub(crate) async fn read_at_once<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.read(|connection| connection.transaction(work)).await
    }

    /// Runs a job in a transaction of the writer and answers once it is durable. When the job fails
    /// nothing of it stays. It may be done more than once, when it or a neighbour fails or the disk is
    /// full; then all of the first time is taken back. Whatever was remembered of anybody is forgotten.
    pub(crate) async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Fn(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.inner.writer.run(Concern::Everybody, work).await
    }

    /// The same for a job that changes nothing but an owner's chats, their messages and turns, and what
    /// these cost. What is remembered of others is kept.
    pub(crate) async fn write_chats<T, F>(&self, owner: UserId, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Fn(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.inner.writer.run(Concern::ChatsOf(owner), work).await
    }

    /// What was written so far.
    pub(crate) fn changes(&self) -> &Changes {
        &self.inner.changes
    }

    /// The branches that were read a moment ago, to be asked while a job runs.
    pub(crate) fn branches(&self) -> Arc<Branches> {
        self.inner.branches.clone()
    }

    /// The logins that were looked up a moment ago.
    pub(crate) fn logins(&self) -> &RememberedLogins {
        &self.inner.logins
    }

    /// Moves the write-ahead log into the file and empties it, between two transactions. `false` when
    /// somebody reads from it for too long.
    pub(crate) async fn empty_log(&self) -> StoreResult<bool> {
        self.inner.writer.empty_log().await
    }
}

impl ChangeMarks for SqliteStore {
    fn of_chats(&self, owner: UserId) -> ChangeMark {
        self.inner.changes.of_chats(owner)
    }
}

/// A file of at most so many bytes is read as a whole when it is opened.
const CHECKED_AT_ONCE: u64 = 32 * 1024 * 1024;

/// Opens the connection that writes, once it is certain that the file may be written to, and brings
/// the schema up to date.
fn open_writer(connector: &Connector) -> Result<SqliteConnection, OpenError> {
    let mut connection = connector.plain()?;
    let pending = inspect(connector, &mut connection)?;
    if pending == Pending::Something || length(connector.path()) <= CHECKED_AT_ONCE {
        refuse_damage(connector, &mut connection)?;
    }
    connector.let_write(&mut connection)?;
    // What an earlier process wrote last, and was not told to be on the disk, is now.
    (ShortenLog {})
        .get_result::<(i32, i32, i32)>(&mut connection)
        .map_err(|error| connector.failed(error))?;
    match pending {
        Pending::Nothing => return Ok(connection),
        Pending::Everything => {}
        Pending::Something => back_up_first(connector, &mut connection)?,
    }
    migrate(connector, &mut connection)?;
    Ok(connection)
}

/// Fails when a page of the file is damaged.
fn refuse_damage(
    connector: &Connector,
    connection: &mut SqliteConnection,
) -> Result<(), OpenError> {
    match quick_check(connection).map_err(|error| connector.failed(error))? {
        None => Ok(()),
        Some(reason) => Err(OpenError::Damaged {
            path: connector.path().to_owned(),
            reason,
        }),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{fs, path::Path};

    use diesel::{
        dsl::sql,
        result::{DatabaseErrorKind, Error as DieselError},
        sql_types::Text,
    };
    use lionrocket_domain::{
        calendar::Day,
        text::{EmailAddress, Username},
    };
    use lionrocket_ports::{
        StoreError,
        accounts::{AccountMaker, CreateUserOutcome, NewUser, UserRepository},
    };
    use lionrocket_test_support::audit_seal;

    use super::*;

    pub(crate) fn open() -> (SqliteStore, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let mut options = SqliteOptions::new(directory.path().join("app.db"), audit_seal());
        options.readers = 1;
        (SqliteStore::open(&options).unwrap(), directory)
    }

    /// Fails as SQLite does on a full disk for as long as a file is there.
    fn full_while(file: &Path) -> Result<(), DbError> {
        if !file.exists() {
            return Ok(());
        }
        let message = Box::new("database or disk is full".to_owned());
        let error = DieselError::DatabaseError(DatabaseErrorKind::Unknown, message);
        Err(error.into())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn writes_that_meet_a_full_disk_are_done_in_the_room_that_was_kept_back() {
        let directory = tempfile::tempdir().unwrap();
        let mut options = SqliteOptions::new(directory.path().join("app.db"), audit_seal());
        options.low_water = Some(1);
        let store = SqliteStore::open(&options).unwrap();
        let reserve = directory.path().join("app.db.reserve");
        assert!(reserve.exists() && store.has_room());
        let (file, room) = (reserve.clone(), store.room());
        let meeting = store.write(move |connection| {
            let count = users::table.count().get_result::<i64>(connection)?;
            full_while(&file)?;
            let has_room = room.as_ref().is_some_and(|room| room.has_room());
            Ok((count, has_room))
        });
        let (before, met, after) = tokio::join!(
            UserRepository::create(&store, new_user("before")),
            meeting,
            UserRepository::create(&store, new_user("after")),
        );
        assert!(before.is_ok() && after.is_ok(), "{before:?}, {after:?}");
        let (_, has_room) = met.unwrap();
        assert!(!has_room, "a new message would be taken back");
        assert!(!reserve.exists() && store.fault().is_none());
        let count = async || {
            let count = |connection: &mut SqliteConnection| {
                Ok(users::table.count().get_result::<i64>(connection)?)
            };
            store.read(count).await.unwrap()
        };
        assert_eq!(count().await, 2, "each once");

        // Now nothing is left.
        fs::write(directory.path().join("full"), []).unwrap();
        let file = directory.path().join("full");
        let lost = store
            .write(move |connection| {
                diesel::delete(users::table).execute(connection)?;
                full_while(&file)
            })
            .await;
        assert!(matches!(lost, Err(StoreError::Full)), "{lost:?}");
        assert_eq!(count().await, 2);
    }

    pub(crate) fn new_user(name: &str) -> NewUser {
        NewUser {
            username: Username::parse(name).unwrap(),
            email: EmailAddress::parse(&format!("{name}@example.com")).unwrap(),
            password_hash: "$argon2id$".to_owned().into(),
            is_admin: false,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            invite: None,
            created_on: Day::parse("2026-11-22").unwrap(),
            made_by: AccountMaker::Person { consent_version: 1 },
        }
    }

    /// The values of some pragmas on one connection.
    fn pragmas(connection: &mut SqliteConnection, names: &[&str]) -> Vec<(String, String)> {
        let value = |name: &&str| {
            let value = sql::<Text>(&format!("PRAGMA {name}")).get_result(connection);
            ((*name).to_owned(), value.unwrap())
        };
        names.iter().map(value).collect()
    }

    fn expected(values: &[(&str, &str)]) -> Vec<(String, String)> {
        values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[tokio::test]
    async fn pragmas_are_as_promised() {
        const WRITER: [(&str, &str); 9] = [
            ("busy_timeout", "5000"),
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("foreign_keys", "1"),
            ("temp_store", "2"),
            ("mmap_size", "0"),
            ("wal_autocheckpoint", "0"),
            ("secure_delete", "1"),
            ("query_only", "0"),
        ];
        const READER: [(&str, &str); 6] = [
            ("busy_timeout", "5000"),
            ("journal_mode", "wal"),
            ("foreign_keys", "1"),
            ("temp_store", "2"),
            ("mmap_size", "0"),
            ("query_only", "1"),
        ];
        let (store, _directory) = open();
        let found = store
            .write(|connection| Ok(pragmas(connection, &WRITER.map(|(name, _)| name))))
            .await;
        assert_eq!(found.unwrap(), expected(&WRITER));
        let found = store
            .read(|connection| Ok(pragmas(connection, &READER.map(|(name, _)| name))))
            .await;
        assert_eq!(found.unwrap(), expected(&READER));
    }

    #[tokio::test]
    async fn sqlite_is_new_enough_and_built_in() {
        let (store, _directory) = open();
        let version = store
            .read(|connection| {
                let version = diesel::select(sql::<Text>("sqlite_version()"));
                Ok(version.get_result::<String>(connection)?)
            })
            .await
            .unwrap();
        let parts: Vec<u32> = version
            .split('.')
            .map(|part| part.parse().unwrap())
            .collect();
        assert!(parts >= vec![3, 51, 3], "{version}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_thread_does_all_the_writing() {
        let (store, _directory) = open();
        let writes = (0..100).map(|_| {
            store.write(|_| {
                let thread = std::thread::current();
                Ok((thread.id(), thread.name().map(str::to_owned)))
            })
        });
        let threads = futures_util::future::join_all(writes).await;
        let threads: std::collections::HashSet<_> =
            threads.into_iter().map(Result::unwrap).collect();
        let names: Vec<_> = threads.iter().map(|(_, name)| name.as_deref()).collect();
        assert_eq!(names, [Some("sqlite-write")]);
    }

    #[tokio::test]
    async fn a_reader_cannot_write() {
        let (store, _directory) = open();
        let written = store
            .read(|connection| Ok(diesel::delete(users::table).execute(connection)?))
            .await;
        assert!(written.is_err(), "{written:?}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_that_fails_leaves_nothing_and_its_neighbours_are_done_once() {
        let (store, _directory) = open();
        let failing = store.write::<(), _>(|connection| {
            diesel::delete(users::table).execute(connection)?;
            Err(StoreError::Full.into())
        });
        let (before, failed, after) = tokio::join!(
            UserRepository::create(&store, new_user("before")),
            failing,
            UserRepository::create(&store, new_user("after")),
        );
        assert!(matches!(failed, Err(StoreError::Full)), "{failed:?}");
        for made in [before, after] {
            let made = made.unwrap();
            assert!(matches!(made, CreateUserOutcome::Created(_)), "{made:?}");
        }
        let count = store
            .read(|connection| Ok(users::table.count().get_result::<i64>(connection)?))
            .await;
        assert_eq!(count.unwrap(), 2);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_that_panics_fails_alone() {
        let (store, _directory) = open();
        let panicking = store.write::<(), _>(|connection| {
            diesel::delete(users::table).execute(connection)?;
            panic!("a fault in a job");
        });
        let (before, panicked, after) = tokio::join!(
            UserRepository::create(&store, new_user("before")),
            panicking,
            UserRepository::create(&store, new_user("after")),
        );
        assert!(
            matches!(panicked, Err(StoreError::Internal(_))),
            "{panicked:?}"
        );
        assert!(before.is_ok() && after.is_ok());
        let read = store.read::<(), _>(|_| panic!("a fault in a read")).await;
        assert!(matches!(read, Err(StoreError::Internal(_))), "{read:?}");
        let count = store
            .read(|connection| Ok(users::table.count().get_result::<i64>(connection)?))
            .await;
        assert_eq!(count.unwrap(), 2);
    }
}
