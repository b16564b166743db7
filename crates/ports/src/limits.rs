//! Limits on how often something may be done.

use std::time::Duration;

/// How often something may be done: `burst` times at once, refilled one by one over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitRule {
    /// The rule's stable name, also the name of its buckets.
    pub name: &'static str,
    /// How many times at once.
    pub burst: u32,
    /// How long it takes until one more is allowed.
    pub refill: Duration,
}

/// What came of asking a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitDecision {
    /// It may be done.
    Allowed {
        /// How many more times at once.
        left: u32,
        /// How long until the bucket is full again.
        reset: Duration,
    },
    /// It may not be done now.
    Limited {
        /// How long until it may be done once.
        retry_after: Duration,
    },
}

/// Counts by rule and key. Time is monotonic. An adapter forgets keys whose bucket is full, and
/// bounds the number of keys that it knows.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait RateLimiter: Send + Sync {
    /// Takes one from the bucket of a key, if there is one.
    fn take(&self, rule: &LimitRule, key: &str) -> LimitDecision;

    /// Looks at a bucket and takes nothing.
    fn peek(&self, rule: &LimitRule, key: &str) -> LimitDecision;

    /// Gives one back: what it was taken for failed by our own fault.
    fn refund(&self, rule: &LimitRule, key: &str);

    /// Fills a bucket.
    fn clear(&self, rule: &LimitRule, key: &str);
}
