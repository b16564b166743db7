//! What is answered while the service is not there yet.

use std::{io, net::TcpListener, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError as _,
    dev::Server,
    http::header::{self, HeaderValue},
    web,
};

use crate::{
    problem::{Code, Problem},
    views::service::HealthView,
};

/// When to ask again.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// For people with a browser; it asks again by itself.
const PAGE: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta http-equiv=\"refresh\" content=\"5\">\n<title>LionRocket</title>\n</head>\n<body>\n\
    <h1>LionRocket</h1>\n\
    <p>The service is starting. This page tries again by itself.</p>\n\
    <p lang=\"ko\">서비스를 시작하고 있어요. 이 페이지가 알아서 다시 시도해요.</p>\n\
    </body>\n</html>\n";

/// Answers on a listener that the service is starting, until it is stopped by its handle.
///
/// # Errors
/// The listener cannot be used.
pub fn serve_starting(listener: TcpListener) -> io::Result<Server> {
    let server = HttpServer::new(|| App::new().default_service(web::to(answer)))
        .workers(1)
        .client_request_timeout(Duration::from_secs(5))
        // Whoever asks again is to reach the service itself.
        .keep_alive(None)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

async fn answer(request: HttpRequest) -> HttpResponse {
    if request.path() == "/livez" {
        return HttpResponse::Ok().json(HealthView { status: "ok" });
    }
    let problem = Problem::new(Code::NotReady).retry_after(ASK_AGAIN);
    let mut response = problem.error_response();
    let wants_page = request
        .headers()
        .get(header::ACCEPT)
        .is_some_and(|kinds| kinds.as_bytes().starts_with(b"text/html"));
    if wants_page {
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("text/html; charset=utf-8");
        headers.insert(header::CONTENT_TYPE, kind);
        let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        return response.set_body(actix_web::body::BoxBody::new(PAGE));
    }
    response
}
