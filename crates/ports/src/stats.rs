//! Statistics of the whole service, for its administrators.

use async_trait::async_trait;
use lionrocket_domain::{calendar::DayRange, statistics::Figures};

use crate::StoreResult;

/// Statistics by day. They are written by [`TurnStore`](crate::turns::TurnStore) and
/// [`UserRepository`](crate::accounts::UserRepository), together with what they count.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait StatsRepository: Send + Sync {
    /// What is known of a range of days, with at most `top` characters and people. Read from the
    /// figures of days only: the effort grows with the days and not with what was said.
    async fn overview(&self, range: DayRange, top: u32) -> StoreResult<Figures>;
}
