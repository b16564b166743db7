//! The one thread that writes.

use std::{
    error::Error,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use diesel::{RunQueryDsl, SqliteConnection, result::Error as DieselError, sql_types::Integer};
use lionrocket_ports::{StoreError, StoreResult};
use lionrocket_sql_model::static_query;
use tokio::sync::{mpsc, oneshot};

use crate::{
    changes::{Changes, Concern},
    error::{DbError, unavailable},
    health::{Health, StorageFault, Trouble},
    open::Connector,
    room::Room,
};

/// How many jobs may wait for a thread; further callers wait before the queue.
pub(crate) const QUEUE_JOBS: usize = 1024;

/// How long a caller waits for a place in the queue.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// How many jobs one commit takes, so that the first of them does not wait for long.
const BATCH_JOBS: usize = 256;

/// With so many pages in the write-ahead log they are moved into the file: 16 MiB, in which the pages
/// that every turn writes to are many times, and are moved once.
const LONG_LOG: i32 = 4096;

/// The same when the disk is nearly full: a quarter of what is kept back for what must still be written.
const LONG_LOG_WITHOUT_ROOM: i32 = 256;

static_query! {
    /// Begins a transaction as the writer of the file; waits for another process that is.
    pub(crate) struct Begin {}
    rows ();
    "BEGIN IMMEDIATE"
}

static_query! {
    /// Makes a transaction durable.
    pub(crate) struct Commit {}
    rows ();
    "COMMIT"
}

static_query! {
    /// Takes a transaction back.
    struct Rollback {}
    rows ();
    "ROLLBACK"
}

static_query! {
    /// Moves the write-ahead log into the file and empties it. The first number is 0 if that was done.
    struct EmptyLog {}
    rows (Integer, Integer, Integer);
    "PRAGMA wal_checkpoint(TRUNCATE)"
}

static_query! {
    /// Tells how many pages are in the write-ahead log and how many of them are in the file as well.
    struct MeasureLog {}
    rows (Integer, Integer, Integer);
    "PRAGMA wal_checkpoint(NOOP)"
}

static_query! {
    /// Moves what it can of the write-ahead log into the file, without waiting for readers.
    pub(crate) struct ShortenLog {}
    rows (Integer, Integer, Integer);
    "PRAGMA wal_checkpoint(PASSIVE)"
}

static_query! {
    /// Begins a job within a transaction.
    pub(crate) struct BeginJob {}
    rows ();
    "SAVEPOINT job"
}

static_query! {
    /// Keeps a job's changes.
    pub(crate) struct KeepJob {}
    rows ();
    "RELEASE job"
}

static_query! {
    /// Takes a job's changes back.
    pub(crate) struct UndoJob {}
    rows ();
    "ROLLBACK TO job"
}

/// What became of a job within its transaction.
enum JobEnd {
    /// Its changes are to be kept.
    Keep,
    /// It failed by itself, and its changes are to be taken back.
    Undo,
    /// It failed because of the storage, and the whole transaction with it.
    Lost(Lost),
}

/// What became of the jobs of a transaction in which none can be taken back by itself. That would be a
/// savepoint for each, and those that fail are few.
enum Jobs {
    /// All went well.
    Kept,
    /// The last one failed, and what the others did goes with it.
    OneFailed,
}

/// Why a transaction was lost.
enum Lost {
    /// There was no room for it.
    Full,
    /// Anything else.
    Unavailable(String),
}

impl Lost {
    fn because(health: &Health, error: &DieselError) -> Self {
        match health.notice(error) {
            Some(Trouble::Full) => Self::Full,
            Some(Trouble::Fault(_)) | None => Self::Unavailable(error.to_string()),
        }
    }
}

/// A job that is answered after the commit.
trait WriteJob: Send {
    /// Whom it concerns.
    fn concern(&self) -> Concern;

    /// Does the work; once more when its transaction was taken back or lost.
    fn run(&mut self, connection: &mut SqliteConnection, health: &Health) -> JobEnd;

    /// Answers the caller, with why the transaction was lost if it was.
    fn answer(self: Box<Self>, lost: Option<&Lost>);
}

struct Job<T, F> {
    concern: Concern,
    work: F,
    outcome: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> WriteJob for Job<T, F>
where
    T: Send,
    F: Fn(&mut SqliteConnection) -> Result<T, DbError> + Send,
{
    fn concern(&self) -> Concern {
        self.concern
    }

    fn run(&mut self, connection: &mut SqliteConnection, health: &Health) -> JobEnd {
        let (outcome, end) = match catch_unwind(AssertUnwindSafe(|| (self.work)(connection))) {
            Ok(Ok(value)) => (Ok(value), JobEnd::Keep),
            Ok(Err(error)) => {
                let end = match &error {
                    DbError::Database(cause) if health.notice(cause).is_some() => {
                        JobEnd::Lost(Lost::because(health, cause))
                    }
                    DbError::Database(_) | DbError::Store(_) => JobEnd::Undo,
                };
                (Err(error.into()), end)
            }
            Err(_) => {
                let error = StoreError::Internal("a write job panicked".into());
                (Err(error), JobEnd::Undo)
            }
        };
        self.outcome = Some(outcome);
        end
    }

    fn answer(self: Box<Self>, lost: Option<&Lost>) {
        let answer = match (lost, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(Lost::Full), _) => Err(StoreError::Full),
            (Some(Lost::Unavailable(reason)), _) => Err(unavailable(reason.clone())),
            (None, None) => Err(unavailable("the job was not run")),
        };
        // The caller may have gone; what was written stays all the same.
        drop(self.reply.send(answer));
    }
}

enum Message {
    Job(Box<dyn WriteJob>),
    EmptyLog(oneshot::Sender<StoreResult<bool>>),
    Close,
}

/// The way to the writing thread.
pub(crate) struct Writer {
    queue: mpsc::Sender<Message>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        connection: SqliteConnection,
        connector: Connector,
        changes: Arc<Changes>,
        health: Arc<Health>,
        room: Option<Arc<Room>>,
    ) -> io::Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE_JOBS);
        let thread = WriterThread {
            connection,
            connector,
            changes,
            health: health.clone(),
            room,
            queue,
            log_waiters: Vec::new(),
        };
        let thread = thread::Builder::new()
            .name("sqlite-write".to_owned())
            .spawn(move || {
                // Without it nothing can be written, and nobody else would tell.
                if catch_unwind(AssertUnwindSafe(|| thread.run())).is_err() {
                    let reason = "the thread that writes panicked".to_owned();
                    health.fail(StorageFault::Disk(reason));
                }
            })?;
        Ok(Self {
            queue: sender,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Runs a job and answers once it is durable. It runs even when the caller goes away.
    pub(crate) async fn run<T, F>(&self, concern: Concern, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: Fn(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            concern,
            work,
            outcome: None,
            reply,
        };
        enqueue(&self.queue, Message::Job(Box::new(job))).await?;
        answer
            .await
            .map_err(|_| unavailable("the store was closed"))?
    }

    /// Empties the write-ahead log after the jobs that were queued; `false` when a reader is in the
    /// way for longer than the writer waits.
    pub(crate) async fn empty_log(&self) -> StoreResult<bool> {
        let (reply, answer) = oneshot::channel();
        enqueue(&self.queue, Message::EmptyLog(reply)).await?;
        answer
            .await
            .map_err(|_| unavailable("the store was closed"))?
    }

    /// Ends the thread after the jobs that were queued, and waits for it.
    pub(crate) async fn close(&self) {
        // Fails only when the thread has ended already.
        drop(self.queue.send(Message::Close).await);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        join(thread).await;
    }
}

struct WriterThread {
    connection: SqliteConnection,
    connector: Connector,
    changes: Arc<Changes>,
    health: Arc<Health>,
    room: Option<Arc<Room>>,
    queue: mpsc::Receiver<Message>,
    /// Who waits for the log to be emptied, which is done between transactions only.
    log_waiters: Vec<oneshot::Sender<StoreResult<bool>>>,
}

impl WriterThread {
    fn run(mut self) {
        while let Some(message) = self.queue.blocking_recv() {
            match message {
                Message::Job(job) => self.run_batch(job),
                Message::EmptyLog(waiter) => self.log_waiters.push(waiter),
                Message::Close => self.queue.close(),
            }
            if !self.log_waiters.is_empty() {
                self.answer_log_waiters();
            }
        }
        if let Err(error) = self.empty_log() {
            tracing::warn!(
                error = &error as &dyn Error,
                "the write-ahead log stays as it is"
            );
        }
    }

    fn answer_log_waiters(&mut self) {
        let emptied = self.empty_log();
        for waiter in self.log_waiters.drain(..) {
            let answer = match &emptied {
                Ok(emptied) => Ok(*emptied),
                Err(error) => Err(unavailable(error.to_string())),
            };
            // Whoever asked may have gone.
            drop(waiter.send(answer));
        }
    }

    /// Empties the log, unless a reader is in the way.
    fn empty_log(&mut self) -> Result<bool, StoreError> {
        if let Some(fault) = self.health.fault() {
            return Err(unavailable(fault.to_string()));
        }
        let numbers = (EmptyLog {}).get_result::<(i32, i32, i32)>(&mut self.connection);
        numbers.map(|(busy, _, _)| busy == 0).map_err(|error| {
            self.notice(&error);
            unavailable(error.to_string())
        })
    }

    /// Runs a job and all that wait behind it in one transaction; once more when the disk was full and
    /// there is room now that was kept back for this.
    fn run_batch(&mut self, first: Box<dyn WriteJob>) {
        let mut batch = Vec::with_capacity(BATCH_JOBS);
        let mut lost = self.write_batch(first, &mut batch).err();
        if let Some(first) = &lost
            && self.recover(first, batch.len())
        {
            lost = self.write_again(&mut batch).err();
            if let Some(second) = &lost {
                self.recover(second, batch.len());
            }
        }
        // A batch that was lost is counted as well: nobody knows for certain what became of it.
        for job in &batch {
            self.changes.raise(job.concern());
        }
        for job in batch {
            job.answer(lost.as_ref());
        }
        // Nobody has to wait for this.
        if lost.is_none() {
            self.shorten_log();
        }
    }

    fn write_batch(
        &mut self,
        first: Box<dyn WriteJob>,
        batch: &mut Vec<Box<dyn WriteJob>>,
    ) -> Result<(), Lost> {
        let begun = match self.health.fault() {
            Some(fault) => Err(Lost::Unavailable(fault.to_string())),
            None => (Begin {})
                .execute(&mut self.connection)
                .map_err(|error| Lost::because(&self.health, &error)),
        };
        if let Err(lost) = begun {
            // Whoever waits behind this job has waited as long for the same reason.
            batch.push(first);
            while batch.len() < BATCH_JOBS
                && let Some(job) = self.next_job()
            {
                batch.push(job);
            }
            return Err(lost);
        }
        match self.run_jobs(first, batch)? {
            Jobs::Kept => self.commit(),
            Jobs::OneFailed => {
                (Rollback {})
                    .execute(&mut self.connection)
                    .map_err(|error| Lost::because(&self.health, &error))?;
                self.write_again(batch)
            }
        }
    }

    /// Runs jobs in a transaction of their own, so that those that fail leave nothing behind.
    fn write_again(&mut self, batch: &mut [Box<dyn WriteJob>]) -> Result<(), Lost> {
        (Begin {})
            .execute(&mut self.connection)
            .map_err(|error| Lost::because(&self.health, &error))?;
        for job in batch {
            run_in_savepoint(&mut self.connection, job.as_mut(), &self.health)?;
        }
        self.commit()
    }

    fn commit(&mut self) -> Result<(), Lost> {
        (Commit {})
            .execute(&mut self.connection)
            .map(drop)
            .map_err(|error| Lost::because(&self.health, &error))
    }

    /// Runs jobs until one fails, none waits or the batch is full. An error means that the whole
    /// transaction is lost: SQLite ends it by itself when, for instance, the disk is full.
    fn run_jobs(
        &mut self,
        first: Box<dyn WriteJob>,
        batch: &mut Vec<Box<dyn WriteJob>>,
    ) -> Result<Jobs, Lost> {
        let mut next = Some(first);
        while let Some(mut job) = next {
            let end = job.run(&mut self.connection, &self.health);
            batch.push(job);
            match end {
                JobEnd::Keep => {}
                JobEnd::Undo => return Ok(Jobs::OneFailed),
                JobEnd::Lost(lost) => return Err(lost),
            }
            next = if batch.len() < BATCH_JOBS {
                self.next_job()
            } else {
                None
            };
        }
        Ok(Jobs::Kept)
    }

    fn next_job(&mut self) -> Option<Box<dyn WriteJob>> {
        loop {
            match self.queue.try_recv() {
                Ok(Message::Job(job)) => return Some(job),
                Ok(Message::EmptyLog(waiter)) => self.log_waiters.push(waiter),
                Ok(Message::Close) => self.queue.close(),
                Err(_) => return None,
            }
        }
    }

    /// Moves a log that has become long into the file. SQLite would do it within a commit by itself,
    /// but keeps to itself what goes wrong then.
    fn shorten_log(&mut self) {
        let room = self.room.as_ref();
        let long = if room.is_none_or(|room| room.has_room()) {
            LONG_LOG
        } else {
            LONG_LOG_WITHOUT_ROOM
        };
        let measured = (MeasureLog {}).get_result::<(i32, i32, i32)>(&mut self.connection);
        let shortened = measured.and_then(|(_, pages, moved)| {
            if pages < long || moved >= pages {
                return Ok(());
            }
            (ShortenLog {})
                .get_result::<(i32, i32, i32)>(&mut self.connection)
                .map(drop)
        });
        if let Err(error) = shortened {
            tracing::warn!(
                error = &error as &dyn Error,
                "the write-ahead log cannot be moved into the file"
            );
            self.notice(&error);
        }
    }

    /// Takes note of what an error says of the storage.
    fn notice(&self, error: &DieselError) {
        if matches!(Lost::because(&self.health, error), Lost::Full) {
            self.give_up_reserve();
        }
    }

    /// Gives up what was kept back. Answers whether there was something.
    fn give_up_reserve(&self) -> bool {
        let room = self.room.as_ref();
        room.is_some_and(|room| room.give_up_reserve())
    }

    /// Leaves a lost transaction. A fresh connection has no state that could be wrong. Answers whether
    /// there is room now that there was not.
    fn recover(&mut self, lost: &Lost, jobs: usize) -> bool {
        let reason = match lost {
            Lost::Full => "the disk is full",
            Lost::Unavailable(reason) => reason,
        };
        tracing::error!(reason, jobs, "a batch of writes was lost");
        // Fails when SQLite has ended the transaction by itself, or it never began.
        drop((Rollback {}).execute(&mut self.connection));
        let has_room = matches!(lost, Lost::Full) && self.give_up_reserve();
        if self.health.fault().is_some() {
            return false;
        }
        match self.connector.writer() {
            Ok(fresh) => self.connection = fresh,
            Err(error) => tracing::error!(
                error = &error as &dyn Error,
                "cannot replace the writing connection"
            ),
        }
        has_room
    }
}

/// Runs a job so that its failure leaves nothing behind and does not touch its neighbours.
fn run_in_savepoint(
    connection: &mut SqliteConnection,
    job: &mut dyn WriteJob,
    health: &Health,
) -> Result<(), Lost> {
    let lost = |error: DieselError| Lost::because(health, &error);
    (BeginJob {}).execute(connection).map_err(lost)?;
    match job.run(connection, health) {
        JobEnd::Keep => {}
        JobEnd::Undo => {
            (UndoJob {}).execute(connection).map_err(lost)?;
        }
        JobEnd::Lost(reason) => return Err(reason),
    }
    (KeepJob {}).execute(connection).map_err(lost)?;
    Ok(())
}

/// Puts a message into a thread's queue; waits for a place, but not for ever.
pub(crate) async fn enqueue<M>(queue: &mpsc::Sender<M>, message: M) -> StoreResult<()> {
    let message = match queue.try_send(message) {
        Ok(()) => return Ok(()),
        Err(mpsc::error::TrySendError::Closed(_)) => {
            return Err(unavailable("the store was closed"));
        }
        Err(mpsc::error::TrySendError::Full(message)) => message,
    };
    queue
        .send_timeout(message, QUEUE_WAIT)
        .await
        .map_err(|_| unavailable("too many jobs wait for the database"))
}

/// Waits for threads to end without holding up the async ones.
pub(crate) async fn join(threads: impl IntoIterator<Item = JoinHandle<()>> + Send + 'static) {
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
    });
    // Cancelled only when the runtime ends, and then the threads end with the process.
    drop(joined.await);
}
