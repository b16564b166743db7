//! How often what may be done: the policies, and which operation has which.

use std::{collections::HashMap, fmt::Write as _, sync::LazyLock, time::Duration};

use actix_web::{
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
};
use lionrocket_ports::limits::{LimitDecision, LimitRule, RateLimiter};

use crate::{
    description::openapi,
    problem::{Code, Problem},
    request::RequestFacts,
};

/// The names that a refresh cookie may have.
const REFRESH_COOKIES: [&str; 2] = ["__Host-lr_refresh", "lr_refresh"];
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

const fn per(name: &'static str, burst: u32, refill: Duration) -> LimitRule {
    LimitRule {
        name,
        burst,
        refill,
    }
}

/// Attempts to sign in, by address. Each account has limits of its own besides.
const LOGIN: LimitRule = per("login", 10, Duration::from_secs(6));
/// New accounts, by address.
const REGISTER: LimitRule = per("register", 3, Duration::from_mins(20));
/// New access tokens, by login.
const REFRESH: LimitRule = per("refresh", 30, Duration::from_secs(2));
/// Everything without a good token, by address.
pub(crate) const ANONYMOUS: LimitRule = per("anon", 60, Duration::from_millis(500));
/// Messages, by user: each costs money.
const MESSAGE: LimitRule = per("message", 10, Duration::from_secs(3));
/// Everything else, by user.
const READ: LimitRule = per("read", 120, Duration::from_millis(100));
/// All of a person's data in one answer, by user; besides what every read counts.
pub(crate) const EXPORT: LimitRule = per("export", 2, Duration::from_mins(30));
/// What administrators do, by user.
pub(crate) const ADMIN: LimitRule = per("admin", 60, Duration::from_millis(500));

/// Who is counted, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Policy {
    /// By address, before anything of the request is read.
    Address(&'static LimitRule),
    /// By the refresh cookie.
    Login(&'static LimitRule),
    /// By user, as soon as it is known who asks; whoever cannot tell is counted by address.
    User(&'static LimitRule),
    /// Not at all.
    Free,
}

/// The policies of single operations.
const NAMED: [(&str, Policy); 10] = [
    // Asked by probes of a balancer, which may have one address for all.
    ("livez", Policy::Free),
    ("readyz", Policy::Free),
    ("login", Policy::Address(&LOGIN)),
    ("reset_password", Policy::Address(&LOGIN)),
    ("register", Policy::Address(&REGISTER)),
    ("refresh", Policy::Login(&REFRESH)),
    ("send_message", Policy::User(&MESSAGE)),
    ("edit_message", Policy::User(&MESSAGE)),
    ("regenerate_reply", Policy::User(&MESSAGE)),
    ("continue_reply", Policy::User(&MESSAGE)),
];

/// The policy of an operation. What is not named goes by who may ask.
fn policy_of(operation_id: &str, path: &str, needs_token: bool) -> Policy {
    let named = NAMED.iter().find(|(name, _)| *name == operation_id);
    match named {
        Some((_, policy)) => *policy,
        None if path.starts_with("/admin/") => Policy::User(&ADMIN),
        None if needs_token => Policy::User(&READ),
        None => Policy::Address(&ANONYMOUS),
    }
}

/// The operations of one address.
type Operations = Vec<(Method, String, Policy)>;

/// Policies by pattern of address, from the very document that describes them: a route has no second
/// name under which it is not limited.
static POLICIES: LazyLock<HashMap<String, Operations>> = LazyLock::new(|| {
    let paths = openapi().paths.paths.into_iter();
    paths
        .map(|(path, item)| {
            let operations = [
                (Method::GET, item.get),
                (Method::POST, item.post),
                (Method::PUT, item.put),
                (Method::PATCH, item.patch),
                (Method::DELETE, item.delete),
            ];
            let known = operations.into_iter().filter_map(|(method, operation)| {
                let operation = operation?;
                let id = operation.operation_id?;
                let policy = policy_of(&id, &path, operation.security.is_some());
                Some((method, id, policy))
            });
            let known = known.collect();
            (path, known)
        })
        .collect()
});

/// The pattern of the address that is asked for. As the router sees it: encoded letters decoded.
pub(crate) fn pattern_of(request: &ServiceRequest) -> Option<String> {
    let path = request.match_info().as_str();
    request.resource_map().match_pattern(path)
}

/// The operation that a request asks for, and its policy.
pub(crate) fn operation(request: &ServiceRequest, pattern: Option<&str>) -> (&'static str, Policy) {
    let known = pattern.and_then(|pattern| POLICIES.get(pattern));
    let known = known.and_then(|operations| {
        let mut operations = operations.iter();
        operations.find(|(method, _, _)| method == request.method())
    });
    known.map_or_else(
        || ("", policy_of_nothing(request.match_info().as_str())),
        |(_, id, policy)| (id.as_str(), *policy),
    )
}

/// Files come from memory, and a page needs many of them: they are free. What does not exist in the
/// API is not.
fn policy_of_nothing(path: &str) -> Policy {
    let first = path.trim_start_matches('/').split('/').next();
    match first {
        Some("api" | "auth" | "admin") => Policy::Address(&ANONYMOUS),
        _ => Policy::Free,
    }
}

/// One that was taken from a bucket, or could not be.
#[derive(Clone, Debug)]
pub(crate) struct Charge {
    rule: &'static LimitRule,
    key: String,
    decision: LimitDecision,
}

impl Charge {
    /// Takes one, if there is one.
    pub(crate) fn take(limits: &dyn RateLimiter, rule: &'static LimitRule, key: String) -> Self {
        let decision = limits.take(rule, &key);
        Self {
            rule,
            key,
            decision,
        }
    }

    /// Looks whether there is one.
    fn peek(limits: &dyn RateLimiter, rule: &'static LimitRule, key: String) -> Self {
        let decision = limits.peek(rule, &key);
        Self {
            rule,
            key,
            decision,
        }
    }

    /// # Errors
    /// There was none left.
    pub(crate) fn allowed(&self) -> Result<(), Problem> {
        match self.decision {
            LimitDecision::Allowed { .. } => Ok(()),
            LimitDecision::Limited { retry_after } => {
                Err(Problem::new(Code::RateLimited).retry_after(retry_after))
            }
        }
    }
}

/// Charges what can be charged before anything of a request is read.
pub(crate) fn enter(
    request: &ServiceRequest,
    facts: &RequestFacts,
    limits: &dyn RateLimiter,
) -> Result<(), Problem> {
    match facts.policy() {
        Policy::Address(rule) => facts.charge(limits, rule, facts.address_key()),
        Policy::Login(rule) => {
            // Whoever tries cookies is held back by what failed before.
            Charge::peek(limits, &ANONYMOUS, facts.address_key()).allowed()?;
            match login_key(request) {
                Some(key) => facts.charge(limits, rule, key),
                None => Ok(()),
            }
        }
        Policy::User(_) | Policy::Free => Ok(()),
    }
}

/// The part of a refresh cookie that stays the same while the secret in it changes.
fn login_key(request: &ServiceRequest) -> Option<String> {
    let cookie = REFRESH_COOKIES
        .iter()
        .find_map(|name| request.cookie(name))?;
    let name = cookie.value().split('.').next()?;
    (!name.is_empty() && name.len() <= 64).then(|| name.to_owned())
}

/// Settles the charges of a request with its answer: what failed by our own fault costs nothing.
pub(crate) fn settle<B>(
    response: &mut ServiceResponse<B>,
    facts: &RequestFacts,
    limits: &dyn RateLimiter,
) {
    let failed = response
        .response()
        .extensions()
        .get::<Problem>()
        .is_some_and(|problem| {
            matches!(
                problem.code,
                Code::Internal | Code::ServiceUnavailable | Code::NotReady
            )
        });
    if matches!(facts.policy(), Policy::Login(_)) && response.status() == StatusCode::UNAUTHORIZED {
        limits.take(&ANONYMOUS, &facts.address_key());
    }
    let charges = facts.charges();
    if failed {
        for charge in &charges {
            limits.refund(charge.rule, &charge.key);
        }
    }
    tell(response.headers_mut(), &charges);
}

/// Tells the client of its limits: `q` at once, full again after `w` seconds; `r` are left, all of
/// them again after `t` seconds.
fn tell(headers: &mut HeaderMap, charges: &[Charge]) {
    let (mut policies, mut states) = (String::new(), String::new());
    for Charge { rule, decision, .. } in charges {
        let separator = if policies.is_empty() { "" } else { ", " };
        let whole = seconds(rule.refill.saturating_mul(rule.burst));
        let (left, wait) = match decision {
            LimitDecision::Allowed { left, reset } => (*left, *reset),
            LimitDecision::Limited { retry_after } => (0, *retry_after),
        };
        let (name, burst, wait) = (rule.name, rule.burst, seconds(wait));
        // Writing to a string cannot fail.
        let _ = write!(policies, r#"{separator}"{name}";q={burst};w={whole}"#);
        let _ = write!(states, r#"{separator}"{name}";r={left};t={wait}"#);
    }
    for (name, text) in [(RATE_LIMIT_POLICY, policies), (RATE_LIMIT, states)] {
        if let (false, Ok(value)) = (text.is_empty(), HeaderValue::from_str(&text)) {
            headers.insert(name, value);
        }
    }
}

/// A time in whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn every_policy_is_of_an_operation_that_there_is() {
        let operations = POLICIES.values().flatten();
        let known: BTreeSet<_> = operations.map(|(_, id, _)| id.as_str()).collect();
        for (name, _) in NAMED {
            assert!(known.contains(name), "{name}");
        }
    }

    #[test]
    fn a_login_is_counted_by_what_stays_the_same_in_its_cookie() {
        let key = |cookie: &str| {
            let request = TestRequest::get().insert_header(("Cookie", cookie));
            login_key(&request.to_srv_request())
        };
        for cookie in [
            "lr_refresh=a-session.one",
            "lr_refresh=a-session.other",
            "__Host-lr_refresh=a-session.one; other=b.c",
            "__Host-lr_refresh=a-session",
        ] {
            assert_eq!(key(cookie).as_deref(), Some("a-session"), "{cookie}");
        }
        let long = format!("lr_refresh={}.x", "a".repeat(65));
        for cookie in ["", "lr_refresh=", "lr_refresh=.x", "refresh=a.b", &long] {
            assert_eq!(key(cookie), None, "{cookie}");
        }
    }
}
