//! Events that concern other parts of the service, on this node and on others.

use std::pin::Pin;

use futures_core::Stream;
use lionrocket_domain::ids::{SessionId, UserId};

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceEvent {
    /// A login was ended: whatever is open in its name must close.
    SessionEnded(SessionId),
    /// An account's state, rights or token version changed, or all its logins were ended: whatever
    /// is open in its name must look again.
    AccountChanged(UserId),
}

/// Events as they come. May lose some under load or between nodes: a reader also looks at the store
/// now and then.
pub type ServiceEvents = Pin<Box<dyn Stream<Item = ServiceEvent> + Send>>;

/// Hands events to whoever listens.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait EventBus: Send + Sync {
    /// Tells everybody who is subscribed now. Never waits.
    fn publish(&self, event: ServiceEvent);

    /// Listens from now on.
    fn subscribe(&self) -> ServiceEvents;
}
