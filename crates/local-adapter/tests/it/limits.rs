//! Rate limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lionrocket_local_adapter::{LocalRateLimiter, Unlimited};
use lionrocket_ports::limits::{LimitDecision, LimitRule, RateLimiter};
use proptest::prelude::*;

/// A limiter and the milliseconds that it goes by.
fn limiter() -> (LocalRateLimiter, Arc<AtomicU64>) {
    let time = Arc::new(AtomicU64::new(0));
    let shown = time.clone();
    let elapsed = move || Duration::from_millis(shown.load(Ordering::Relaxed));
    (LocalRateLimiter::with_time(elapsed), time)
}

const fn rule(burst: u32, refill_ms: u64) -> LimitRule {
    LimitRule {
        name: "test",
        burst,
        refill: Duration::from_millis(refill_ms),
    }
}

fn is_allowed(decision: LimitDecision) -> bool {
    matches!(decision, LimitDecision::Allowed { .. })
}

fn left(decision: LimitDecision) -> u32 {
    match decision {
        LimitDecision::Allowed { left, .. } => left,
        LimitDecision::Limited { .. } => 0,
    }
}

#[test]
fn a_burst_is_allowed_and_then_one_for_each_refill() {
    let (limiter, time) = limiter();
    let rule = rule(3, 1000);
    for expected in [2, 1, 0] {
        assert_eq!(left(limiter.take(&rule, "a")), expected);
    }
    let LimitDecision::Limited { retry_after } = limiter.take(&rule, "a") else {
        panic!("the bucket is empty");
    };
    assert_eq!(retry_after, Duration::from_secs(1));
    time.store(999, Ordering::Relaxed);
    assert!(!is_allowed(limiter.take(&rule, "a")));
    time.store(1000, Ordering::Relaxed);
    assert!(is_allowed(limiter.take(&rule, "a")));
    assert!(!is_allowed(limiter.take(&rule, "a")));
}

#[test]
fn keys_and_rules_have_buckets_of_their_own() {
    let (limiter, _) = limiter();
    let first = rule(1, 1000);
    let second = LimitRule {
        name: "other",
        ..first
    };
    assert!(is_allowed(limiter.take(&first, "a")));
    assert!(is_allowed(limiter.take(&first, "b")));
    assert!(is_allowed(limiter.take(&second, "a")));
    assert!(!is_allowed(limiter.take(&first, "a")));
}

#[test]
fn a_look_takes_nothing_and_clearing_fills_the_bucket() {
    let (limiter, _) = limiter();
    let rule = rule(2, 1000);
    assert_eq!(left(limiter.peek(&rule, "a")), 2);
    assert_eq!(left(limiter.peek(&rule, "a")), 2);
    limiter.take(&rule, "a");
    limiter.take(&rule, "a");
    assert!(!is_allowed(limiter.peek(&rule, "a")));
    limiter.clear(&rule, "a");
    assert_eq!(left(limiter.peek(&rule, "a")), 2);
}

#[test]
fn a_flood_of_keys_does_not_free_one_that_is_held_back() {
    let (limiter, _) = limiter();
    let slow = LimitRule {
        name: "slow",
        burst: 5,
        refill: Duration::from_mins(1),
    };
    while is_allowed(limiter.take(&slow, "held back")) {}
    let quick = rule(10, 500);
    for key in 0..150_000 {
        limiter.take(&quick, &key.to_string());
    }
    assert!(!is_allowed(limiter.peek(&slow, "held back")));
}

#[test]
fn without_limits_everything_is_allowed() {
    let rule = rule(1, 1000);
    for _ in 0..100 {
        assert!(is_allowed(Unlimited.take(&rule, "a")));
    }
}

/// What is done with a bucket.
#[derive(Clone, Debug)]
enum Act {
    Take,
    Wait(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![3 => Just(Act::Take), 1 => (0_u64..3000).prop_map(Act::Wait)];
    prop::collection::vec(act, 1..200)
}

proptest! {
    #[test]
    fn never_more_is_allowed_than_the_burst_and_what_was_refilled(
        burst in 1_u32..20,
        refill_ms in 1_u64..2000,
        acts in acts(),
    ) {
        let (limiter, time) = limiter();
        let rule = rule(burst, refill_ms);
        let mut allowed = 0;
        for act in acts {
            match act {
                Act::Take => allowed += u64::from(is_allowed(limiter.take(&rule, "a"))),
                Act::Wait(ms) => { time.fetch_add(ms, Ordering::Relaxed); }
            }
            let elapsed = time.load(Ordering::Relaxed);
            prop_assert!(allowed <= u64::from(burst) + elapsed / refill_ms);
        }
    }

    #[test]
    fn a_time_to_wait_is_long_enough_and_not_longer(
        burst in 1_u32..20,
        refill_ms in 2_u64..2000,
        acts in acts(),
    ) {
        let (limiter, time) = limiter();
        let rule = rule(burst, refill_ms);
        for act in acts {
            match act {
                Act::Take => {
                    if let LimitDecision::Limited { retry_after } = limiter.take(&rule, "a") {
                        let wait = u64::try_from(retry_after.as_millis()).unwrap();
                        time.fetch_add(wait - 1, Ordering::Relaxed);
                        prop_assert!(!is_allowed(limiter.peek(&rule, "a")));
                        time.fetch_add(1, Ordering::Relaxed);
                        prop_assert!(is_allowed(limiter.peek(&rule, "a")));
                    }
                }
                Act::Wait(ms) => { time.fetch_add(ms, Ordering::Relaxed); }
            }
        }
    }

    #[test]
    fn a_refund_gives_exactly_one_back(
        burst in 1_u32..20,
        refill_ms in 1_u64..2000,
        acts in acts(),
    ) {
        let (limiter, time) = limiter();
        let rule = rule(burst, refill_ms);
        for act in acts {
            match act {
                Act::Take => {
                    let before = limiter.peek(&rule, "a");
                    if is_allowed(limiter.take(&rule, "a")) {
                        limiter.refund(&rule, "a");
                        prop_assert_eq!(limiter.peek(&rule, "a"), before);
                        limiter.take(&rule, "a");
                    }
                }
                Act::Wait(ms) => { time.fetch_add(ms, Ordering::Relaxed); }
            }
        }
        limiter.clear(&rule, "a");
        limiter.refund(&rule, "a");
        prop_assert_eq!(left(limiter.peek(&rule, "a")), burst);
    }
}
