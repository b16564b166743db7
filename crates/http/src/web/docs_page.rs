//! The page that shows the API: Swagger UI, with a page and a start script of our own, since the
//! content security policy allows no script inside a page.

use std::sync::{Arc, LazyLock};

use actix_web::{
    HttpRequest, HttpResponse, guard,
    http::header,
    web::{self, Bytes},
};
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::Config;

use super::files::{File, content_type};
use crate::{
    description::openapi_json,
    problem::{Code, Problem},
    request::hex_of,
};

const PAGE: &str = "<!doctype html>
<html lang=\"en\">
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>LionRocket API</title>
<link rel=\"stylesheet\" href=\"/docs/swagger-ui.css\">
<link rel=\"icon\" type=\"image/png\" href=\"/docs/favicon-32x32.png\">
<div id=\"swagger-ui\"></div>
<script src=\"/docs/swagger-ui-bundle.js\"></script>
<script src=\"/docs/start.js\"></script>
</html>
";

const START: &str = "\"use strict\";
SwaggerUIBundle({
  url: \"/openapi.json\",
  dom_id: \"#swagger-ui\",
  deepLinking: true,
  tryItOutEnabled: true,
  validatorUrl: null,
});
";

/// As strict as the web application's, but Swagger UI writes HTML and styles by itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The files of Swagger UI that the page needs.
const FILES: [&str; 3] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
];

static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(openapi_json()));

/// Registers the page, its files and the document.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    let is_read = || guard::Any(guard::Get()).or(guard::Head());
    config
        .service(
            web::resource("/openapi.json")
                .guard(is_read())
                .to(async |request: HttpRequest| document(&request)),
        )
        .service(
            web::resource(["/docs", "/docs/"])
                .guard(is_read())
                .to(async |request: HttpRequest| page(&request)),
        )
        .service(
            web::resource("/docs/{file}")
                .guard(is_read())
                .to(async |request: HttpRequest, name: web::Path<String>| file(&request, &name)),
        );
}

fn document(request: &HttpRequest) -> HttpResponse {
    own_file("openapi.json", &DOCUMENT).respond(request)
}

fn page(request: &HttpRequest) -> HttpResponse {
    let mut response = own_file("index.html", PAGE.as_bytes()).respond(request);
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static(POLICY),
    );
    response
}

fn file(request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
    if name == "start.js" {
        return Ok(own_file(name, START.as_bytes()).respond(request));
    }
    if !FILES.contains(&name) {
        return Err(Problem::new(Code::NotFound));
    }
    let found = utoipa_swagger_ui::serve(name, Arc::new(Config::default()));
    match found {
        Ok(Some(found)) => Ok(own_file(name, &found.bytes).respond(request)),
        _ => Err(Problem::new(Code::NotFound)),
    }
}

fn own_file(name: &str, bytes: &[u8]) -> File {
    let hash = Sha256::digest(bytes);
    File {
        hash: hex_of(&hash, 16),
        bytes: bytes.to_vec().into(),
        content_type: content_type(name),
        encoding: None,
        cache_control: "no-cache",
    }
}
