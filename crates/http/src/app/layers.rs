//! What surrounds every request: its id and span, panics, problems, headers and the line in the log.

use std::{panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpMessage, ResponseError as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use tracing::Instrument;

use super::hosts;
use crate::{
    ApiState, limits,
    problem::{Code, PROBLEM_JSON, Problem},
    request::{RequestFacts, RequestId, X_REQUEST_ID},
    security,
};

/// What a page of the web application may load: its own files and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types vue dompurify app";

/// What an answer of the API may load when a browser is made to show it: nothing.
const DATA_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The media types of answers of the API.
const DATA_TYPES: [&[u8]; 4] = [
    b"application/json",
    b"application/problem+json",
    b"text/csv",
    b"text/event-stream",
];

/// Features of browsers that no page here needs.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()";

/// The outermost layer.
pub(super) async fn outermost(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let span = tracing::info_span!("request", request_id = id.as_str());
    let Some(state) = request.app_data::<web::Data<ApiState>>().cloned() else {
        return Err(Problem::new(Code::Internal).into());
    };
    let facts = RequestFacts::of(&request, &state.network.trusted_proxies);
    let uses_tls = state.info.strict_transport_security;
    let line = LogLine {
        method: request.method().clone(),
        facts: facts.clone(),
        started,
    };
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(facts);

    let work = AssertUnwindSafe(next.call(request)).catch_unwind();
    let answer = work.instrument(span.clone()).await;
    let _entered = span.enter();
    let mut response = match answer {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => {
            line.write(error.as_response_error().status_code());
            return Err(error);
        }
        Err(_) => {
            tracing::error!("a handler panicked");
            line.write(StatusCode::INTERNAL_SERVER_ERROR);
            return Err(Problem::new(Code::Internal).request_id(id.as_str()).into());
        }
    };
    response = as_problem(response, id.as_str());
    complete_headers(response.headers_mut(), id.as_str(), uses_tls);
    line.write(response.status());
    Ok(response)
}

/// Lets in who may come in: by the name that is asked for, by origin and by limits.
pub(super) async fn gate(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let state = request.app_data::<web::Data<ApiState>>().cloned();
    let facts = request.extensions().get::<RequestFacts>().cloned();
    let (Some(state), Some(facts)) = (state, facts) else {
        return Err(Problem::new(Code::Internal).into());
    };
    let guest = hosts::guest(request.headers(), &state);
    let early = match hosts::check_host(&request, &state) {
        Err(problem) => Some(problem.error_response()),
        Ok(()) => hosts::preflight(&request, &state).or_else(|| {
            let entered = limits::enter(&request, &facts, &*state.limits);
            entered.err().map(|problem| problem.error_response())
        }),
    };
    let mut response = match early {
        Some(answer) => request.into_response(answer),
        None => next.call(request).await?.map_into_boxed_body(),
    };
    limits::settle(&mut response, &facts, &*state.limits);
    let problem = response
        .response()
        .extensions()
        .get::<Problem>()
        .map(|known| known.code);
    security::observe(&facts, response.status(), problem);
    hosts::admit(response.headers_mut(), guest, &state);
    Ok(response)
}

/// Makes every failure a problem with the request's id in it.
fn as_problem(
    mut response: ServiceResponse<BoxBody>,
    request_id: &str,
) -> ServiceResponse<BoxBody> {
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let known = response.response_mut().extensions_mut().remove::<Problem>();
    let problem = known.unwrap_or_else(|| Problem::new(Code::from_status(status)));
    let body = problem.request_id(request_id).to_json();
    let mut response = response.map_body(|_, _| BoxBody::new(body));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

/// The headers of every answer.
fn complete_headers(headers: &mut HeaderMap, request_id: &str, uses_tls: bool) {
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
        (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        (header::PERMISSIONS_POLICY, PERMISSIONS),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    if uses_tls {
        let value = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    unless_set(headers, header::CACHE_CONTROL, "no-store");
    if let Some(policy) = policy_for(headers) {
        unless_set(headers, header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The policy for an answer by its media type. Scripts have none: a worker is bound by the policy that
/// came with its script.
fn policy_for(headers: &HeaderMap) -> Option<&'static str> {
    let kind = headers.get(header::CONTENT_TYPE)?.as_bytes();
    if kind.starts_with(b"text/html") {
        return Some(PAGE_POLICY);
    }
    let is_data = DATA_TYPES.iter().any(|data| kind.starts_with(data));
    is_data.then_some(DATA_POLICY)
}

fn unless_set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// How long requests took, by method, pattern of address and status.
const REQUEST_SECONDS: &str = "lionrocket_http_request_seconds";

/// A method as a label: one word for all that nobody knows.
fn known_method(method: &str) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known
        .into_iter()
        .find(|name| *name == method)
        .unwrap_or("other")
}

/// What the log tells of a request: never its query, headers or body.
struct LogLine {
    method: Method,
    facts: RequestFacts,
    started: Instant,
}

impl LogLine {
    fn write(&self, status: StatusCode) {
        let duration = self.started.elapsed();
        let route = self.facts.pattern().unwrap_or("(web application)");
        metrics::histogram!(
            REQUEST_SECONDS,
            "method" => known_method(self.method.as_str()),
            "route" => route.to_owned(),
            "status" => status.as_str().to_owned(),
        )
        .record(duration);
        let client_address = self.facts.client().map(tracing::field::display);
        let user_id = self.facts.user_id().map(tracing::field::display);
        let duration_ms = duration.as_secs_f64() * 1000.0;
        tracing::info!(
            method = self.method.as_str(),
            route,
            status = status.as_u16(),
            user_id,
            client_address,
            duration_ms,
            "answered"
        );
    }
}
