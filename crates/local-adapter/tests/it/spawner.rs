use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use lionrocket_local_adapter::TaskSpawner;
use lionrocket_ports::runtime::Spawner;
use tokio::{runtime::Handle, sync::oneshot};

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn draining_waits_for_the_work_that_is_under_way() {
    let spawner = TaskSpawner::new(Handle::current());
    let (go, wait) = oneshot::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&done);
    spawner.spawn(
        "work",
        Box::pin(async move {
            wait.await.unwrap();
            mark.store(true, Ordering::SeqCst);
        }),
    );
    assert_eq!(spawner.running(), 1);
    assert_eq!(spawner.drain(Duration::ZERO).await, 1);
    go.send(()).unwrap();
    assert_eq!(spawner.drain(LONG).await, 0);
    assert!(done.load(Ordering::SeqCst));
}

#[tokio::test]
async fn draining_nothing_ends_at_once() {
    assert_eq!(TaskSpawner::new(Handle::current()).drain(LONG).await, 0);
}

#[tokio::test]
async fn work_begun_while_draining_is_waited_for_too() {
    let spawner = TaskSpawner::new(Handle::current());
    let inner = spawner.clone();
    let done = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&done);
    spawner.spawn(
        "outer",
        Box::pin(async move {
            tokio::task::yield_now().await;
            inner.spawn(
                "inner",
                Box::pin(async move {
                    tokio::task::yield_now().await;
                    mark.store(true, Ordering::SeqCst);
                }),
            );
        }),
    );
    assert_eq!(spawner.drain(LONG).await, 0);
    assert!(done.load(Ordering::SeqCst));
}

#[tokio::test]
async fn a_panic_ends_its_own_task_only() {
    let spawner = TaskSpawner::new(Handle::current());
    let done = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&done);
    spawner.spawn("broken", Box::pin(async { panic!("on purpose") }));
    spawner.spawn(
        "sound",
        Box::pin(async move { mark.store(true, Ordering::SeqCst) }),
    );
    assert_eq!(spawner.drain(LONG).await, 0);
    assert!(done.load(Ordering::SeqCst));
}

#[test]
fn work_outlives_the_runtime_of_the_thread_that_began_it() {
    let lasting = tokio::runtime::Runtime::new().unwrap();
    let spawner = TaskSpawner::new(lasting.handle().clone());
    let (go, wait) = oneshot::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    let mark = Arc::clone(&done);
    let worker = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let begin = spawner.clone();
    worker.block_on(async move {
        begin.spawn(
            "work",
            Box::pin(async move {
                wait.await.unwrap();
                mark.store(true, Ordering::SeqCst);
            }),
        );
    });
    drop(worker);
    go.send(()).unwrap();
    assert_eq!(lasting.block_on(spawner.drain(LONG)), 0);
    assert!(done.load(Ordering::SeqCst));
}
