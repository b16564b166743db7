//! What happens in a cycle. Everything follows from the seed and the number of the cycle, so that one
//! cycle can be played again by itself.

use std::{fmt, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upstream {
    /// The model within the server.
    Demo,
    /// The simulator of the Claude API.
    Simulator,
}

/// What the server does with a reply that a crash has cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnInterrupt {
    /// It goes on.
    Continue,
    /// It ends as interrupted, with the text that there is.
    Keep,
}

/// When the server dies. Counted are things that are seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after the clients have begun.
    After(Duration),
    /// So long after the process was started, which may be before it listens.
    Booting(Duration),
    /// As soon as a client hears of the so-manyeth acceptance.
    Acknowledged(u32),
    /// As soon as a client is shown the so-manyeth piece of text.
    Shown(u32),
    /// Just before a client asks to stop a reply for the so-manyeth time.
    Stopping(u32),
    /// As soon as it is told that a reply will be stopped, for the so-manyeth time.
    StopTaken(u32),
    /// Just before a client chooses a branch for the so-manyeth time.
    Choosing(u32),
    /// As soon as a client hears that it is shown, for the so-manyeth time.
    Chosen(u32),
    /// As soon as the so-manyeth new turn is in the database, mostly before its client knows.
    Begun(u32),
    /// As soon as a part of the so-manyeth reply is in the database.
    Saved(u32),
    /// As soon as the end of the so-manyeth turn is in the database, mostly before its readers know.
    Ended(u32),
    /// By itself, when the so-manyeth sync of one of its threads fails.
    FailedSync(u32),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "after {} ms", time.as_millis()),
            Self::Booting(time) => write!(f, "{} ms after its start", time.as_millis()),
            Self::Acknowledged(count) => write!(f, "at acceptance {count}"),
            Self::Shown(count) => write!(f, "at piece of text {count}"),
            Self::Stopping(count) => write!(f, "at the wish to stop {count}"),
            Self::StopTaken(count) => write!(f, "at the promise to stop {count}"),
            Self::Choosing(count) => write!(f, "at choice {count}"),
            Self::Chosen(count) => write!(f, "at choice {count} that is shown"),
            Self::Begun(count) => write!(f, "at turn {count} in the database"),
            Self::Saved(count) => write!(f, "at saved part {count} in the database"),
            Self::FailedSync(count) => write!(f, "at failed sync {count}"),
            Self::Ended(count) => write!(f, "at ended turn {count} in the database"),
        }
    }
}

/// One cycle: lives of the server that end in a crash, and one more in which everything must come
/// right.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) cycle: u32,
    pub(crate) upstream: Upstream,
    pub(crate) on_interrupt: OnInterrupt,
    /// When each life but the last one ends.
    pub(crate) crashes: Vec<Moment>,
    /// Whether the file system may write its own log before the power goes.
    pub(crate) flushes_log: bool,
    seed: u64,
}

impl Plan {
    pub(crate) fn new(seed: u64, cycle: u32) -> Self {
        let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(cycle);
        let mut rng = StdRng::seed_from_u64(seed);
        let mut crashes = vec![first_crash(&mut rng)];
        // A crash while the server recovers from one.
        while crashes.len() < 3 && rng.random_bool(0.25) {
            crashes.push(later_crash(&mut rng));
        }
        Self {
            cycle,
            upstream: pick(&mut rng, &[Upstream::Demo, Upstream::Simulator]),
            on_interrupt: pick(
                &mut rng,
                &[
                    OnInterrupt::Continue,
                    OnInterrupt::Continue,
                    OnInterrupt::Keep,
                ],
            ),
            crashes,
            flushes_log: rng.random(),
            seed,
        }
    }

    /// The same cycle, but its one crash is that of a failed sync: the first ones are met one by one,
    /// later ones by chance.
    pub(crate) fn with_failed_sync(self) -> Self {
        const ONE_BY_ONE: u32 = 20;
        let sync = if self.cycle < ONE_BY_ONE {
            self.cycle + 1
        } else {
            self.dice(u64::MAX).random_range(1..=100)
        };
        Self {
            crashes: vec![Moment::FailedSync(sync)],
            ..self
        }
    }

    /// The same cycle without a crash.
    pub(crate) fn without_crash(self) -> Self {
        Self {
            crashes: Vec::new(),
            ..self
        }
    }

    /// The dice of one of the cycle's clients.
    pub(crate) fn dice(&self, client: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed.rotate_left(17) ^ client)
    }
}

fn first_crash(rng: &mut StdRng) -> Moment {
    match rng.random_range(0..12) {
        0..3 => Moment::After(millis(rng, 20..900)),
        3 => Moment::Acknowledged(rng.random_range(1..12)),
        4 => Moment::Shown(rng.random_range(1..200)),
        5 => Moment::Stopping(rng.random_range(1..3)),
        6 => Moment::StopTaken(rng.random_range(1..3)),
        7 => Moment::Begun(rng.random_range(1..12)),
        8 => Moment::Saved(rng.random_range(1..8)),
        9 => Moment::Choosing(rng.random_range(1..3)),
        10 => Moment::Chosen(rng.random_range(1..3)),
        _ => Moment::Ended(rng.random_range(1..8)),
    }
}

fn later_crash(rng: &mut StdRng) -> Moment {
    match rng.random_range(0..6) {
        0..3 => Moment::Booting(millis(rng, 5..250)),
        3 => Moment::Shown(rng.random_range(1..30)),
        4 => Moment::Ended(rng.random_range(1..4)),
        _ => Moment::After(millis(rng, 1..300)),
    }
}

fn millis(rng: &mut StdRng, range: std::ops::Range<u64>) -> Duration {
    Duration::from_millis(rng.random_range(range))
}

/// Picks one of several with equal chances.
pub(crate) fn pick<T: Copy>(rng: &mut StdRng, of: &[T]) -> T {
    of[rng.random_range(0..of.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cycle_is_the_same_each_time_and_other_cycles_are_not() {
        let plan = |seed, cycle| format!("{:?}", Plan::new(seed, cycle));
        assert_eq!(plan(7, 3), plan(7, 3));
        assert_ne!(plan(7, 3), plan(7, 4));
        assert_ne!(plan(7, 3), plan(8, 3));
    }

    #[test]
    fn fifty_cycles_meet_every_kind_of_moment() {
        let crashes: Vec<Moment> = (0..50)
            .flat_map(|cycle| Plan::new(1, cycle).crashes)
            .collect();
        let kinds: std::collections::HashSet<_> =
            crashes.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 11, "{crashes:?}");
    }
}
