//! What a person has used.

use std::sync::Arc;

use jiff::Timestamp;
use lionrocket_domain::{
    access::Actor,
    account::User,
    budget::DailyBudgets,
    calendar::{Day, DayRange, StatsZone},
    ids::UserId,
    usage::UsageDay,
};
use lionrocket_ports::{StoreError, runtime::Clock, usage::UsageRepository};

/// Why usage was not told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The person may not see it.
    #[error("not allowed")]
    Forbidden,
    /// The range ends before it begins.
    #[error("the range ends before it begins")]
    RangeReversed,
    /// The range has too many days.
    #[error("the range has more than {max_days} days")]
    RangeTooLong {
        /// The largest number of days.
        max_days: i64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Usage by day.
pub struct UsageService {
    usage: Arc<dyn UsageRepository>,
    clock: Arc<dyn Clock>,
    zone: StatsZone,
    budgets: DailyBudgets,
}

/// What a person may still use today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnBudget {
    /// Tokens that the person may use per day; `None` for no limit.
    pub daily_token_budget: Option<u64>,
    /// Tokens that were used today, with what is set aside for running turns.
    pub used_tokens: u64,
    /// When the next day begins.
    pub resets_at: Timestamp,
}

impl UsageService {
    /// The most days that are told at once.
    pub const MAX_DAYS: i64 = 366;
    /// How many days are told when no beginning is asked for, the last one included.
    pub const DEFAULT_DAYS: u32 = 30;

    /// Puts the service together.
    #[must_use]
    pub const fn new(
        usage: Arc<dyn UsageRepository>,
        clock: Arc<dyn Clock>,
        zone: StatsZone,
        budgets: DailyBudgets,
    ) -> Self {
        Self {
            usage,
            clock,
            zone,
            budgets,
        }
    }

    /// What the person may still use today.
    ///
    /// # Errors
    /// The store failed.
    pub async fn own_budget(&self, user: &User) -> Result<OwnBudget, UsageError> {
        let today = self.today();
        let today_used = self.usage.used(user.id, today).await?;
        Ok(OwnBudget {
            daily_token_budget: self.budgets.of_user(user.daily_token_budget).tokens,
            used_tokens: today_used.tokens,
            resets_at: self.zone.end_of(today),
        })
    }

    /// Today in the zone of the statistics.
    #[must_use]
    pub fn today(&self) -> Day {
        self.zone.day_of(self.clock.now())
    }

    /// The person's own usage by day, oldest first; days on which nothing was used are left out.
    ///
    /// # Errors
    /// The range is reversed or too long, or the store failed.
    pub async fn own_days(
        &self,
        actor: Actor,
        from: Option<Day>,
        to: Option<Day>,
    ) -> Result<Vec<UsageDay>, UsageError> {
        let range = self.range(from, to)?;
        self.days_of(actor.user_id, range).await
    }

    /// The days from one to another, both included: 30 days to today unless they are named.
    pub(crate) fn range(&self, from: Option<Day>, to: Option<Day>) -> Result<DayRange, UsageError> {
        checked_range(self.today(), from, to)
    }

    /// Somebody's usage by day. Whether the one who asks may see it is the caller's to check.
    pub(crate) async fn days_of(
        &self,
        user_id: UserId,
        range: DayRange,
    ) -> Result<Vec<UsageDay>, UsageError> {
        Ok(self.usage.days(user_id, range).await?)
    }
}

/// The range that is asked for, by default the last days up to today.
pub(crate) fn checked_range(
    today: Day,
    from: Option<Day>,
    to: Option<Day>,
) -> Result<DayRange, UsageError> {
    let to = to.unwrap_or(today);
    let from = from.unwrap_or_else(|| to.days_before(UsageService::DEFAULT_DAYS - 1));
    if to < from {
        return Err(UsageError::RangeReversed);
    }
    if to.days_since(from) >= UsageService::MAX_DAYS {
        return Err(UsageError::RangeTooLong {
            max_days: UsageService::MAX_DAYS,
        });
    }
    Ok(DayRange { from, to })
}
