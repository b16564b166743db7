//! Error bodies.

use serde::{Deserialize, Serialize};

use crate::open_enum::open_enum;
use crate::tolerant;

open_enum! {
    /// Kind of an error. Branch on it or on [`ApiError::code`], never on the message.
    pub enum ErrorType {
        /// The request is wrong, or the own spend limit is reached.
        InvalidRequest = "invalid_request_error",
        /// The key is missing, wrong, revoked or expired.
        Authentication = "authentication_error",
        /// Payment trouble.
        Billing = "billing_error",
        /// The key may not do this.
        Permission = "permission_error",
        /// Unknown path, resource or model.
        NotFound = "not_found_error",
        /// The state of a resource forbids it.
        Conflict = "conflict_error",
        /// The body is too large.
        RequestTooLarge = "request_too_large",
        /// Too many requests or tokens, or a spend cap.
        RateLimit = "rate_limit_error",
        /// A failure inside the service.
        Api = "api_error",
        /// The service took too long.
        Timeout = "timeout_error",
        /// The whole service is loaded.
        Overloaded = "overloaded_error",
    }
}

impl ErrorType {
    /// Returns the kind that belongs to an HTTP status, for bodies that do not say (those of proxies).
    ///
    /// ```
    /// use lionrocket_claude_wire::ErrorType;
    /// assert_eq!(ErrorType::from_status(529), ErrorType::Overloaded);
    /// assert_eq!(ErrorType::from_status(502), ErrorType::Api);
    /// ```
    #[must_use]
    pub fn from_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Billing,
            403 => Self::Permission,
            404 => Self::NotFound,
            409 => Self::Conflict,
            413 => Self::RequestTooLarge,
            429 => Self::RateLimit,
            504 => Self::Timeout,
            529 => Self::Overloaded,
            500..=599 => Self::Api,
            _ => Self::InvalidRequest,
        }
    }
}

/// An error answer.
///
/// ```
/// use lionrocket_claude_wire::{ErrorBody, ErrorType};
///
/// let body: ErrorBody = serde_json::from_str(
///     r#"{"type":"error","error":{"type":"rate_limit_error","message":"…",
///         "details":{"error_code":"ramp_limit_exceeded"}},"request_id":"req_01"}"#,
/// ).unwrap();
/// assert_eq!(body.error.kind, ErrorType::RateLimit);
/// assert_eq!(body.error.code(), Some("ramp_limit_exceeded"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// Always `error`.
    #[serde(rename = "type", default = "error_type")]
    pub kind: String,
    /// What went wrong.
    pub error: ApiError,
    /// Id of the request.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub request_id: Option<String>,
}

fn error_type() -> String {
    "error".to_owned()
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: ErrorType,
    /// Words for developers; may repeat parts of the request.
    #[serde(default, deserialize_with = "tolerant::or_default")]
    pub message: String,
    /// More for machines.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub details: Option<ErrorDetails>,
}

impl ApiError {
    /// Returns the stable machine code, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.details.as_ref()?.error_code.as_deref()
    }
}

/// More about an error, for machines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErrorDetails {
    /// A stable code such as `enforced_spend_limit_reached`.
    #[serde(
        default,
        deserialize_with = "tolerant::optional",
        skip_serializing_if = "Option::is_none"
    )]
    pub error_code: Option<String>,
}
