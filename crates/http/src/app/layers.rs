//! What surrounds every request: its id and span, panics, problems, headers and the line in the log.

use std::{panic::AssertUnwindSafe, time::Instant};

use actix_web::{
    Error, HttpMessage,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;
use tracing::Instrument;

use crate::{
    ApiState,
    problem::{Code, PROBLEM_JSON, Problem},
    request::{RequestFacts, RequestId, X_REQUEST_ID},
};

/// What a page of the web application may load: its own files and nothing else.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types vue dompurify app";

/// Features of browsers that no page here needs.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(), camera=(), display-capture=(), encrypted-media=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), picture-in-picture=(), publickey-credentials-get=(), screen-wake-lock=(), usb=(), xr-spatial-tracking=()";

/// The outermost layer.
pub(super) async fn outermost(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(request.headers());
    let facts = RequestFacts::default();
    let span = tracing::info_span!("request", request_id = id.as_str());
    let uses_tls = request
        .app_data::<web::Data<ApiState>>()
        .is_some_and(|state| state.info.strict_transport_security);
    let line = LogLine {
        method: request.method().to_string(),
        route: request
            .match_pattern()
            .unwrap_or_else(|| "(web application)".to_owned()),
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
    let is_page = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if is_page {
        unless_set(headers, header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    }
}

fn unless_set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    if !headers.contains_key(&name) {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What the log tells of a request: never its query, headers or body.
struct LogLine {
    method: String,
    route: String,
    facts: RequestFacts,
    started: Instant,
}

impl LogLine {
    fn write(&self, status: StatusCode) {
        let user_id = self.facts.user_id().map(tracing::field::display);
        let duration_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            method = self.method,
            route = self.route,
            status = status.as_u16(),
            user_id,
            duration_ms,
            "answered"
        );
    }
}
