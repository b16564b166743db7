//! What was written through this store, counted, so that what was read can be remembered.
//!
//! A reader takes the mark first, then reads. As long as the mark is the same, nothing was written in
//! between that could change what was read. A commit raises the counters before its callers are
//! answered: whoever was told of a write never meets what was there before it.

use std::sync::atomic::{AtomicU64, Ordering};

use lionrocket_domain::ids::UserId;
use lionrocket_ports::marks::ChangeMark;

/// How many counters the owners share. Two that share one forget more often than they would have to.
const OWNER_COUNTERS: usize = 1024;

/// Whom a write concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Concern {
    /// Nobody knows: whatever is remembered of anybody is forgotten.
    Everybody,
    /// The chats of this owner, with their messages and turns, and nothing else.
    ChatsOf(UserId),
}

/// The counters.
#[derive(Debug)]
pub(crate) struct Changes {
    everybody: AtomicU64,
    owners: Box<[AtomicU64]>,
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self {
            everybody: AtomicU64::new(0),
            owners: (0..OWNER_COUNTERS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Forgets what a write may have changed. Comes after the commit and before its answer.
    pub(crate) fn raise(&self, concern: Concern) {
        let counter = match concern {
            Concern::Everybody => &self.everybody,
            Concern::ChatsOf(owner) => self.owner(owner),
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    /// The mark of all that no chat's write can change.
    pub(crate) fn of_everybody(&self) -> u64 {
        self.everybody.load(Ordering::SeqCst)
    }

    /// The mark of an owner's chats.
    pub(crate) fn of_chats(&self, owner: UserId) -> ChangeMark {
        ChangeMark {
            everybody: self.of_everybody(),
            owner: self.owner(owner).load(Ordering::SeqCst),
        }
    }

    fn owner(&self, owner: UserId) -> &AtomicU64 {
        let place = owner.get().unsigned_abs() % OWNER_COUNTERS as u64;
        // The place is smaller than the number of counters.
        usize::try_from(place)
            .ok()
            .and_then(|place| self.owners.get(place))
            .unwrap_or(&self.everybody)
    }
}
