//! What goes wrong, as RFC 9457 problems.

mod code;
mod convert;

use std::{borrow::Cow, fmt, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use jiff::Timestamp;
use lionrocket_domain::{ids::TurnId, text::TextError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::X_REQUEST_ID;
pub use code::{Code, table_as_markdown};
pub(crate) use convert::{begin_problem, turn_failure, weak_password};

/// The media type of a problem.
pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
/// The most fields that one answer names.
const MAX_FIELD_ERRORS: usize = 32;

/// A problem on its way to the client.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) code: Code,
    errors: Vec<FieldError>,
    turn_id: Option<TurnId>,
    resets_at: Option<Timestamp>,
    headers: Vec<(HeaderName, HeaderValue)>,
    request_id: Option<String>,
}

/// A problem as JSON.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView<'a> {
    /// Identifies the kind of problem; ends with `code`.
    #[schema(format = "uri", examples("urn:lionrocket:problem:validation_failed"))]
    r#type: String,
    /// The kind of problem in a few words; the same for every problem of one code.
    #[schema(examples("Some fields are not valid"))]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, examples(422))]
    status: u16,
    /// What happened, for a person to read.
    detail: &'static str,
    /// A stable name of the kind of problem, for programs. docs/ERRORS.md lists them all.
    #[schema(examples("validation_failed"))]
    code: &'static str,
    /// The id under which the server's log has the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// The turn that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = "uuid", nullable = false)]
    turn_id: Option<TurnId>,
    /// When a budget of the day begins anew.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime, nullable = false)]
    resets_at: Option<Timestamp>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ProblemItem)]
pub(crate) struct FieldError {
    /// Where: a JSON pointer into the body, `?name` for a query parameter, or the name of a header.
    #[schema(examples("/content"))]
    pub(crate) pointer: String,
    /// What rule is broken, for programs.
    #[schema(examples("too_long"))]
    pub(crate) code: &'static str,
    /// What rule is broken, for a person to read.
    #[schema(examples("must have at most 200 characters; this has 201"))]
    pub(crate) detail: Cow<'static, str>,
    /// The limit, where a length is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) limit: Option<usize>,
    /// The length that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(crate) actual: Option<usize>,
}

/// The rule that a value breaks; where it stands is added later.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    pub(crate) code: &'static str,
    pub(crate) detail: Cow<'static, str>,
    pub(crate) lengths: Option<(usize, usize)>,
}

impl Wrong {
    pub(crate) const fn new(code: &'static str, detail: &'static str) -> Self {
        Self {
            code,
            detail: Cow::Borrowed(detail),
            lengths: None,
        }
    }

    /// Says where the value stands.
    pub(crate) fn at(self, pointer: impl Into<String>) -> FieldError {
        FieldError {
            pointer: pointer.into(),
            code: self.code,
            detail: self.detail,
            limit: self.lengths.map(|(limit, _)| limit),
            actual: self.lengths.map(|(_, actual)| actual),
        }
    }
}

impl From<TextError> for Wrong {
    fn from(error: TextError) -> Self {
        Self {
            code: error.code(),
            detail: Cow::Owned(error.to_string()),
            lengths: error.lengths(),
        }
    }
}

impl Problem {
    pub(crate) const fn new(code: Code) -> Self {
        Self {
            code,
            errors: Vec::new(),
            turn_id: None,
            resets_at: None,
            headers: Vec::new(),
            request_id: None,
        }
    }

    /// Fields that are wrong, all that were found.
    pub(crate) fn invalid(mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_FIELD_ERRORS);
        Self {
            errors,
            ..Self::new(Code::ValidationFailed)
        }
    }

    /// One field that is wrong.
    pub(crate) fn invalid_at(pointer: impl Into<String>, wrong: Wrong) -> Self {
        Self::invalid(vec![wrong.at(pointer)])
    }

    /// Names the turn that the problem is about.
    pub(crate) fn turn(mut self, turn_id: TurnId) -> Self {
        self.turn_id = Some(turn_id);
        self
    }

    /// Tells when a budget begins anew.
    pub(crate) fn resets_at(mut self, moment: Timestamp) -> Self {
        self.resets_at = Some(moment);
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Tells when another try makes sense.
    pub(crate) fn retry_after(self, wait: Duration) -> Self {
        // Rounded up: a client that comes a moment too early has waited for nothing.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        self.header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    pub(crate) fn request_id(mut self, request_id: &str) -> Self {
        self.request_id = Some(request_id.to_owned());
        self
    }

    /// The problem as it is sent.
    pub(crate) fn view(&self) -> ProblemView<'_> {
        let facts = self.code.facts();
        ProblemView {
            r#type: format!("urn:lionrocket:problem:{}", facts.name),
            title: facts.title,
            status: facts.status,
            detail: facts.detail,
            code: facts.name,
            request_id: self.request_id.as_deref(),
            errors: &self.errors,
            turn_id: self.turn_id,
            resets_at: self.resets_at,
        }
    }

    /// The problem as the bytes that are sent.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(&self.view()).unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.facts().name)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response
            .content_type(PROBLEM_JSON)
            // The answer to a panic passes no layer that would add them.
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CACHE_CONTROL, "no-store"));
        if let Some(id) = &self.request_id {
            response.insert_header((X_REQUEST_ID, id.as_str()));
        }
        for (name, value) in &self.headers {
            response.append_header((name.clone(), value.clone()));
        }
        let mut response = response.body(self.to_json());
        // The outermost layer writes the body again, with the request's id in it.
        response.extensions_mut().insert(self.clone());
        response
    }
}
