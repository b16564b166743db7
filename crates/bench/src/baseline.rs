//! The least that a server on the same framework could do.

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;
use futures_util::StreamExt;
use serde_json::json;

use crate::seed;

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
    match read(upstream_call(&state.0, &state.1, 0)).await {
        Ok(bytes) => HttpResponse::Created()
            .content_type("application/json")
            .body(bytes),
        Err(_) => HttpResponse::BadGateway().finish(),
    }
}

/// The body of a message to a starter character after so many exchanges.
fn upstream_body(exchanges: usize) -> serde_json::Value {
    let say = |role, text| json!({ "role": role, "content": text });
    let exchange = || [say("user", seed::SAID), say("assistant", seed::ANSWERED)];
    let mut messages: Vec<_> = (0..exchanges).flat_map(|_| exchange()).collect();
    messages.push(say("user", "How was your day by the sea?"));
    json!({
        "model": "claude-haiku-5-5", "max_tokens": 1024, "stream": true, "thinking": { "type": "disabled" },
        "system": [{ "type": "text", "text": "You keep a lighthouse. ".repeat(30) }],
        "messages": messages,
    })
}

/// The upstream call of a message after so many exchanges, with the headers that it needs.
pub(crate) fn upstream_call(
    http: &reqwest::Client,
    url: &str,
    exchanges: usize,
) -> reqwest::RequestBuilder {
    http.post(url)
        .header("x-api-key", "sk-bench")
        .header("anthropic-version", "2026-10-21")
        .json(&upstream_body(exchanges))
}

/// Makes a call and reads its answer; answers the last piece.
pub(crate) async fn read(call: reqwest::RequestBuilder) -> Result<Vec<u8>> {
    let answer = call.send().await?.error_for_status()?;
    let mut stream = answer.bytes_stream();
    let mut last = Vec::new();
    while let Some(chunk) = stream.next().await {
        last = chunk?.to_vec();
    }
    Ok(last)
}
