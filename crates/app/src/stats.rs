//! What the whole service was used for.

use std::sync::Arc;

use lionrocket_domain::{
    access::{self, Actor, Decision},
    calendar::{Day, StatsZone},
    statistics::Overview,
};
use lionrocket_ports::{runtime::Clock, stats::StatsRepository};

use crate::usage::{UsageError, checked_range};

/// Statistics of the whole service, for its administrators.
pub struct StatsService {
    stats: Arc<dyn StatsRepository>,
    clock: Arc<dyn Clock>,
    zone: StatsZone,
}

impl StatsService {
    /// How many characters and people are named.
    pub const TOP: u32 = 10;

    /// Puts the service together.
    #[must_use]
    pub const fn new(
        stats: Arc<dyn StatsRepository>,
        clock: Arc<dyn Clock>,
        zone: StatsZone,
    ) -> Self {
        Self { stats, clock, zone }
    }

    /// The overview of a range of days; without a range that of the last thirty.
    ///
    /// # Errors
    /// [`UsageError::Forbidden`] for people who do not administer the service, the range is reversed
    /// or too long, or the store failed.
    pub async fn overview(
        &self,
        actor: Actor,
        from: Option<Day>,
        to: Option<Day>,
    ) -> Result<Overview, UsageError> {
        if access::administration(&actor) != Decision::Allowed {
            return Err(UsageError::Forbidden);
        }
        let today = self.zone.day_of(self.clock.now());
        let range = checked_range(today, from, to)?;
        let figures = self.stats.overview(range, Self::TOP).await?;
        Ok(Overview::new(range, figures))
    }
}
