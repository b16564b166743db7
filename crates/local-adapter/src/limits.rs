//! Rate limits in memory.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use lionrocket_ports::limits::{LimitDecision, LimitRule, RateLimiter};

/// How many buckets are known at once.
const MAX_BUCKETS: usize = 100_000;
/// How often full buckets are looked for.
const SWEEP_EVERY: Duration = Duration::from_mins(1);

/// Monotonic time since some beginning.
type Elapsed = Box<dyn Fn() -> Duration + Send + Sync>;

/// Limits by the generic cell rate algorithm: a bucket is one point in time, at which it will be full
/// again. A bucket that is not known is full, so that only those in use take memory.
///
/// At most 100,000 buckets are kept. When there are more, those go that are nearest to full: a flood
/// of new keys forgets its own buckets before it forgets one that holds somebody back.
pub struct LocalRateLimiter {
    elapsed: Elapsed,
    buckets: Mutex<Buckets>,
}

impl Default for LocalRateLimiter {
    fn default() -> Self {
        let start = Instant::now();
        Self::with_time(move || start.elapsed())
    }
}

impl LocalRateLimiter {
    /// Counts by a time of the caller's, which never goes back.
    #[must_use]
    pub fn with_time(elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self {
            elapsed: Box::new(elapsed),
            buckets: Mutex::default(),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Buckets, Duration) -> T) -> T {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock: two threads never see it go back.
        let now = (self.elapsed)();
        act(&mut buckets, now)
    }
}

impl RateLimiter for LocalRateLimiter {
    fn take(&self, rule: &LimitRule, key: &str) -> LimitDecision {
        self.with(|buckets, now| {
            buckets.sweep(now);
            let full_at = buckets.full_at(rule, key, now);
            let decision = decide(rule, full_at.saturating_add(rule.refill), now);
            if matches!(decision, LimitDecision::Allowed { .. }) {
                buckets.set(rule, key, full_at.saturating_add(rule.refill));
                buckets.bound(now);
            }
            decision
        })
    }

    fn peek(&self, rule: &LimitRule, key: &str) -> LimitDecision {
        self.with(|buckets, now| {
            let full_at = buckets.full_at(rule, key, now);
            match decide(rule, full_at.saturating_add(rule.refill), now) {
                LimitDecision::Allowed { .. } => decide(rule, full_at, now),
                limited @ LimitDecision::Limited { .. } => limited,
            }
        })
    }

    fn refund(&self, rule: &LimitRule, key: &str) {
        self.with(|buckets, now| {
            let full_at = buckets.full_at(rule, key, now);
            buckets.set(rule, key, full_at.saturating_sub(rule.refill).max(now));
        });
    }

    fn clear(&self, rule: &LimitRule, key: &str) {
        self.with(|buckets, now| buckets.set(rule, key, now));
    }
}

/// What is said of a bucket that will be full at some time.
fn decide(rule: &LimitRule, full_at: Duration, now: Duration) -> LimitDecision {
    let whole = rule.refill.saturating_mul(rule.burst);
    let missing = full_at.saturating_sub(now);
    match missing.checked_sub(whole) {
        None | Some(Duration::ZERO) => LimitDecision::Allowed {
            left: times(whole.saturating_sub(missing), rule.refill),
            reset: missing,
        },
        Some(retry_after) => LimitDecision::Limited { retry_after },
    }
}

/// How often one time fits into another.
fn times(whole: Duration, part: Duration) -> u32 {
    let count = whole.as_nanos().checked_div(part.as_nanos());
    count.map_or(u32::MAX, |n| u32::try_from(n).unwrap_or(u32::MAX))
}

/// For every rule and key the time at which its bucket is full.
#[derive(Default)]
struct Buckets {
    by_rule: HashMap<&'static str, HashMap<Box<str>, Duration>>,
    swept_at: Duration,
}

impl Buckets {
    fn full_at(&self, rule: &LimitRule, key: &str, now: Duration) -> Duration {
        let known = self.by_rule.get(rule.name).and_then(|keys| keys.get(key));
        known.map_or(now, |full_at| *full_at.max(&now))
    }

    fn set(&mut self, rule: &LimitRule, key: &str, full_at: Duration) {
        let keys = self.by_rule.entry(rule.name).or_default();
        match keys.get_mut(key) {
            Some(known) => *known = full_at,
            None => {
                keys.insert(key.into(), full_at);
            }
        }
    }

    fn len(&self) -> usize {
        self.by_rule.values().map(HashMap::len).sum()
    }

    /// Forgets full buckets now and then.
    fn sweep(&mut self, now: Duration) {
        if now.saturating_sub(self.swept_at) >= SWEEP_EVERY {
            self.keep_later_than(now);
            self.swept_at = now;
        }
    }

    /// Makes room when there are too many buckets: full ones go, and an eighth of the others.
    fn bound(&mut self, now: Duration) {
        if self.len() <= MAX_BUCKETS {
            return;
        }
        self.keep_later_than(now);
        let too_many = self.len().saturating_sub(MAX_BUCKETS / 8 * 7);
        if too_many == 0 {
            return;
        }
        let mut times: Vec<_> = self
            .by_rule
            .values()
            .flat_map(HashMap::values)
            .copied()
            .collect();
        let (_, last_to_go, _) = times.select_nth_unstable(too_many - 1);
        self.keep_later_than(*last_to_go);
    }

    fn keep_later_than(&mut self, time: Duration) {
        for keys in self.by_rule.values_mut() {
            keys.retain(|_, full_at| *full_at > time);
        }
    }
}

/// No limits at all, for measurements.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl Unlimited {
    const fn full(rule: &LimitRule) -> LimitDecision {
        LimitDecision::Allowed {
            left: rule.burst,
            reset: Duration::ZERO,
        }
    }
}

impl RateLimiter for Unlimited {
    fn take(&self, rule: &LimitRule, _: &str) -> LimitDecision {
        Self::full(rule)
    }

    fn peek(&self, rule: &LimitRule, _: &str) -> LimitDecision {
        Self::full(rule)
    }

    fn refund(&self, _: &LimitRule, _: &str) {}

    fn clear(&self, _: &LimitRule, _: &str) {}
}
