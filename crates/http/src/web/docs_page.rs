//! The page that shows the API: Swagger UI, with a page and a start script of our own, since the
//! content security policy allows no script inside a page.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use actix_web::{HttpRequest, HttpResponse, guard, http::header, web};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use utoipa_swagger_ui::Config;

use super::files::{File, content_type, shared};
use crate::{
    description::openapi_json,
    problem::{Code, Problem},
    request::hex_of,
};

const PAGE_NAME: &str = "index.html";
const START_NAME: &str = "start.js";
const DOCUMENT_NAME: &str = "openapi.json";

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

/// As strict as the web application's but for trusted types: Swagger UI writes HTML by itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

/// The files of Swagger UI that the page needs.
const FILES: [&str; 3] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
];

/// Every file by its name, with its tag made once.
static SHELF: LazyLock<BTreeMap<&'static str, File>> = LazyLock::new(|| {
    let config = Arc::new(Config::default());
    let foreign = FILES.into_iter().filter_map(|name| {
        let found = utoipa_swagger_ui::serve(name, config.clone()).ok()??;
        Some((name, shared(found.bytes)))
    });
    let own = [
        (PAGE_NAME, Bytes::from_static(PAGE.as_bytes())),
        (START_NAME, Bytes::from_static(START.as_bytes())),
        (DOCUMENT_NAME, Bytes::from(openapi_json())),
    ];
    let files = own.into_iter().chain(foreign);
    files
        .map(|(name, bytes)| (name, shelved(name, bytes)))
        .collect()
});

/// Registers the page, its files and the document.
pub(crate) fn configure(config: &mut web::ServiceConfig) {
    let is_read = || guard::Any(guard::Get()).or(guard::Head());
    config
        .service(
            web::resource("/openapi.json")
                .guard(is_read())
                .to(async |request: HttpRequest| file(&request, DOCUMENT_NAME)),
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

fn page(request: &HttpRequest) -> Result<HttpResponse, Problem> {
    let mut response = file(request, PAGE_NAME)?;
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static(POLICY),
    );
    Ok(response)
}

fn file(request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
    SHELF
        .get(name)
        .map(|file| file.clone().respond(request))
        .ok_or_else(|| Problem::new(Code::NotFound))
}

fn shelved(name: &str, bytes: Bytes) -> File {
    File {
        hash: hex_of(&Sha256::digest(&bytes), 16),
        bytes,
        content_type: content_type(name),
        encoding: None,
        cache_control: "no-cache",
    }
}
