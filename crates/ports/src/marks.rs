//! Whether what was read a moment ago still holds.

use lionrocket_domain::ids::UserId;

/// A point in the history of what was written. Two that are equal have nothing between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeMark {
    /// Counts what may concern anybody.
    pub everybody: u64,
    /// Counts what concerns one owner.
    pub owner: u64,
}

/// Tells of a store whether anything was written to it. Answers from memory.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait ChangeMarks: Send + Sync {
    /// The mark of an owner's chats, with all that [`ChatRepository`](crate::chats::ChatRepository)
    /// reads of them. What was read after a mark was taken may be told again while the mark is the
    /// same: whatever this process writes changes it before the write is answered. What other
    /// processes write does not, so nothing may be told again for longer than [`KEEP_FOR`].
    fn of_chats(&self, owner: UserId) -> ChangeMark;
}

/// How long something that was read may be told again without looking whether another process has
/// changed it, such as a command of the operator's.
pub const KEEP_FOR: std::time::Duration = std::time::Duration::from_secs(5);
