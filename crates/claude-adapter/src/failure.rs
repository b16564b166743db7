//! Why an attempt came to nothing, and whether another one may help.

use std::time::Duration;

use lionrocket_claude_wire::{ApiError, ErrorBody, ErrorType, SseError, header};
use lionrocket_ports::model::ModelError;
use reqwest::{
    StatusCode,
    header::{HeaderMap, HeaderValue},
};

use crate::{breaker::Sign, waits};

/// Codes of a spend cap: another attempt is futile until it is raised or the month ends.
const SPEND_CAP_CODES: [&str; 2] = [
    "enforced_spend_limit_reached",
    "contract_spend_limit_reached",
];

/// Code of an account that may do nothing until its owner acts.
const ON_HOLD_CODE: &str = "organization_on_hold";

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: ModelError,
    pub(crate) retry: Retry,
}

/// Whether another attempt may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// It does not, or might cost twice.
    Never,
    /// After a wait of our own choice.
    Backoff,
    /// After the wait that upstream asks for.
    After(Duration),
}

/// What exactly went wrong, for the log. Never holds words that upstream or a person wrote.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("upstream answered {status} ({kind}, code {code}, request {request_id})")]
    Refused {
        status: u16,
        kind: String,
        code: String,
        request_id: String,
    },
    #[error("upstream reported {kind} (code {code}) in the stream")]
    Event { kind: String, code: String },
    #[error("the connection to upstream failed")]
    Connection(#[source] reqwest::Error),
    #[error("upstream sent JSON that cannot be read ({category:?} error at column {column})")]
    Json {
        category: serde_json::error::Category,
        column: usize,
    },
    #[error("upstream sent too much")]
    Limit(#[source] SseError),
    #[error("{0}")]
    Protocol(&'static str),
    #[error("the conversation does not end with a turn of the person")]
    NoQuestion,
}

impl Fault {
    /// Where JSON is broken, without the words around: the error itself would quote them.
    pub(crate) fn json(error: &serde_json::Error) -> Self {
        Self::Json {
            category: error.classify(),
            column: error.column(),
        }
    }
}

impl Failure {
    /// What it tells of the service, when no more than so long a pause is waited for.
    pub(crate) fn sign(&self, longest_wait: Duration) -> Sign {
        match (&self.error, self.retry) {
            (ModelError::Timeout, _) => Sign::Silent,
            (ModelError::RateLimited { .. }, Retry::After(wait)) if wait > longest_wait => {
                Sign::Pause(wait)
            }
            (ModelError::Overloaded { .. }, _)
            | (ModelError::Failed(_) | ModelError::Interrupted, Retry::Backoff | Retry::After(_)) => {
                Sign::Failing
            }
            _ => Sign::Up,
        }
    }

    /// An answer with another status than 200.
    pub(crate) fn from_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let body: Option<ApiError> = serde_json::from_slice::<ErrorBody>(body)
            .ok()
            .map(|body| body.error);
        let code = body.as_ref().and_then(ApiError::code).unwrap_or_default();
        let kind = kind_of(body.as_ref(), status);
        let fault = Fault::Refused {
            status: status.as_u16(),
            kind: kind
                .as_ref()
                .map_or("no type", |kind| plain_name(kind.as_str()))
                .to_owned(),
            code: plain_name(code).to_owned(),
            request_id: request_id(headers).unwrap_or("none").to_owned(),
        };
        let asked_for = waits::asked_for(headers);
        let wait = asked_for.filter(|wait| !wait.is_zero());
        Self {
            error: error_of(kind.as_ref(), code, wait, fault),
            retry: if may_retry(status, headers, code, asked_for.is_some()) {
                wait.map_or(Retry::Backoff, Retry::After)
            } else {
                Retry::Never
            },
        }
    }

    /// An `error` event.
    pub(crate) fn from_event(error: &ApiError) -> Self {
        let code = error.code().unwrap_or_default();
        let fault = Fault::Event {
            kind: plain_name(error.kind.as_str()).to_owned(),
            code: plain_name(code).to_owned(),
        };
        let passing = matches!(
            error.kind,
            ErrorType::Overloaded | ErrorType::Api | ErrorType::Timeout
        );
        Self {
            error: error_of(Some(&error.kind), code, None, fault),
            retry: if passing {
                Retry::Backoff
            } else {
                Retry::Never
            },
        }
    }

    /// No answer, because there is no connection or it broke.
    pub(crate) fn from_connection(error: reqwest::Error) -> Self {
        let error = if error.is_timeout() {
            ModelError::Timeout
        } else {
            ModelError::Failed(Box::new(Fault::Connection(error.without_url())))
        };
        Self {
            error,
            retry: Retry::Backoff,
        }
    }

    /// No answer in time.
    pub(crate) const fn no_answer() -> Self {
        Self {
            error: ModelError::Timeout,
            retry: Retry::Backoff,
        }
    }

    /// An answer that does not go on. It may be in the making, and cost: no second one.
    pub(crate) const fn silence() -> Self {
        Self {
            error: ModelError::Timeout,
            retry: Retry::Never,
        }
    }

    /// A stream that ends before the reply.
    pub(crate) const fn cut() -> Self {
        Self {
            error: ModelError::Interrupted,
            retry: Retry::Backoff,
        }
    }

    /// A stream that cannot be understood.
    pub(crate) fn unreadable(fault: Fault) -> Self {
        Self {
            error: ModelError::Failed(Box::new(fault)),
            retry: Retry::Never,
        }
    }
}

/// The kind of an error: what the body says, if that is known here; else what the status says.
fn kind_of(body: Option<&ApiError>, status: StatusCode) -> Option<ErrorType> {
    let told = body.map(|error| error.kind.clone());
    match told {
        Some(ErrorType::Unknown(_)) | None => match status.as_u16() {
            408 => Some(ErrorType::Timeout),
            status @ 400..=599 => Some(ErrorType::from_status(status)),
            _ => None,
        },
        told => told,
    }
}

fn error_of(
    kind: Option<&ErrorType>,
    code: &str,
    retry_after: Option<Duration>,
    fault: Fault,
) -> ModelError {
    if SPEND_CAP_CODES.contains(&code) {
        return ModelError::RateLimited { retry_after: None };
    }
    let cause = Box::new(fault);
    if code == ON_HOLD_CODE {
        return ModelError::Rejected(cause);
    }
    match kind {
        Some(ErrorType::Overloaded) => ModelError::Overloaded { retry_after },
        Some(ErrorType::RateLimit) => ModelError::RateLimited { retry_after },
        Some(ErrorType::Timeout) => ModelError::Timeout,
        Some(ErrorType::Authentication | ErrorType::Billing | ErrorType::Permission) => {
            ModelError::Rejected(cause)
        }
        Some(ErrorType::InvalidRequest | ErrorType::NotFound | ErrorType::RequestTooLarge) => {
            ModelError::Invalid(cause)
        }
        _ => ModelError::Failed(cause),
    }
}

/// Whether another attempt may help: upstream's own word first, then the status. A 429 that does not
/// say when to come back is none that passes soon.
fn may_retry(status: StatusCode, headers: &HeaderMap, code: &str, says_when: bool) -> bool {
    if SPEND_CAP_CODES.contains(&code) {
        return false;
    }
    match headers.get(header::SHOULD_RETRY).map(HeaderValue::as_bytes) {
        Some(b"true") => true,
        Some(b"false") => false,
        _ => match status.as_u16() {
            429 => says_when,
            status => matches!(status, 408 | 409 | 500..=599),
        },
    }
}

/// Upstream's name for the request, if it looks like one.
pub(crate) fn request_id(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .map(plain_name)
}

/// A name that upstream gave, if it looks like one; whatever else it sent must not reach the log.
pub(crate) fn plain_name(name: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match name.len() {
        0 => "none",
        1..=128 if name.bytes().all(plain) => name,
        _ => "unreadable",
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderName;

    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> Failure {
        let headers = headers
            .iter()
            .map(|&(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        Failure::from_answer(
            StatusCode::from_u16(status).unwrap(),
            &headers,
            body.as_bytes(),
        )
    }

    fn body(kind: &str, code: Option<&str>) -> String {
        let details = code.map(|code| serde_json::json!({"error_code": code}));
        serde_json::json!({"type": "error",
            "error": {"type": kind, "message": "said: my secret wish", "details": details}})
        .to_string()
    }

    /// The error's code as people see it, and whether it is repeated.
    fn told(failure: &Failure) -> (&'static str, bool) {
        (
            failure.error.failure().code(),
            failure.retry != Retry::Never,
        )
    }

    #[test]
    fn every_kind_of_error_has_its_code_and_is_repeated_only_if_it_may_pass() {
        let cases = [
            (400, "invalid_request_error", "upstream_invalid", false),
            (401, "authentication_error", "upstream_rejected", false),
            (402, "billing_error", "upstream_rejected", false),
            (403, "permission_error", "upstream_rejected", false),
            (404, "not_found_error", "upstream_invalid", false),
            (408, "timeout_error", "upstream_timeout", true),
            (409, "conflict_error", "upstream_failed", true),
            (413, "request_too_large", "upstream_invalid", false),
            (422, "invalid_request_error", "upstream_invalid", false),
            (429, "rate_limit_error", "upstream_rate_limited", false),
            (500, "api_error", "upstream_failed", true),
            (502, "api_error", "upstream_failed", true),
            (504, "timeout_error", "upstream_timeout", true),
            (529, "overloaded_error", "upstream_overloaded", true),
        ];
        for (status, kind, code, retry) in cases {
            let json = answer(status, &[], &body(kind, None));
            assert_eq!(told(&json), (code, retry), "{status} {kind}");
            for other in [
                "",
                "<html>Bad gateway</html>",
                "{}",
                "null",
                &body("novel_error", None),
            ] {
                assert_eq!(
                    told(&answer(status, &[], other)),
                    (code, retry),
                    "{status} {other}"
                );
            }
        }
    }

    #[test]
    fn the_body_goes_before_the_status() {
        let failure = answer(400, &[], &body("overloaded_error", None));
        assert_eq!(told(&failure), ("upstream_overloaded", false));
    }

    #[test]
    fn a_redirect_is_a_failure() {
        assert_eq!(told(&answer(307, &[], "")), ("upstream_failed", false));
    }

    #[test]
    fn a_limit_is_waited_out_only_when_it_says_how_long() {
        let limit = body("rate_limit_error", Some("ramp_limit_exceeded"));
        let failure = answer(429, &[("retry-after", "7")], &limit);
        assert_eq!(failure.retry, Retry::After(Duration::from_secs(7)));
        assert!(matches!(
            failure.error,
            ModelError::RateLimited { retry_after: Some(wait) } if wait == Duration::from_secs(7)
        ));
        assert_eq!(
            answer(429, &[("retry-after", "0")], &limit).retry,
            Retry::Backoff
        );
        assert_eq!(answer(429, &[], &limit).retry, Retry::Never);
    }

    #[test]
    fn a_spend_cap_is_final_whatever_else_is_said() {
        for code in SPEND_CAP_CODES {
            let failure = answer(
                429,
                &[("retry-after", "1"), ("x-should-retry", "true")],
                &body("rate_limit_error", Some(code)),
            );
            assert_eq!(failure.retry, Retry::Never, "{code}");
            assert!(matches!(
                failure.error,
                ModelError::RateLimited { retry_after: None }
            ));
        }
    }

    #[test]
    fn an_account_on_hold_is_the_operators_trouble() {
        let failure = answer(400, &[], &body("invalid_request_error", Some(ON_HOLD_CODE)));
        assert_eq!(told(&failure), ("upstream_rejected", false));
    }

    #[test]
    fn upstream_decides_whether_to_try_again() {
        let retry = |status, word| answer(status, &[("x-should-retry", word)], "").retry;
        assert_eq!(retry(529, "false"), Retry::Never);
        assert_eq!(retry(400, "true"), Retry::Backoff);
        assert_eq!(retry(429, "true"), Retry::Backoff);
        assert_eq!(retry(500, "perhaps"), Retry::Backoff);
    }

    #[test]
    fn an_error_shows_names_and_numbers_but_no_words_of_upstream() {
        let failure = answer(
            400,
            &[("request-id", "req_01ABC")],
            &body("invalid_request_error", Some("said: my secret wish")),
        );
        let ModelError::Invalid(cause) = failure.error else {
            panic!("{:?}", failure.error)
        };
        assert_eq!(
            cause.to_string(),
            "upstream answered 400 (invalid_request_error, code unreadable, request req_01ABC)"
        );
        assert!(!format!("{cause:?}").contains("secret"));
    }
}
