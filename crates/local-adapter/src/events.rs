//! Events within one process.

use std::future::ready;

use futures_util::StreamExt;
use lionrocket_ports::events::{EventBus, ServiceEvent, ServiceEvents};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

/// How many events a subscriber may fall behind before it misses the oldest.
const CAPACITY: usize = 1_024;

/// Hands events to everybody in this process who listens. A subscriber that is slow misses events
/// and goes on with the next ones; it never holds up the others. Clones are the same bus.
#[derive(Clone, Debug)]
pub struct LocalEventBus {
    sender: broadcast::Sender<ServiceEvent>,
}

impl LocalEventBus {
    /// Makes a bus without subscribers.
    #[must_use]
    pub fn new() -> Self {
        let (sender, _) = broadcast::channel(CAPACITY);
        Self { sender }
    }
}

impl Default for LocalEventBus {
    fn default() -> Self {
        Self::new()
    }
}

impl EventBus for LocalEventBus {
    fn publish(&self, event: ServiceEvent) {
        // The only error is that nobody listens.
        let _ = self.sender.send(event);
    }

    fn subscribe(&self) -> ServiceEvents {
        // An error item says that events were missed, which the port allows.
        let events = BroadcastStream::new(self.sender.subscribe());
        Box::pin(events.filter_map(|event| ready(event.ok())))
    }
}
