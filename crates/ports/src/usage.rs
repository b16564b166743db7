//! Reading what was used. It is written by [`TurnStore::finish`](crate::turns::TurnStore::finish) only.

use async_trait::async_trait;
use lionrocket_domain::{
    budget::Amount,
    calendar::{Day, DayRange},
    ids::UserId,
    usage::UsageDay,
};

use crate::StoreResult;

/// Usage by day.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait UsageRepository: Send + Sync {
    /// The days of a range on which the user was charged, oldest first.
    async fn days(&self, user_id: UserId, range: DayRange) -> StoreResult<Vec<UsageDay>>;

    /// What the user used on a day, with what is set aside for their running turns.
    async fn used(&self, user_id: UserId, day: Day) -> StoreResult<Amount>;
}
