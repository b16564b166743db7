//! What is answered in any test stands in the description of the API.

use std::sync::LazyLock;

use actix_web::http::Method;
use lionrocket_http::openapi;
use serde_json::Value;

use crate::api::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(openapi()).unwrap());

/// Checks that an operation says that it may answer with this status, media type and problem.
/// Addresses and methods that are no operation's are passed over.
pub(crate) fn assert_described(method: &Method, path: &str, answer: &Answer) {
    let place = format!("{method} {path}");
    let Some(operation) = operation(method, path) else {
        return;
    };
    let status = answer.status.as_str();
    let response = &operation["responses"][status];
    assert!(
        response.is_object(),
        "{place} does not describe {status}: {}",
        answer.text()
    );
    let kind = answer.header("content-type").split(';').next();
    let Some(kind) = kind.filter(|kind| !kind.is_empty()) else {
        return;
    };
    let content = &response["content"][kind];
    assert!(
        content.is_object(),
        "{place} does not describe {kind} for {status}"
    );
    if kind == "application/problem+json" {
        let problem = answer.json();
        let code = problem["code"].as_str().unwrap();
        assert!(
            content["examples"][code].is_object(),
            "{place} does not describe {code}"
        );
    }
}

fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let method = method.as_str().to_ascii_lowercase();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let item = paths
        .iter()
        .filter(|(pattern, _)| matches_pattern(pattern, path))
        // An address with fewer placeholders comes first.
        .min_by_key(|(pattern, _)| pattern.matches('{').count());
    item?.1.get(method)
}

fn matches_pattern(pattern: &str, path: &str) -> bool {
    let (mut wanted, mut found) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == found || wanted.starts_with('{') => {}
            _ => return false,
        }
    }
}
