//! The least that a server on the same framework could do.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;
use futures_util::StreamExt;
use serde_json::json;

/// Serves until it is killed. `GET /bytes?size=` answers that many bytes; `POST /exchange` makes the
/// upstream call that an exchange makes and keeps nothing.
#[actix_web::main]
pub(crate) async fn serve(port: u16, upstream: String) -> Result<()> {
    let http = crate::client::http()?;
    let upstream = format!("{upstream}/v1/messages");
    HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new((http.clone(), upstream.clone())))
            .route("/bytes", web::get().to(bytes))
            .route("/exchange", web::post().to(exchange))
    })
    .bind(("127.0.0.1", port))?
    .run()
    .await?;
    Ok(())
}

async fn bytes(query: web::Query<std::collections::HashMap<String, usize>>) -> HttpResponse {
    let size = query.get("size").copied().unwrap_or(0);
    HttpResponse::Ok()
        .content_type("application/json")
        .body(vec![b'x'; size])
}

async fn exchange(state: web::Data<(reqwest::Client, String)>, _body: web::Bytes) -> HttpResponse {
    match call(&state.0, &state.1).await {
        Ok(bytes) => HttpResponse::Created()
            .content_type("application/json")
            .body(bytes),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}

/// The body of a first message to a starter character.
pub(crate) fn upstream_body() -> serde_json::Value {
    json!({
        "model": "claude-haiku-5-5", "max_tokens": 1024, "stream": true, "thinking": { "type": "disabled" },
        "system": [{ "type": "text", "text": "You keep a lighthouse. ".repeat(30) }],
        "messages": [{ "role": "user", "content": "How was your day by the sea?" }],
    })
}

/// The upstream call with the headers that it needs.
pub(crate) fn upstream_call(http: &reqwest::Client, url: &str) -> reqwest::RequestBuilder {
    http.post(url)
        .header("x-api-key", "sk-bench")
        .header("anthropic-version", "2026-10-21")
        .json(&upstream_body())
}

async fn call(http: &reqwest::Client, url: &str) -> Result<Vec<u8>> {
    let answer = upstream_call(http, url).send().await?.error_for_status()?;
    let mut stream = answer.bytes_stream();
    let mut last = Vec::new();
    while let Some(chunk) = stream.next().await {
        last = chunk?.to_vec();
    }
    Ok(last)
}
