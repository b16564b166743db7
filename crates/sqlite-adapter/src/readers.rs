//! Threads that read.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use diesel::SqliteConnection;
use lionrocket_ports::{StoreError, StoreResult};
use tokio::sync::{mpsc, oneshot};

use crate::{
    error::{DbError, unavailable},
    health::Health,
    open::Connector,
    writer::{QUEUE_JOBS, enqueue, join},
};

/// A job for a reader; `false` when it left the connection in an unknown state.
type ReadJob = Box<dyn FnOnce(&mut SqliteConnection) -> bool + Send>;

pub(crate) enum Message {
    Job(ReadJob),
    Close,
}

type SharedQueue = Arc<Mutex<mpsc::Receiver<Message>>>;

/// The pool of readers.
pub(crate) struct Readers {
    health: Arc<Health>,
    queue: mpsc::Sender<Message>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    /// Starts a thread for each connection.
    pub(crate) fn start(
        connections: Vec<SqliteConnection>,
        connector: &Connector,
        health: Arc<Health>,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE_JOBS);
        let receiver = Arc::new(Mutex::new(receiver));
        let threads = connections
            .into_iter()
            .enumerate()
            .map(|(number, connection)| {
                let queue = Arc::clone(&receiver);
                let connector = connector.clone();
                thread::Builder::new()
                    .name(format!("sqlite-read-{number}"))
                    .spawn(move || work(connection, &queue, &connector))
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self {
            health,
            queue: sender,
            threads: Mutex::new(threads),
        })
    }

    /// Runs a job on any reader.
    pub(crate) async fn run<T, F>(&self, work: F) -> StoreResult<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut SqliteConnection) -> Result<T, DbError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let health = self.health.clone();
        let job: ReadJob = Box::new(move |connection| {
            // Nobody waits for the answer any more.
            if reply.is_closed() {
                return true;
            }
            let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)));
            let sound = outcome.is_ok();
            if let Ok(Err(DbError::Database(error))) = &outcome {
                health.notice_read(error);
            }
            let answer = match outcome {
                Ok(answer) => answer.map_err(StoreError::from),
                Err(_) => Err(StoreError::Internal("a read job panicked".into())),
            };
            // The caller may have gone; there is nobody else to tell.
            drop(reply.send(answer));
            sound
        });
        enqueue(&self.queue, Message::Job(job)).await?;
        answer
            .await
            .map_err(|_| unavailable("the store was closed"))?
    }

    /// Ends the threads after the jobs that were queued, and waits for them.
    pub(crate) async fn close(&self) {
        // Fails only when the threads have ended already.
        drop(self.queue.send(Message::Close).await);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        join(threads).await;
    }
}

fn work(mut connection: SqliteConnection, queue: &SharedQueue, connector: &Connector) {
    loop {
        let message = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            let message = queue.blocking_recv();
            if matches!(message, Some(Message::Close)) {
                queue.close();
            }
            message
        };
        match message {
            Some(Message::Job(job)) => {
                if !job(&mut connection) {
                    match connector.reader() {
                        Ok(fresh) => connection = fresh,
                        Err(error) => tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "cannot replace a reading connection after a panic"
                        ),
                    }
                }
            }
            Some(Message::Close) => {}
            None => return,
        }
    }
}
