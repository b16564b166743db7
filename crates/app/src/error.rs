//! What most services answer when they cannot do what they were asked.

use lionrocket_domain::access::{self, Actor, Decision};
use lionrocket_ports::StoreError;

/// Why a service did not do what it was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is no such thing, as far as the person may know.
    #[error("not found")]
    NotFound,
    /// The person may know of it but not do that.
    #[error("not allowed")]
    Forbidden,
    /// It was changed meanwhile: read it again.
    #[error("changed meanwhile")]
    Stale,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Lets administrators pass.
pub(crate) fn check_admin(actor: &Actor) -> Result<(), ServiceError> {
    match access::administration(actor) {
        Decision::Allowed => Ok(()),
        Decision::Forbidden | Decision::Hidden => Err(ServiceError::Forbidden),
    }
}
