//! Background work that shutdown waits for.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use lionrocket_ports::runtime::{BackgroundTask, Spawner};
use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

/// Runs background work on one runtime and keeps count of it. Clones share the count.
///
/// The runtime is named when the spawner is made, not taken from the caller: a web worker's own
/// runtime ends with the worker, and its tasks with it.
#[derive(Clone, Debug)]
pub struct TaskSpawner {
    runtime: Handle,
    tasks: TaskTracker,
}

impl TaskSpawner {
    /// Makes a spawner for a runtime that lives until the work is drained.
    #[must_use]
    pub fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            tasks: TaskTracker::new(),
        }
    }

    /// The number of tasks that have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tasks.len()
    }

    /// Waits until all tasks have ended, those that are begun meanwhile included, but no longer than
    /// `timeout`. Answers how many are left then: they go on until the runtime ends.
    pub async fn drain(&self, timeout: Duration) -> usize {
        self.tasks.close();
        // The count tells whether the time was enough.
        let _ = tokio::time::timeout(timeout, self.tasks.wait()).await;
        self.running()
    }
}

impl Spawner for TaskSpawner {
    fn spawn(&self, name: &'static str, task: BackgroundTask) {
        let watched = async move {
            // The panic's own text stays out of the log: it may quote what a person wrote.
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!(task = name, "a background task panicked");
            }
        };
        self.tasks.spawn_on(watched, &self.runtime);
    }
}
