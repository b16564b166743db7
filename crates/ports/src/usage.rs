//! Reading what was used. It is written by [`TurnStore::finish`](crate::turns::TurnStore::finish) only.

use async_trait::async_trait;
use lionrocket_domain::{calendar::DayRange, ids::UserId, usage::UsageDay};

use crate::StoreResult;

/// Usage by day.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UsageRepository: Send + Sync {
    /// The days of a range on which the user was charged, oldest first.
    async fn days(&self, user_id: UserId, range: DayRange) -> StoreResult<Vec<UsageDay>>;
}
