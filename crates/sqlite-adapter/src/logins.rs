//! Logins that were looked up a moment ago. Every request asks for one.

use std::fmt;

use jiff::Timestamp;
use lionrocket_domain::ids::SessionId;
use lionrocket_ports::{
    marks::KEEP_FOR,
    sessions::{LiveAt, LiveSession},
};
use quick_cache::sync::Cache;

use crate::changes::Changes;

/// How many logins are remembered.
const MOST: usize = 4096;

/// A login as it was found.
#[derive(Clone)]
struct Found {
    session: LiveSession,
    /// What was written before it was read.
    mark: u64,
    read_at: Timestamp,
}

/// Remembers live logins with their accounts until anything is written that is not a matter of chats,
/// and for [`KEEP_FOR`] at most.
pub(crate) struct RememberedLogins {
    found: Cache<SessionId, Found>,
}

impl fmt::Debug for RememberedLogins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedLogins").finish_non_exhaustive()
    }
}

impl RememberedLogins {
    pub(crate) fn new() -> Self {
        Self {
            found: Cache::new(MOST),
        }
    }

    /// The login as it still is. `None` when that must be looked up.
    pub(crate) fn recall(
        &self,
        changes: &Changes,
        id: SessionId,
        at: LiveAt,
    ) -> Option<LiveSession> {
        let Found {
            session,
            mark,
            read_at,
        } = self.found.get(&id)?;
        let age = at.now.duration_since(read_at);
        let holds = mark == changes.of_everybody()
            && !age.is_negative()
            && age.unsigned_abs() < KEEP_FOR
            && session.expires_at > at.now
            && session.last_seen_at > at.seen_after;
        holds.then_some(session)
    }

    /// Remembers a login that was read after `mark` was taken.
    pub(crate) fn remember(
        &self,
        id: SessionId,
        session: LiveSession,
        mark: u64,
        read_at: Timestamp,
    ) {
        let found = Found {
            session,
            mark,
            read_at,
        };
        self.found.insert(id, found);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use lionrocket_domain::{
        account::User,
        ids::UserId,
        text::{EmailAddress, Username},
    };
    use uuid::Uuid;

    use super::*;
    use crate::changes::Concern;

    fn session() -> LiveSession {
        LiveSession {
            user: User {
                id: UserId::from_stored(1),
                username: Username::parse("mina").unwrap(),
                email: EmailAddress::parse("mina@example.com").unwrap(),
                is_admin: false,
                is_active: true,
                display_name: None,
                locale: None,
                token_version: 0,
                daily_token_budget: None,
                version: 1,
                deleted_at: None,
                created_at: Timestamp::UNIX_EPOCH,
            },
            expires_at: Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1),
            last_seen_at: Timestamp::UNIX_EPOCH,
            reauthenticated_at: None,
        }
    }

    #[test]
    fn what_was_read_before_a_change_and_remembered_after_it_is_not_told() {
        let (logins, changes) = (RememberedLogins::new(), Changes::new());
        let id = SessionId::from_uuid(Uuid::from_u128(1));
        let at = LiveAt {
            now: Timestamp::UNIX_EPOCH,
            seen_after: Timestamp::MIN,
        };
        let mark = changes.of_everybody();
        changes.raise(Concern::Everybody);
        logins.remember(id, session(), mark, at.now);
        assert_eq!(logins.recall(&changes, id, at), None);

        logins.remember(id, session(), changes.of_everybody(), at.now);
        changes.raise(Concern::ChatsOf(UserId::from_stored(1)));
        assert_eq!(logins.recall(&changes, id, at), Some(session()));
    }
}
