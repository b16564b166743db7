//! How often somebody may try to sign in to one account.
//!
//! Everything is counted by the text that was typed, so that a name without an account behaves like one
//! with an account. A browser in which the account's owner has signed in before has a bucket of its own:
//! strangers who try passwords do not keep the owner out.

use std::{sync::Arc, time::Duration};

use lionrocket_ports::{
    crypto::KnownDevice,
    limits::{LimitDecision, LimitRule, RateLimiter},
};

/// Wrong passwords in a row after which password login is closed until the password is reset.
pub(crate) const CLOSED_AFTER: u32 = 100;
/// The longest text that is told apart, in characters; no account has a longer name.
const MAX_KEY_CHARS: usize = 254;

/// Tries from anywhere.
const ACCOUNT: LimitRule = LimitRule {
    name: "login-acct",
    burst: 10,
    refill: Duration::from_secs(90),
};
/// Tries from a browser that the account knows.
const DEVICE: LimitRule = LimitRule {
    name: "login-device",
    ..ACCOUNT
};
/// Wrong passwords in a row until it gets slow.
const FAILURES: LimitRule = LimitRule {
    name: "login-failures",
    burst: 5,
    refill: Duration::from_hours(1),
};
/// Tries once it is slow.
const SLOW: LimitRule = LimitRule {
    name: "login-slow",
    burst: 1,
    refill: Duration::from_secs(30),
};
/// Wrong passwords until a name without an account looks closed. Those of accounts are counted in the
/// store.
const NAME: LimitRule = LimitRule {
    name: "login-name",
    burst: CLOSED_AFTER,
    refill: Duration::from_hours(24),
};

/// Limits tries to sign in.
#[derive(Clone)]
pub(crate) struct LoginThrottle(pub(crate) Arc<dyn RateLimiter>);

/// A try that may be made; says what it is counted under.
#[derive(Clone, Debug)]
pub(crate) struct Try {
    key: String,
    device: Option<String>,
}

impl LoginThrottle {
    /// Takes a try; how long to wait when there is none.
    pub(crate) fn enter(&self, key: &str, device: Option<&KnownDevice>) -> Result<Try, Duration> {
        let attempt = Try {
            key: key.chars().take(MAX_KEY_CHARS).collect(),
            device: device.map(|device| device.id.clone()),
        };
        if let Some(device) = &attempt.device {
            return self.take(&DEVICE, device).map(|()| attempt);
        }
        self.take(&ACCOUNT, &attempt.key)?;
        let is_slow = is_limited(self.0.peek(&FAILURES, &attempt.key)).is_err();
        if is_slow && let Err(wait) = self.take(&SLOW, &attempt.key) {
            self.0.refund(&ACCOUNT, &attempt.key);
            return Err(wait);
        }
        Ok(attempt)
    }

    /// Counts a wrong password.
    pub(crate) fn failed(&self, attempt: &Try) {
        let _ = self.0.take(&FAILURES, &attempt.key);
        let _ = self.0.take(&NAME, &attempt.key);
    }

    /// Whether a name without an account had as many wrong passwords as close an account.
    pub(crate) fn is_name_closed(&self, attempt: &Try) -> bool {
        is_limited(self.0.peek(&NAME, &attempt.key)).is_err()
    }

    /// Forgets what was counted: the password was right.
    pub(crate) fn passed(&self, attempt: &Try) {
        self.forget(&attempt.key);
        if let Some(device) = &attempt.device {
            self.0.clear(&DEVICE, device);
        }
    }

    /// Forgets what was counted for a name.
    pub(crate) fn forget(&self, key: &str) {
        for rule in [&ACCOUNT, &FAILURES, &SLOW, &NAME] {
            self.0.clear(rule, key);
        }
    }

    /// Gives a try back that failed by our own fault.
    pub(crate) fn refund(&self, attempt: &Try) {
        match &attempt.device {
            Some(device) => self.0.refund(&DEVICE, device),
            None => self.0.refund(&ACCOUNT, &attempt.key),
        }
    }

    fn take(&self, rule: &LimitRule, key: &str) -> Result<(), Duration> {
        is_limited(self.0.take(rule, key))
    }
}

fn is_limited(decision: LimitDecision) -> Result<(), Duration> {
    match decision {
        LimitDecision::Allowed { .. } => Ok(()),
        LimitDecision::Limited { retry_after } => Err(retry_after),
    }
}
