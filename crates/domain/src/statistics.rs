//! Statistics by day: how they are counted and what is made of them. Nothing here names a person's
//! words, and everything is a sum, so that a day's figures never need its messages.

use jiff::Timestamp;

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
    counts: std::collections::BTreeMap<LatencyBucket, u64>,
}

impl LatencyHistogram {
    /// Adds turns to a bucket.
    pub fn add(&mut self, bucket: LatencyBucket, turns: u64) {
        *self.counts.entry(bucket).or_default() += turns;
    }

    /// The duration in milliseconds within which so many of a hundred turns stay, by nearest rank;
    /// `None` without any turn.
    #[must_use]
    pub fn percentile_ms(&self, percent: u8) -> Option<u64> {
        let total: u64 = self.counts.values().sum();
        let rank = (u128::from(total) * u128::from(percent.min(100))).div_ceil(100);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
