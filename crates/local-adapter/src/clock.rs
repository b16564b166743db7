//! The machine's clock.

use jiff::{Timestamp, TimestampRound, Unit};
use lionrocket_ports::runtime::Clock;

/// The wall clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        let exact = Timestamp::now();
        // Rounding down: a time must not lie ahead of the moment at which it was read. It cannot
        // fail for any time that a machine's clock shows.
        let round = TimestampRound::new()
            .smallest(Unit::Microsecond)
            .mode(jiff::RoundMode::Floor);
        exact.round(round).unwrap_or(exact)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_in_whole_microseconds_and_never_ahead() {
        for _ in 0..1_000 {
            let earlier = SystemClock.now();
            let later = SystemClock.now();
            assert_eq!(earlier.subsec_nanosecond() % 1_000, 0);
            assert!(later >= earlier);
        }
    }
}
