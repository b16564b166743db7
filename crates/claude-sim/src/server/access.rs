//! What is checked before a body is looked at, and the headers of every answer.

use std::collections::BTreeMap;

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt;
use lionrocket_claude_wire::{ErrorType, header};
use serde_json::Value;

use super::{Settings, Shared};
use crate::digest::Fnv;
use crate::failure::{Failure, FailureBody};
use crate::record::{RecordedRequest, StatusNote};
use crate::scenario::{self, Scenario};
use crate::validate::ApiVersion;

/// Who asks, and how.
#[derive(Debug)]
pub(super) struct Access {
    /// Stands for the key; what one account caches no other reads.
    pub(super) account: u64,
    pub(super) version: ApiVersion,
    pub(super) run: Option<String>,
    header_scenario: Option<Scenario>,
}

impl Access {
    /// Checks key, version and the scenario header.
    pub(super) fn check(request: &HttpRequest, settings: &Settings) -> Result<Self, Failure> {
        let account = account(request, settings)?;
        let version = ApiVersion::from_header(text(request, header::VERSION))?;
        let header_scenario = text(request, scenario::HEADER)
            .filter(|_| settings.triggers)
            .map(Scenario::parse)
            .transpose()?;
        Ok(Self {
            account,
            version,
            run: text(request, scenario::RUN_HEADER).map(str::to_owned),
            header_scenario,
        })
    }

    /// Decides what shall happen to the request; fails if that is an error.
    pub(super) fn scenario(&self, shared: &Shared, user_text: &str) -> Result<Scenario, Failure> {
        if !shared.settings.triggers {
            return Ok(Scenario::None);
        }
        let scenario = match &self.header_scenario {
            Some(scenario) => Some(scenario.clone()),
            None => Scenario::in_text(user_text)?,
        };
        match scenario {
            Some(Scenario::Error(error)) => {
                if shared.counters.fails(&error, self.run.as_deref()) {
                    Err(error.failure)
                } else {
                    Ok(Scenario::None)
                }
            }
            other => Ok(other.unwrap_or_default()),
        }
    }
}

fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn account(request: &HttpRequest, settings: &Settings) -> Result<u64, Failure> {
    let unauthorized = |message| Failure::new(401, ErrorType::Authentication, message);
    let bearer = || {
        let (scheme, key) = text(request, "authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    };
    let key = text(request, header::API_KEY)
        .or_else(bearer)
        .ok_or_else(|| unauthorized("x-api-key header is required"))?;
    let known = settings.keys.is_empty() || settings.keys.iter().any(|known| known == key);
    if key.is_empty() || !known {
        return Err(unauthorized("invalid x-api-key"));
    }
    Ok(Fnv::new(0).add(key.as_bytes()).finish())
}

/// Reads the body up to the limit. Beyond it, a proxy answers: the body is not JSON.
pub(super) async fn read_body(
    mut payload: web::Payload,
    request: &HttpRequest,
    limit: usize,
) -> Result<web::Bytes, Failure> {
    if let Some(encoding) = text(request, "content-encoding").filter(|name| *name != "identity") {
        let message = format!("content-encoding '{encoding}' is not supported by the simulator");
        return Err(
            Failure::invalid(message).with_code(Some("unsupported_content_encoding".to_owned()))
        );
    }
    let mut body = web::BytesMut::new();
    let mut total = 0;
    // The rest of a body that is too large is read and thrown away, or else the client would lose the connection
    // before it could read the answer.
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Failure::invalid("the request body ended early"))?;
        total += chunk.len();
        if total <= limit {
            body.extend_from_slice(&chunk);
        } else {
            body = web::BytesMut::new();
        }
    }
    if total > limit {
        let failure = Failure::new(413, ErrorType::RequestTooLarge, "Request Entity Too Large");
        return Err(failure.with_body(FailureBody::Html));
    }
    Ok(body.freeze())
}

/// Decodes the body.
pub(super) fn decode(body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body)
        .map_err(|error| Failure::invalid(format!("The request body is not valid JSON: {error}")))
}

/// Records the request if that is on.
pub(super) fn record(
    shared: &Shared,
    request: &HttpRequest,
    request_id: &str,
    body: &[u8],
) -> Option<StatusNote> {
    const SECRET: [&str; 3] = [header::API_KEY, "authorization", "cookie"];
    if !shared.settings.record {
        return None;
    }
    let headers: BTreeMap<String, String> = request
        .headers()
        .iter()
        .filter(|(name, _)| !SECRET.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str().to_owned(), value)
        })
        .collect();
    let path = request.uri().path_and_query();
    Some(shared.recorder.add(RecordedRequest {
        request_id: request_id.to_owned(),
        method: request.method().to_string(),
        path: path.map_or_else(String::new, ToString::to_string),
        headers,
        body: serde_json::from_slice(body).unwrap_or_default(),
        body_bytes: body.len(),
        status: None,
    }))
}

/// Tokens that a request counts against the limits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Load {
    /// Input that was not read from the cache.
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
}

/// Finishes a response with what each one carries: the owner of the key, and limits.
///
/// The limits are those of an account that was idle before this request; nothing is ever refused because of them.
pub(super) fn finish(
    mut response: HttpResponse,
    shared: &Shared,
    account: Option<u64>,
    load: Load,
) -> HttpResponse {
    const REQUESTS: u64 = 1_000;
    const INPUT_TOKENS: u64 = 2_000_000;
    const OUTPUT_TOKENS: u64 = 400_000;
    let headers = response.headers_mut();
    let organization = account.map_or(0, |account| account >> 32);
    set(
        headers,
        "anthropic-organization-id",
        &format!("00000000-0000-4000-8000-{organization:012x}"),
    );
    let Some(account) = account else {
        return response;
    };
    set(
        headers,
        "anthropic-workspace-id",
        &format!("wrkspc_{account:016x}"),
    );
    let reset = shared.settings.clock.now().to_string();
    let rounded = |limit: u64, used: u64| limit.saturating_sub(used).div_ceil(1_000) * 1_000;
    let (input, output) = (load.input_tokens, load.output_tokens);
    let limits = [
        ("requests", REQUESTS, REQUESTS - 1),
        (
            "tokens",
            INPUT_TOKENS + OUTPUT_TOKENS,
            rounded(INPUT_TOKENS + OUTPUT_TOKENS, input + output),
        ),
        ("input-tokens", INPUT_TOKENS, rounded(INPUT_TOKENS, input)),
        (
            "output-tokens",
            OUTPUT_TOKENS,
            rounded(OUTPUT_TOKENS, output),
        ),
    ];
    for (kind, limit, remaining) in limits {
        let name = |part: &str| format!("anthropic-ratelimit-{kind}-{part}");
        set(headers, &name("limit"), &limit.to_string());
        set(headers, &name("remaining"), &remaining.to_string());
        set(headers, &name("reset"), &reset);
    }
    response
}

fn set(headers: &mut HeaderMap, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
        headers.insert(name, value);
    }
}
