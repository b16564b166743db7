//! Error answers.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use lionrocket_claude_wire::error::ErrorDetails;
use lionrocket_claude_wire::{ApiError, ErrorBody, ErrorType, header};

/// An error answer before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) error: ApiError,
    pub(crate) body: FailureBody,
    /// Boxed because it is rare and failures are handed through many hands.
    pub(crate) retry: Option<Box<RetryHeaders>>,
}

/// Headers that tell a client whether and when to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RetryHeaders {
    pub(crate) after: Option<String>,
    pub(crate) after_ms: Option<String>,
    pub(crate) should: Option<bool>,
}

/// What the body of an error answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureBody {
    /// What the service itself answers.
    Json,
    /// What a proxy before the service answers.
    Html,
    /// Nothing.
    Empty,
}

impl Failure {
    pub(crate) fn new(status: u16, kind: ErrorType, message: impl Into<String>) -> Self {
        Self {
            status,
            error: ApiError {
                kind,
                message: message.into(),
                details: None,
            },
            body: FailureBody::Json,
            retry: None,
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, ErrorType::InvalidRequest, message)
    }

    /// A wrong field of the body.
    pub(crate) fn field(path: &str, message: &str) -> Self {
        Self::invalid(format!("{path}: {message}"))
    }

    #[must_use]
    pub(crate) fn with_code(mut self, code: Option<String>) -> Self {
        self.error.details = code.map(|code| ErrorDetails {
            error_code: Some(code),
        });
        self
    }

    #[must_use]
    pub(crate) fn with_body(mut self, body: FailureBody) -> Self {
        self.body = body;
        self
    }

    pub(crate) fn into_response(self, request_id: &str) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = HttpResponse::build(status);
        let retry = self.retry.map(|retry| *retry).unwrap_or_default();
        let should = retry.should.map(|should| should.to_string());
        let texts = [
            (header::RETRY_AFTER, retry.after),
            (header::RETRY_AFTER_MS, retry.after_ms),
            (header::SHOULD_RETRY, should),
        ];
        for (name, value) in texts {
            if let Some(value) = value {
                response.insert_header((name, value));
            }
        }
        match self.body {
            FailureBody::Json => response.json(ErrorBody {
                kind: "error".to_owned(),
                error: self.error,
                request_id: Some(request_id.to_owned()),
            }),
            FailureBody::Html => response.content_type("text/html; charset=utf-8").body(format!(
                "<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>\n"
            )),
            FailureBody::Empty => response.finish(),
        }
    }
}
