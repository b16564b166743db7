//! The store as a whole.

use std::{fmt, sync::Arc};

use diesel::{Connection, QueryDsl, RunQueryDsl, SqliteConnection};
use lionrocket_ports::StoreResult;
use lionrocket_sql_model::schema::users;

use crate::{
    error::{DbError, LockError, OpenError},
    open::{Connector, SqliteOptions},
    readers::Readers,
    serving_lock::ServingLock,
    writer::Writer,
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
        let mut connection = connector.writer()?;
        connector.migrate(&mut connection)?;
        let thread_error = |source: std::io::Error| OpenError::File {
            path: connector.path().to_owned(),
            source: source.into(),
        };
        let readers = (0..options.readers.max(1))
            .map(|_| connector.reader())
            .collect::<Result<Vec<_>, _>>()?;
        let readers = Readers::start(readers, &connector).map_err(thread_error)?;
        let writer = Writer::start(connection, connector.clone()).map_err(thread_error)?;
        Ok(Self {
            inner: Arc::new(Inner {
                connector,
                readers,
                writer,
            }),
        })
    }

    /// Keeps other processes from serving from this file until the answer is dropped. Does not wait.
    pub fn lock_for_serving(&self) -> Result<ServingLock, LockError> {
        ServingLock::take(self.inner.connector.path())
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
    /// nothing of it stays.
    pub(crate) async fn write<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        self.inner.writer.run(work).await
    }
}
