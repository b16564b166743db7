//! Keeps requests away from a service that is down.
//!
//! A service that does not answer costs everybody who asks it a minute or more. After enough failures
//! in a row nothing is sent for a while, and whoever asks is told at once. Then one request is let
//! through as a probe: it decides whether the others may follow. One breaker stands before one
//! model, for the whole process.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lionrocket_ports::model::ModelError;
use tokio::time::Instant;

use crate::settings::BreakerRules;

/// Decides whether a request may be sent.
#[derive(Debug)]
pub(crate) struct Breaker {
    rules: BreakerRules,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Everything may be sent. Failures in a row, oldest first, each with its weight.
    Closed { failures: VecDeque<(Instant, u32)> },
    /// Nothing may be sent until then.
    Open { until: Instant, why: Why },
    /// One request is on its way and decides.
    Probing { why: Why },
}

/// What keeps requests away.
#[derive(Clone, Copy, Debug)]
enum Why {
    Down,
    RateLimited,
}

/// What an attempt tells of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It works: it answered, be it to refuse this one request.
    Up,
    /// It failed, and everybody else's request would have failed too.
    Failing,
    /// It was silent for as long as was waited.
    Silent,
    /// It asks for a pause that is longer than a request waits.
    Pause(Duration),
}

impl Sign {
    /// How much a failure counts: silence costs everybody a minute.
    const fn weight(self) -> u32 {
        match self {
            Self::Silent => 4,
            _ => 1,
        }
    }
}

/// Leave to send one request. Dropped without a sign when nobody wants the answer any more.
#[derive(Debug)]
pub(crate) struct Pass {
    breaker: Arc<Breaker>,
    is_probe: bool,
}

impl Breaker {
    /// A breaker that lets everything through.
    pub(crate) fn new(rules: BreakerRules) -> Self {
        Self {
            rules,
            state: Mutex::new(closed()),
        }
    }

    /// Gives leave to send a request, or the error that it would most likely end with.
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Pass, ModelError> {
        let now = Instant::now();
        let mut state = self.state();
        let is_probe = match *state {
            State::Closed { .. } => false,
            State::Open { until, why } if now < until => return Err(why.error(until - now)),
            State::Open { why, .. } => {
                *state = State::Probing { why };
                true
            }
            State::Probing { why } => return Err(why.error(self.rules.rest)),
        };
        Ok(Pass {
            breaker: Arc::clone(self),
            is_probe,
        })
    }

    fn note(&self, sign: Sign, is_probe: bool) {
        let now = Instant::now();
        let mut state = self.state();
        match (&mut *state, sign) {
            (_, Sign::Pause(wait)) => {
                let wait = wait.min(self.rules.longest_pause);
                tracing::warn!(
                    ?wait,
                    "upstream asks for a pause: nothing is sent meanwhile"
                );
                *state = State::Open {
                    until: now + wait,
                    why: Why::RateLimited,
                };
            }
            (State::Closed { failures }, Sign::Up) => failures.clear(),
            (State::Closed { failures }, Sign::Failing | Sign::Silent) => {
                failures.push_back((now, sign.weight()));
                failures.retain(|(at, _)| now.duration_since(*at) <= self.rules.window);
                if failures.iter().map(|(_, weight)| weight).sum::<u32>() >= self.rules.limit {
                    *state = self.opened(now, "upstream is down: nothing is sent for a while");
                }
            }
            // The answer to a request that was sent before says nothing of the service now.
            (State::Open { .. } | State::Probing { .. }, _) if !is_probe => {}
            (_, Sign::Up) => {
                tracing::info!("upstream answers again");
                *state = closed();
            }
            (_, Sign::Failing | Sign::Silent) => {
                *state = self.opened(now, "upstream is still down: nothing is sent for a while");
            }
        }
    }

    fn opened(&self, now: Instant, message: &'static str) -> State {
        let rest = self.rules.rest;
        tracing::warn!(?rest, "{message}");
        State::Open {
            until: now + rest,
            why: Why::Down,
        }
    }

    /// Lets the next request probe, since the one that did was given up.
    fn give_up_probe(&self) {
        let mut state = self.state();
        if let State::Probing { why } = *state {
            *state = State::Open {
                until: Instant::now(),
                why,
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn closed() -> State {
    State::Closed {
        failures: VecDeque::new(),
    }
}

impl Why {
    const fn error(self, wait: Duration) -> ModelError {
        let retry_after = Some(wait);
        match self {
            Self::Down => ModelError::Overloaded { retry_after },
            Self::RateLimited => ModelError::RateLimited { retry_after },
        }
    }
}

impl Pass {
    /// Tells what the request showed of the service.
    pub(crate) fn tell(mut self, sign: Sign) {
        self.breaker.note(sign, self.is_probe);
        self.is_probe = false;
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.give_up_probe();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const RULES: BreakerRules = BreakerRules {
        limit: 8,
        window: Duration::from_mins(5),
        rest: Duration::from_secs(10),
        longest_pause: Duration::from_mins(1),
    };

    fn breaker() -> Arc<Breaker> {
        Arc::new(Breaker::new(RULES))
    }

    fn send(breaker: &Arc<Breaker>, signs: &[Sign]) {
        for sign in signs {
            breaker.admit().unwrap().tell(*sign);
        }
    }

    fn wait(breaker: &Arc<Breaker>) -> Option<Duration> {
        match breaker.admit() {
            Err(
                ModelError::Overloaded { retry_after } | ModelError::RateLimited { retry_after },
            ) => retry_after,
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_success_in_between_does_not() {
        let breaker = breaker();
        send(&breaker, &[Sign::Failing; 7]);
        send(&breaker, &[Sign::Up]);
        send(&breaker, &[Sign::Failing; 8]);
        assert_eq!(wait(&breaker), Some(RULES.rest));
        advance(Duration::from_secs(4)).await;
        assert_eq!(wait(&breaker), Some(Duration::from_secs(6)));
    }

    #[tokio::test(start_paused = true)]
    async fn silence_weighs_more_than_an_error() {
        let breaker = breaker();
        send(&breaker, &[Sign::Silent; 2]);
        assert!(wait(&breaker).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_long_ago_are_forgotten() {
        let breaker = breaker();
        send(&breaker, &[Sign::Failing; 7]);
        advance(RULES.window + Duration::from_secs(1)).await;
        send(&breaker, &[Sign::Failing; 7]);
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_rest_one_request_probes_and_decides_for_all() {
        let breaker = breaker();
        send(&breaker, &[Sign::Failing; 8]);
        advance(RULES.rest).await;
        let probe = breaker.admit().unwrap();
        assert!(breaker.admit().is_err());
        probe.tell(Sign::Silent);
        assert_eq!(wait(&breaker), Some(RULES.rest));
        advance(RULES.rest).await;
        breaker.admit().unwrap().tell(Sign::Up);
        send(&breaker, &[Sign::Failing; 7]);
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_was_given_up_leaves_its_place_to_the_next() {
        let breaker = breaker();
        send(&breaker, &[Sign::Failing; 8]);
        advance(RULES.rest).await;
        drop(breaker.admit().unwrap());
        assert!(breaker.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_of_a_request_from_before_changes_nothing() {
        let breaker = breaker();
        let (good, bad) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        send(&breaker, &[Sign::Failing; 8]);
        advance(Duration::from_secs(3)).await;
        good.tell(Sign::Up);
        bad.tell(Sign::Silent);
        assert_eq!(wait(&breaker), Some(Duration::from_secs(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_upstream_asks_for_is_kept_within_reason() {
        let breaker = breaker();
        send(&breaker, &[Sign::Pause(Duration::from_secs(40))]);
        let error = breaker.admit().unwrap_err();
        assert!(matches!(
            error,
            ModelError::RateLimited { retry_after: Some(wait) } if wait == Duration::from_secs(40)
        ));
        advance(Duration::from_secs(40)).await;
        send(&breaker, &[Sign::Pause(Duration::from_hours(5))]);
        assert_eq!(wait(&breaker), Some(RULES.longest_pause));
        advance(RULES.longest_pause).await;
        send(&breaker, &[Sign::Up]);
        assert!(breaker.admit().is_ok());
    }
}
