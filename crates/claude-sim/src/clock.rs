//! The time by which cache entries expire.

use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};

/// Where the simulator reads the time. Delays between events are always real time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the simulator reads the time"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands still until it is told otherwise.
///
/// ```
/// use jiff::{SignedDuration, Timestamp};
/// use lionrocket_claude_sim::{Clock, ManualClock};
///
/// let clock = ManualClock::new(Timestamp::UNIX_EPOCH);
/// clock.advance(SignedDuration::from_mins(5));
/// assert_eq!(clock.now(), Timestamp::from_second(300).unwrap());
/// ```
#[derive(Debug)]
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    /// Makes a clock that stands at a time.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self(Mutex::new(now))
    }

    /// Moves the clock; stops at the ends of time.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = crate::lock(&self.0);
        *now = now.saturating_add(by).unwrap_or(*now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *crate::lock(&self.0)
    }
}
