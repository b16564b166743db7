//! Waiting for a state instead of for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often the state is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Waits until a state is reached.
///
/// # Panics
/// It is not reached within the limit.
pub async fn wait_until(what: &str, limit: Duration, mut reached: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !reached().await {
        assert!(
            Instant::now() < deadline,
            "{what}: not within {} ms",
            limit.as_millis()
        );
        sleep(LOOK_EVERY).await;
    }
}
