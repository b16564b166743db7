//! Under which names the service answers, and for the pages of which origins.

use actix_web::{
    HttpResponse,
    dev::ServiceRequest,
    http::{
        Method, Uri,
        header::{self, HeaderMap, HeaderName, HeaderValue},
        uri::Authority,
    },
};

use crate::{
    ApiState,
    problem::{Code, Problem},
};

/// What pages of other origins may send.
const ALLOWED_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Prefer, X-Request-ID";
/// What pages of other origins may read.
const EXPOSED_HEADERS: &str = "ETag, Idempotent-Replayed, Location, Preference-Applied, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID";
const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";

/// Refuses a request for a name that is not ours: a page of somebody whose name points at this
/// server would otherwise be of its own origin here.
pub(super) fn check_host(request: &ServiceRequest, state: &ApiState) -> Result<(), Problem> {
    // A probe asks by address, and learns nothing that a page could use.
    if matches!(request.path(), "/livez" | "/readyz") {
        return Ok(());
    }
    let mut named = request.headers().get_all(header::HOST);
    let (Some(host), None) = (named.next(), named.next()) else {
        return Err(Problem::new(Code::BadRequest));
    };
    let host = host.to_str().map_err(|_| Problem::new(Code::BadRequest))?;
    let origins = &state.info.public_origins;
    let is_ours = |name: &str| origins.iter().any(|origin| has_authority(origin, name));
    if is_ours(host) && target_authority(request.uri()).is_none_or(is_ours) {
        Ok(())
    } else {
        Err(Problem::new(Code::MisdirectedRequest))
    }
}

/// The authority of a target that is a whole address.
fn target_authority(uri: &Uri) -> Option<&str> {
    uri.authority().map(Authority::as_str)
}

/// Whether a name with or without a port stands for an origin.
fn has_authority(origin: &str, name: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let implied = if scheme == "https" { ":443" } else { ":80" };
    let bare = name.strip_suffix(implied).unwrap_or(name);
    name.eq_ignore_ascii_case(authority) || bare.eq_ignore_ascii_case(authority)
}

/// The other origin whose page sent this, if the operator lets its pages in.
pub(super) fn guest(headers: &HeaderMap, state: &ApiState) -> Option<HeaderValue> {
    let origin = only(headers, &header::ORIGIN)?;
    let listed = state.network.cors_origins.iter();
    listed
        .map(String::as_bytes)
        .any(|known| known == origin.as_bytes())
        .then(|| origin.clone())
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name);
    match (values.next(), values.next()) {
        (value, None) => value,
        _ => None,
    }
}

/// Answers a browser that asks whether a page of another origin may send a request.
pub(super) fn preflight(request: &ServiceRequest, state: &ApiState) -> Option<HttpResponse> {
    let headers = request.headers();
    let asks = request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    guest(headers, state)?;
    let answer = HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, ALLOWED_METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED_HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish();
    Some(answer)
}

/// Lets the page of a listed origin read the answer. Never with credentials: a guest has a token.
pub(super) fn admit(headers: &mut HeaderMap, guest: Option<HeaderValue>, state: &ApiState) {
    if state.network.cors_origins.is_empty() {
        return;
    }
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = guest {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSED_HEADERS),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_stands_for_its_origin_with_or_without_the_implied_port() {
        for (origin, name, expected) in [
            ("https://chat.example.org", "chat.example.org", true),
            ("https://chat.example.org", "CHAT.example.org", true),
            ("https://chat.example.org", "chat.example.org:443", true),
            ("https://chat.example.org", "chat.example.org:80", false),
            ("https://chat.example.org", "chat.example.org:8443", false),
            ("https://chat.example.org", "chat.example.org.", false),
            ("https://chat.example.org", "evil.example.org", false),
            ("https://chat.example.org", "xchat.example.org", false),
            ("https://chat.example.org", "", false),
            ("http://localhost:8000", "localhost:8000", true),
            ("http://localhost:8000", "localhost", false),
            ("http://[::1]:8000", "[::1]:8000", true),
        ] {
            assert_eq!(has_authority(origin, name), expected, "{origin} {name}");
        }
    }
}
