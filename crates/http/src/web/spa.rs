//! The web application's files. A release build has them inside; a debug build reads web/dist.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method,
        header::{self, HeaderValue},
    },
};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::files::{File, accepts, content_type, shared};
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
    answer_from::<Dist>(request)
}

fn answer_from<Files: RustEmbed>(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let name = request.path().trim_start_matches('/');
    if !name.is_empty()
        && !is_variant(name)
        && let Some(file) = load::<Files>(request, name)
    {
        return if request.method() == Method::GET || request.method() == Method::HEAD {
            Ok(file.respond(request))
        } else {
            Err(method_not_allowed("GET, HEAD"))
        };
    }
    if is_page(request, name) {
        Ok(page::<Files>(request))
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

fn page<Files: RustEmbed>(request: &HttpRequest) -> HttpResponse {
    load::<Files>(request, "index.html").map_or_else(
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
fn load<Files: RustEmbed>(request: &HttpRequest, name: &str) -> Option<File> {
    let plain = Files::get(name)?;
    let variants = [("br", "br"), ("gzip", "gz")];
    let variant = variants.into_iter().find_map(|(encoding, extension)| {
        let is_accepted = accepts(request.headers(), encoding);
        let found = || Files::get(&format!("{name}.{extension}"));
        Some((encoding, is_accepted.then(found)??))
    });
    let (encoding, found): (_, EmbeddedFile) = match variant {
        Some((encoding, found)) => (Some(encoding), found),
        None => (None, plain),
    };
    let hash = found.metadata.sha256_hash();
    Some(File {
        hash: hex_of(&hash, 16),
        bytes: shared(found.data),
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

#[cfg(test)]
mod tests {
    use actix_web::{body::MessageBody, test::TestRequest};

    use super::*;

    #[derive(RustEmbed)]
    #[folder = "$CARGO_MANIFEST_DIR/tests/dist"]
    struct Built;

    #[derive(RustEmbed)]
    #[folder = "$CARGO_MANIFEST_DIR/tests/nothing"]
    #[allow_missing = true]
    struct Missing;

    fn get(path: &str, headers: &[(&'static str, &str)]) -> HttpResponse {
        let mut request = TestRequest::with_uri(path);
        for (name, value) in headers {
            request = request.insert_header((*name, *value));
        }
        answer_from::<Built>(&request.to_http_request()).unwrap()
    }

    fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
        let value = response.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn body(response: HttpResponse) -> String {
        let bytes = response.into_body().try_into_bytes().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn hashed_files_are_kept_for_ever_and_pages_are_asked_for_again() {
        let script = get("/assets/app-1a2b3c.js", &[]);
        assert_eq!(
            header(&script, "cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert_eq!(
            header(&script, "content-type"),
            "text/javascript; charset=utf-8"
        );
        for path in ["/", "/index.html", "/chats/7"] {
            let page = get(path, &[("accept", "text/html")]);
            assert_eq!(header(&page, "cache-control"), "no-cache");
            assert!(body(page).contains("the application"));
        }
    }

    #[test]
    fn the_best_encoding_is_chosen_and_has_a_tag_of_its_own() {
        let path = "/assets/app-1a2b3c.js";
        let mut tags = Vec::new();
        for (accepted, encoding, text) in [
            ("gzip, br", "br", "as br"),
            ("gzip", "gzip", "as gzip"),
            ("br;q=0, gzip;q=0.5", "gzip", "as gzip"),
            ("identity", "", "plain"),
        ] {
            let file = get(path, &[("accept-encoding", accepted)]);
            assert_eq!(header(&file, "content-encoding"), encoding, "{accepted}");
            assert_eq!(header(&file, "vary"), "Accept-Encoding");
            let tag = header(&file, "etag").to_owned();
            let again = get(
                path,
                &[("accept-encoding", accepted), ("if-none-match", &tag)],
            );
            assert_eq!(again.status(), 304);
            assert!(body(file).contains(text), "{accepted}");
            tags.push(tag);
        }
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), 3);
    }

    #[test]
    fn what_is_not_there_is_not_the_page() {
        for path in ["/assets/gone.js", "/assets/app-1a2b3c.js.br", "/api/x"] {
            let request =
                TestRequest::with_uri(path).insert_header(("accept", "text/html,text/plain"));
            let problem = answer_from::<Built>(&request.to_http_request()).unwrap_err();
            assert_eq!(problem.code, Code::NotFound, "{path}");
        }
        let post = TestRequest::post().uri("/assets/app-1a2b3c.js");
        let problem = answer_from::<Built>(&post.to_http_request()).unwrap_err();
        assert_eq!(problem.code, Code::MethodNotAllowed);
    }

    #[test]
    fn without_a_build_the_page_says_how_to_make_one() {
        let request = TestRequest::with_uri("/").to_http_request();
        let page = answer_from::<Missing>(&request).unwrap();
        assert!(body(page).contains("npm run build"));
    }
}
