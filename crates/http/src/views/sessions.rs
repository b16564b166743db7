//! Logins.

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::ids::SessionId;
use lionrocket_ports::sessions::SessionRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::accounts::access_ttl;
use crate::{
    ServiceInfo,
    request::{Fields, RequestBody},
};

/// Somewhere where the person is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionView {
    /// The session's id.
    #[schema(format = "uuid")]
    id: String,
    /// When the person signed in.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When the session was used last, to about an hour.
    #[schema(value_type = String, format = DateTime)]
    last_seen_at: Timestamp,
    /// When it ends at the latest.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// What the browser calls itself.
    #[schema(
        required,
        examples("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0")
    )]
    user_agent: Option<String>,
    /// From where it was used last.
    #[schema(required, examples("192.0.2.7"))]
    client_address: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    pub(crate) fn new(session: SessionRecord, current: SessionId) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            user_agent: session.user_agent,
            client_address: session.client_address,
            current: session.id == current,
        }
    }
}

/// All places where the person is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    /// The sessions, newest first.
    pub(crate) items: Vec<SessionView>,
    /// Always `null`: there is one page.
    #[schema(required)]
    pub(crate) next_cursor: Option<String>,
}

/// What is asked of a new token.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshBody {
    /// How long the access token shall live, in seconds; as long as the service lets it when it is
    /// left out.
    #[schema(value_type = Option<i64>, minimum = 60, maximum = 604_800, nullable = false, examples(900))]
    #[serde(rename = "access_ttl_seconds")]
    pub(crate) access_ttl: Option<SignedDuration>,
}

impl RequestBody for RefreshBody {
    fn read(fields: &mut Fields, info: &ServiceInfo) -> Option<Self> {
        let access_ttl = access_ttl(fields, info)?;
        Some(Self { access_ttl })
    }
}
