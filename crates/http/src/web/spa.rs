//! The web application's files. A release build has them inside; a debug build reads web/dist.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::files::{File, accepts, content_type};
use crate::{
    problem::{Code, Problem},
    request::hex_of,
};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Dist;

/// First parts of addresses that are the server's own: what is not found there is not found.
const SERVER_PARTS: [&str; 9] = [
    "api",
    "auth",
    "admin",
    "docs",
    "openapi.json",
    "livez",
    "readyz",
    "metrics",
    "assets",
];

const NOT_BUILT: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<title>LionRocket</title>
<h1>LionRocket is running</h1>
<p>The web application is not built yet. Build it with <code>just web</code> (or <code>npm install &amp;&amp; npm run build</code> in <code>web/</code>), then load this page again.</p>
<p>The API is described at <a href=\"/docs\">/docs</a>.</p>
</html>
";

/// Answers what no route of the API answers: a file, the application's page, or 404.
pub(crate) fn answer(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let name = request.path().trim_start_matches('/');
    if !name.is_empty()
        && !is_variant(name)
        && let Some(file) = load(request, name)
    {
        return if request.method() == Method::GET || request.method() == Method::HEAD {
            Ok(file.respond(request))
        } else {
            Err(method_not_allowed("GET, HEAD"))
        };
    }
    if is_page(request, name) {
        Ok(page(request))
    } else {
        Err(Problem::new(Code::NotFound))
    }
}

/// The 405 of an address that knows other methods.
pub(crate) fn method_not_allowed(allowed: &str) -> Problem {
    let problem = Problem::new(Code::MethodNotAllowed);
    match HeaderValue::from_str(allowed) {
        Ok(value) => problem.header(header::ALLOW, value),
        Err(_) => problem,
    }
}

/// Whether an address is one that the application itself routes.
fn is_page(request: &HttpRequest, name: &str) -> bool {
    let is_read = request.method() == Method::GET || request.method() == Method::HEAD;
    let first = name.split('/').next().unwrap_or_default();
    let is_ours = SERVER_PARTS.contains(&first);
    let wants_html = name.is_empty()
        || request.headers().get_all(header::ACCEPT).any(|value| {
            value
                .to_str()
                .is_ok_and(|value| value.contains("text/html"))
        });
    is_read && !is_ours && wants_html
}

fn page(request: &HttpRequest) -> HttpResponse {
    load(request, "index.html").map_or_else(
        || {
            HttpResponse::Ok()
                .content_type("text/html; charset=utf-8")
                .insert_header((header::CACHE_CONTROL, "no-cache"))
                .body(NOT_BUILT)
        },
        |file| file.respond(request),
    )
}

/// Whether a name is that of a compressed copy, which is only served under the plain name.
fn is_variant(name: &str) -> bool {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    matches!(extension, Some("br" | "gz"))
}

/// Finds a file in the best encoding that the client takes.
fn load(request: &HttpRequest, name: &str) -> Option<File> {
    let plain = Dist::get(name)?;
    let variants = [("br", "br"), ("gzip", "gz")];
    let variant = variants.into_iter().find_map(|(encoding, extension)| {
        let is_accepted = accepts(request.headers(), encoding);
        let found = || Dist::get(&format!("{name}.{extension}"));
        Some((encoding, is_accepted.then(found)??))
    });
    let (encoding, found): (_, EmbeddedFile) = match variant {
        Some((encoding, found)) => (Some(encoding), found),
        None => (None, plain),
    };
    let hash = found.metadata.sha256_hash();
    Some(File {
        hash: hex_of(&hash, 16),
        bytes: found.data,
        content_type: content_type(name),
        encoding,
        cache_control: if name.starts_with("assets/") {
            // Names in there change with the content.
            "public, max-age=31536000, immutable"
        } else {
            "no-cache"
        },
    })
}
