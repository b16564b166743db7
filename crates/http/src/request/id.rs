//! The id under which a request is found in the log.

use actix_web::http::header::{HeaderMap, HeaderName};
use uuid::Uuid;

/// The header in which the id comes and goes.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: the client's or proxy's own, if it is harmless, else a new one.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(String);

impl RequestId {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let sent = headers
            .get(X_REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .filter(|id| is_harmless(id));
        Self(sent.map_or_else(new_id, str::to_owned))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an id can stand in a log and in a header as it is.
fn is_harmless(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a name for the log, which decides nothing and is in no store"
)]
fn new_id() -> String {
    Uuid::now_v7().to_string()
}
