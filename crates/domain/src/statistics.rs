//! Statistics by day: how they are counted and what is made of them. Nothing here names a person's
//! words, and everything is a sum, so that a day's figures never need its messages.

use std::{
    collections::{BTreeMap, HashMap},
    ops::AddAssign,
};

use jiff::Timestamp;

use crate::{
    calendar::{Day, DayRange},
    ids::{CharacterId, UserId},
    text::{CharacterName, Username},
    usage::TokenUsage,
};

/// The lowest bucket that is not a single millisecond, and the number of buckets from one power of
/// two to the next.
const STEPS: u64 = 8;
/// `log2` of [`STEPS`].
const STEP_BITS: u32 = 3;

/// How long something took, on a scale whose buckets grow with the duration: exact below eight
/// milliseconds, within 6.25 % above, so that a histogram of days and nights has a few dozen buckets.
///
/// ```
/// use lionrocket_domain::statistics::LatencyBucket;
///
/// let bucket = LatencyBucket::of_ms(1_234);
/// assert!(bucket.typical_ms().abs_diff(1_234) * 100 <= 1_234 * 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LatencyBucket(u64);

impl LatencyBucket {
    /// The last bucket: that of a duration of 2^64 − 1 milliseconds.
    const LAST: u64 = 62 * STEPS - 1;

    /// The bucket of a duration.
    #[must_use]
    pub fn of_ms(ms: u64) -> Self {
        if ms < STEPS {
            return Self(ms);
        }
        // How far the leading bits are to be shifted to leave `STEP_BITS` after the first one.
        let shift = ms.ilog2() - STEP_BITS;
        let step = (ms >> shift) - STEPS;
        Self((u64::from(shift) + 1) * STEPS + step)
    }

    /// The bucket of the time from one moment to another; a clock that was set back counts as none.
    #[must_use]
    pub fn between(start: Timestamp, end: Timestamp) -> Self {
        let ms = end.duration_since(start).as_millis();
        Self::of_ms(u64::try_from(ms).unwrap_or(0))
    }

    /// A stored bucket; `None` when the scale has no such bucket.
    #[must_use]
    pub fn from_stored(number: i64) -> Option<Self> {
        let number = u64::try_from(number).ok()?;
        (number <= Self::LAST).then_some(Self(number))
    }

    /// The number that is stored.
    #[must_use]
    pub const fn number(self) -> i64 {
        self.0.cast_signed()
    }

    /// A duration in the middle of the bucket, in milliseconds.
    #[must_use]
    pub const fn typical_ms(self) -> u64 {
        let (row, step) = (self.0 / STEPS, self.0 % STEPS);
        if row == 0 {
            return step;
        }
        let width = 1_u64 << (row - 1);
        (STEPS + step) * width + (width - 1) / 2
    }
}

/// How many turns took how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyHistogram {
    /// Turns by bucket, in the order of the scale.
    counts: BTreeMap<LatencyBucket, u64>,
}

impl LatencyHistogram {
    /// Adds turns to a bucket.
    pub fn add(&mut self, bucket: LatencyBucket, turns: u64) {
        *self.counts.entry(bucket).or_default() += turns;
    }

    /// How many turns there are in all.
    #[must_use]
    pub fn turns(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The duration in milliseconds within which so many of a hundred turns stay, by nearest rank;
    /// `None` without any turn.
    #[must_use]
    pub fn percentile_ms(&self, percent: u8) -> Option<u64> {
        let rank = (u128::from(self.turns()) * u128::from(percent.min(100))).div_ceil(100);
        let rank = rank.max(1);
        let mut passed = 0;
        self.counts
            .iter()
            .find(|(_, turns)| {
                passed += u128::from(**turns);
                passed >= rank
            })
            .map(|(bucket, _)| bucket.typical_ms())
    }
}

/// Turns by the way they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TurnOutcomes {
    /// The model said all it had to say.
    pub completed: u64,
    /// The person stopped it.
    pub stopped: u64,
    /// The model or the way to it failed.
    pub failed: u64,
    /// It was cut in the middle.
    pub interrupted: u64,
}

impl TurnOutcomes {
    /// All turns.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.completed + self.stopped + self.failed + self.interrupted
    }

    /// Turns that failed or were cut, per million turns; 0 without any turn.
    #[must_use]
    pub const fn errors_per_million(&self) -> u64 {
        match self.total() {
            0 => 0,
            total => (self.failed + self.interrupted) * 1_000_000 / total,
        }
    }
}

/// What turns used and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Exchanges that were charged.
    pub exchanges: u64,
    /// Tokens by kind; `cache_write_5m` holds both kinds of cache writes.
    pub tokens: TokenUsage,
    /// The cost in micro-dollars.
    pub cost_micro_usd: u64,
    /// Turns by the way they ended, those that cost nothing among them.
    pub turns: TurnOutcomes,
}

impl AddAssign for Activity {
    fn add_assign(&mut self, more: Self) {
        self.exchanges += more.exchanges;
        self.tokens += more.tokens;
        self.cost_micro_usd += more.cost_micro_usd;
        self.turns.completed += more.turns.completed;
        self.turns.stopped += more.turns.stopped;
        self.turns.failed += more.turns.failed;
        self.turns.interrupted += more.turns.interrupted;
    }
}

/// Accounts of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountDay {
    /// The day.
    pub usage_date: Day,
    /// Accounts that were made.
    pub new_accounts: u64,
    /// Accounts that were erased.
    pub erased_accounts: u64,
    /// Accounts with at least one charged exchange.
    pub active_accounts: u64,
}

/// What one model did on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDay {
    /// The day.
    pub usage_date: Day,
    /// The model; `None` for turns that ended before one answered.
    pub model: Option<String>,
    /// What it did.
    pub activity: Activity,
}

/// A character by how much people talk to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterRank {
    /// The character.
    pub character_id: CharacterId,
    /// Its name; `None` once it is deleted.
    pub name: Option<CharacterName>,
    /// Exchanges that were charged.
    pub exchanges: u64,
    /// Tokens of all kinds.
    pub total_tokens: u64,
    /// The cost in micro-dollars.
    pub cost_micro_usd: u64,
}

/// A person by how much they use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRank {
    /// The account.
    pub user_id: UserId,
    /// Its name.
    pub username: Username,
    /// Exchanges that were charged.
    pub exchanges: u64,
    /// Tokens of all kinds.
    pub total_tokens: u64,
    /// The cost in micro-dollars.
    pub cost_micro_usd: u64,
}

/// Turns that did not end well for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureCount {
    /// The reason, see [`TurnFailure::code`](crate::turn::TurnFailure::code).
    pub code: String,
    /// Turns.
    pub turns: u64,
}

/// What a store knows of a range of days.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Accounts that there were before the first day.
    pub accounts_before: u64,
    /// Accounts with at least one charged exchange in the range, as far as they still are.
    pub active_accounts: u64,
    /// The days on which something became of accounts, oldest first.
    pub account_days: Vec<AccountDay>,
    /// The days on which turns ended, by model.
    pub model_days: Vec<ModelDay>,
    /// The characters with most exchanges, most first.
    pub characters: Vec<CharacterRank>,
    /// The people with most tokens, most first.
    pub users: Vec<UserRank>,
    /// Turns that did not end well, most first.
    pub failures: Vec<FailureCount>,
    /// How long first texts took.
    pub first_text: LatencyHistogram,
}

/// A day of the overview, or all of its days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Accounts at its end.
    pub accounts: u64,
    /// Accounts that were made.
    pub new_accounts: u64,
    /// Accounts with at least one charged exchange.
    pub active_accounts: u64,
    /// What turns used and how they ended.
    pub activity: Activity,
}

/// What one model did in a range of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRank {
    /// The model.
    pub model: String,
    /// What it did.
    pub activity: Activity,
}

/// The overview of a range of days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The range.
    pub range: DayRange,
    /// All days together.
    pub totals: Summary,
    /// Each day, oldest first; days without anything are there as well.
    pub days: Vec<(Day, Summary)>,
    /// The models that answered, most tokens first.
    pub models: Vec<ModelRank>,
    /// The characters with most exchanges, most first.
    pub characters: Vec<CharacterRank>,
    /// The people with most tokens, most first.
    pub users: Vec<UserRank>,
    /// Turns that did not end well, most first.
    pub failures: Vec<FailureCount>,
    /// How long first texts took.
    pub first_text: LatencyHistogram,
}

impl Overview {
    /// Puts the overview together from what a store knows of the range.
    #[must_use]
    pub fn new(range: DayRange, figures: Figures) -> Self {
        let mut totals = Summary {
            active_accounts: figures.active_accounts,
            ..Summary::default()
        };
        let mut models: BTreeMap<String, Activity> = BTreeMap::new();
        let mut activities: HashMap<Day, Activity> = HashMap::new();
        for ModelDay {
            usage_date,
            model,
            activity,
        } in figures.model_days
        {
            totals.activity += activity;
            *activities.entry(usage_date).or_default() += activity;
            if let Some(model) = model {
                *models.entry(model).or_default() += activity;
            }
        }
        let accounts: HashMap<Day, AccountDay> = figures
            .account_days
            .into_iter()
            .map(|day| (day.usage_date, day))
            .collect();
        totals.accounts = figures.accounts_before;
        let mut days = Vec::new();
        for day in range.days() {
            let mut summary = Summary {
                activity: activities.get(&day).copied().unwrap_or_default(),
                ..Summary::default()
            };
            if let Some(accounts) = accounts.get(&day) {
                summary.new_accounts = accounts.new_accounts;
                summary.active_accounts = accounts.active_accounts;
                totals.new_accounts += accounts.new_accounts;
                totals.accounts += accounts.new_accounts;
                totals.accounts = totals.accounts.saturating_sub(accounts.erased_accounts);
            }
            summary.accounts = totals.accounts;
            days.push((day, summary));
        }
        let mut models: Vec<ModelRank> = models
            .into_iter()
            .map(|(model, activity)| ModelRank { model, activity })
            .collect();
        models.sort_by_key(|rank| std::cmp::Reverse(rank.activity.tokens.total()));
        Self {
            range,
            totals,
            days,
            models,
            characters: figures.characters,
            users: figures.users,
            failures: figures.failures,
            first_text: figures.first_text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn model_day(date: &str, model: Option<&str>, input: u64, completed: u64) -> ModelDay {
        ModelDay {
            usage_date: day(date),
            model: model.map(str::to_owned),
            activity: Activity {
                exchanges: completed,
                tokens: TokenUsage {
                    input,
                    ..TokenUsage::default()
                },
                cost_micro_usd: input * 2,
                turns: TurnOutcomes {
                    completed,
                    failed: u64::from(model.is_none()),
                    ..TurnOutcomes::default()
                },
            },
        }
    }

    #[test]
    fn days_without_anything_are_in_the_overview() {
        let range = DayRange {
            from: day("2026-11-20"),
            to: day("2026-11-23"),
        };
        let overview = Overview::new(
            range,
            Figures {
                accounts_before: 5,
                active_accounts: 2,
                account_days: vec![
                    AccountDay {
                        usage_date: day("2026-11-21"),
                        new_accounts: 3,
                        erased_accounts: 1,
                        active_accounts: 2,
                    },
                    AccountDay {
                        usage_date: day("2026-11-23"),
                        new_accounts: 1,
                        erased_accounts: 0,
                        active_accounts: 0,
                    },
                ],
                model_days: vec![
                    model_day("2026-11-21", Some("small"), 10, 2),
                    model_day("2026-11-21", Some("large"), 30, 1),
                    model_day("2026-11-21", None, 0, 0),
                    model_day("2026-11-23", Some("small"), 5, 1),
                ],
                ..Figures::default()
            },
        );
        let told: Vec<_> = overview
            .days
            .iter()
            .map(|(day, summary)| {
                let tokens = summary.activity.tokens.total();
                (day.to_string(), summary.accounts, tokens)
            })
            .collect();
        let wanted = [
            ("2026-11-20".to_owned(), 5, 0),
            ("2026-11-21".to_owned(), 7, 40),
            ("2026-11-22".to_owned(), 7, 0),
            ("2026-11-23".to_owned(), 8, 5),
        ];
        assert_eq!(told, wanted);
        let totals = overview.totals;
        assert_eq!(
            (totals.accounts, totals.new_accounts, totals.active_accounts),
            (8, 4, 2)
        );
        assert_eq!(totals.activity.turns.total(), 5);
        assert_eq!(totals.activity.turns.errors_per_million(), 200_000);
        assert_eq!(totals.activity.cost_micro_usd, 90);
        let models: Vec<_> = overview.models.iter().map(|rank| &rank.model).collect();
        assert_eq!(models, ["large", "small"]);
    }

    #[test]
    fn short_durations_are_exact() {
        for ms in 0..16 {
            assert_eq!(LatencyBucket::of_ms(ms).typical_ms(), ms);
        }
    }

    #[test]
    fn the_scale_ends_with_the_longest_duration() {
        let last = LatencyBucket::of_ms(u64::MAX);
        assert_eq!(last, LatencyBucket(LatencyBucket::LAST));
        assert_eq!(LatencyBucket::from_stored(last.number()), Some(last));
        assert_eq!(LatencyBucket::from_stored(last.number() + 1), None);
        assert_eq!(LatencyBucket::from_stored(-1), None);
    }

    #[test]
    fn a_clock_that_was_set_back_counts_as_no_time_at_all() {
        let start: Timestamp = "2026-11-22T09:00:00Z".parse().unwrap();
        let end: Timestamp = "2026-11-22T08:59:59Z".parse().unwrap();
        assert_eq!(LatencyBucket::between(start, end).typical_ms(), 0);
        assert_eq!(
            LatencyBucket::between(end, start),
            LatencyBucket::of_ms(1_000)
        );
    }

    #[test]
    fn no_turns_have_no_percentiles() {
        assert_eq!(LatencyHistogram::default().percentile_ms(50), None);
    }

    proptest! {
        #[test]
        fn a_bucket_tells_a_duration_within_a_tenth(ms in any::<u64>(), shift in 0_u32..64) {
            let ms = ms >> shift;
            let told = LatencyBucket::of_ms(ms).typical_ms();
            prop_assert!(u128::from(told.abs_diff(ms)) * 10 <= u128::from(ms), "{ms} as {told}");
        }

        #[test]
        fn longer_durations_never_have_lower_buckets(a in any::<u64>(), b in any::<u64>(), shift in 0_u32..64) {
            let (short, long) = ((a >> shift).min(b), (a >> shift).max(b));
            let (low, high) = (LatencyBucket::of_ms(short), LatencyBucket::of_ms(long));
            prop_assert!(low <= high);
            prop_assert_eq!(LatencyBucket::of_ms(low.typical_ms()), low);
        }

        #[test]
        fn percentiles_are_within_a_tenth_of_the_exact_ones(
            mut durations in proptest::collection::vec(0_u64..600_000, 1..200),
            percent in 0_u8..=100,
        ) {
            let mut histogram = LatencyHistogram::default();
            for ms in &durations {
                histogram.add(LatencyBucket::of_ms(*ms), 1);
            }
            durations.sort_unstable();
            let rank = (durations.len() * usize::from(percent)).div_ceil(100).max(1);
            let exact = durations[rank - 1];
            let told = histogram.percentile_ms(percent).unwrap();
            prop_assert!(told.abs_diff(exact) * 10 <= exact, "{exact} as {told}");
        }
    }
}
