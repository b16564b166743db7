//! The one thread that writes.

use std::{
    error::Error,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use diesel::{
    QueryResult, RunQueryDsl, SqliteConnection, connection::SimpleConnection,
    result::Error as DieselError, sql_types::Integer,
};
use lionrocket_ports::{StoreError, StoreResult};
use lionrocket_sql_model::static_query;
use tokio::sync::{mpsc, oneshot};

use crate::{
    changes::{Changes, Concern},
    error::{DbError, unavailable},
    open::Connector,
};

/// How many jobs may wait for a thread; further callers wait before the queue.
pub(crate) const QUEUE_JOBS: usize = 1024;

/// How long a caller waits for a place in the queue.
const QUEUE_WAIT: Duration = Duration::from_secs(5);

/// How many jobs one commit takes, so that the first of them does not wait for long.
const BATCH_JOBS: usize = 256;

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
    /// Moves the write-ahead log into the file and empties it. The first number is 0 if that was done.
    pub(crate) struct EmptyLog {}
    rows (Integer, Integer, Integer);
    "PRAGMA wal_checkpoint(TRUNCATE)"
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

/// A job that is answered after the commit.
trait WriteJob: Send {
    /// Whom it concerns.
    fn concern(&self) -> Concern;

    /// Does the work; `false` when it failed and must be undone.
    fn run(&mut self, connection: &mut SqliteConnection) -> bool;

    /// Answers the caller, with why the commit failed if it did.
    fn answer(self: Box<Self>, lost: Option<&DieselError>);
}

struct Job<T, F> {
    concern: Concern,
    work: Option<F>,
    outcome: Option<StoreResult<T>>,
    reply: oneshot::Sender<StoreResult<T>>,
}

impl<T, F> WriteJob for Job<T, F>
where
    T: Send,
    F: FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send,
{
    fn concern(&self) -> Concern {
        self.concern
    }

    fn run(&mut self, connection: &mut SqliteConnection) -> bool {
        let Some(work) = self.work.take() else {
            return true;
        };
        let outcome = match catch_unwind(AssertUnwindSafe(|| work(connection))) {
            Ok(outcome) => outcome.map_err(StoreError::from),
            Err(_) => Err(StoreError::Internal("a write job panicked".into())),
        };
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, lost: Option<&DieselError>) {
        let answer = match (lost, self.outcome) {
            (None, Some(outcome)) => outcome,
            (Some(error), _) => Err(unavailable(error.to_string())),
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
    ) -> io::Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE_JOBS);
        let thread = thread::Builder::new()
            .name("sqlite-write".to_owned())
            .spawn(move || {
                WriterThread {
                    connection,
                    connector,
                    changes,
                    queue,
                    log_waiters: Vec::new(),
                }
                .run();
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
        F: FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Job {
            concern,
            work: Some(work),
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
                self.empty_log();
            }
        }
        if let Err(error) = self
            .connection
            .batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")
        {
            tracing::warn!(
                error = &error as &dyn Error,
                "the write-ahead log stays as it is"
            );
        }
    }

    fn empty_log(&mut self) {
        let numbers = (EmptyLog {}).get_result::<(i32, i32, i32)>(&mut self.connection);
        for waiter in self.log_waiters.drain(..) {
            let answer = match &numbers {
                Ok((busy, _, _)) => Ok(*busy == 0),
                Err(error) => Err(unavailable(error.to_string())),
            };
            // Whoever asked may have gone.
            drop(waiter.send(answer));
        }
    }

    /// Runs a job and all that wait behind it in one transaction.
    fn run_batch(&mut self, first: Box<dyn WriteJob>) {
        let mut batch = Vec::with_capacity(BATCH_JOBS);
        let done = match (Begin {}).execute(&mut self.connection) {
            Ok(_) => self.run_jobs(first, &mut batch),
            Err(error) => {
                // Whoever waits behind this job has waited as long for the same reason.
                batch.push(first);
                while batch.len() < BATCH_JOBS
                    && let Some(job) = self.next_job()
                {
                    batch.push(job);
                }
                Err(error)
            }
        };
        let lost = done
            .and_then(|()| (Commit {}).execute(&mut self.connection))
            .err();
        if let Some(error) = &lost {
            tracing::error!(
                error = error as &dyn Error,
                jobs = batch.len(),
                "a batch of writes was lost"
            );
            self.recover();
        }
        // A batch that was lost is counted as well: nobody knows for certain what became of it.
        for job in &batch {
            self.changes.raise(job.concern());
        }
        for job in batch {
            job.answer(lost.as_ref());
        }
    }

    /// Runs jobs until none waits or the batch is full. An error means that the whole transaction is
    /// lost: SQLite ends it by itself when, for instance, the disk is full.
    fn run_jobs(
        &mut self,
        first: Box<dyn WriteJob>,
        batch: &mut Vec<Box<dyn WriteJob>>,
    ) -> QueryResult<()> {
        let mut next = Some(first);
        while let Some(mut job) = next {
            let done = run_in_savepoint(&mut self.connection, job.as_mut());
            batch.push(job);
            done?;
            next = if batch.len() < BATCH_JOBS {
                self.next_job()
            } else {
                None
            };
        }
        Ok(())
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

    /// Leaves a lost transaction. A fresh connection has no state that could be wrong.
    fn recover(&mut self) {
        // Fails when SQLite has ended the transaction by itself, or it never began.
        drop(self.connection.batch_execute("ROLLBACK"));
        match self.connector.writer() {
            Ok(fresh) => self.connection = fresh,
            Err(error) => tracing::error!(
                error = &error as &dyn Error,
                "cannot replace the writing connection"
            ),
        }
    }
}

/// Runs a job so that its failure leaves nothing behind and does not touch its neighbours.
fn run_in_savepoint(connection: &mut SqliteConnection, job: &mut dyn WriteJob) -> QueryResult<()> {
    (BeginJob {}).execute(connection)?;
    if !job.run(connection) {
        (UndoJob {}).execute(connection)?;
    }
    (KeepJob {}).execute(connection)?;
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
