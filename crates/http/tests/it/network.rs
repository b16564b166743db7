//! The server on a real connection, and what it leaves in the log.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex},
    time::Duration,
};

use lionrocket_http::{ServerLimits, serve};
use lionrocket_test_support::{Gate, ModelStep, PASSWORD, World};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tracing_subscriber::fmt::MakeWriter;

use crate::api::{Api, RequestExt, request};

/// Serves an API on a free port.
fn start(api: &Api) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ServerLimits {
        workers: 1,
        shutdown_timeout: Duration::ZERO,
        ..ServerLimits::default()
    };
    let server = serve(api.state.clone(), listener, limits).unwrap();
    actix_web::rt::spawn(server);
    address
}

/// Reads until a text has come, and answers all that came.
async fn read_until(stream: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    let reading = async {
        loop {
            let mut piece = [0; 4096];
            let count = stream.read(&mut piece).await.unwrap();
            all.extend_from_slice(&piece[..count]);
            let read = String::from_utf8_lossy(&all);
            if read.contains(text) {
                return read.into_owned();
            }
            assert_ne!(count, 0, "the connection ended: {read}");
        }
    };
    timeout(World::PATIENCE, reading).await.unwrap()
}

#[actix_web::test]
async fn events_cross_a_real_connection_one_by_one() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    let gate = Gate::default();
    api.world.model.play(vec![
        ModelStep::Say("first"),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("second"),
    ]);
    let mut stream = TcpStream::connect(start(&api)).await.unwrap();
    let body = r#"{"content":"hi"}"#;
    let head = format!(
        "POST /api/chats/{chat}/messages HTTP/1.1\r\nHost: localhost:8080\r\nAuthorization: Bearer {}\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        person.token,
        body.len(),
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let first = read_until(&mut stream, "event: delta").await;
    assert!(first.starts_with("HTTP/1.1 200 OK"), "{first}");
    assert!(!first.contains("second"));
    gate.open();
    let rest = read_until(&mut stream, "\r\n0\r\n\r\n").await;
    assert!(rest.contains("second") && rest.contains("event: done"));
    // The connection is good for another request.
    stream
        .write_all(b"HEAD / HTTP/1.1\r\nHost: localhost:8080\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut head = String::new();
    timeout(World::PATIENCE, stream.read_to_string(&mut head))
        .await
        .unwrap()
        .unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(head.ends_with("\r\n\r\n"), "{head}");
    assert!(!head.to_lowercase().contains("\r\nserver:"));
}

#[actix_web::test]
async fn a_body_that_is_announced_small_and_sent_large_is_refused() {
    let api = Api::new().await;
    let mut stream = TcpStream::connect(start(&api)).await.unwrap();
    let head = "POST /auth/login HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(4096));
    for _ in 0..5 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let answer = read_until(&mut stream, "payload_too_large").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// A log that a test can read.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[actix_web::test]
async fn the_log_names_each_request_once_and_no_secret() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    let path = format!("/api/chats/{chat}/messages");
    let calls = [
        request("POST", &path)
            .by(&person)
            .with("X-Request-Id", "traced")
            .json_text(r#"{"content":"canary-message"}"#),
        request("GET", &format!("{path}?limit=canary-query")).by(&person),
        request("POST", "/auth/login").json_text(format!(
            r#"{{"username":"owner@example.com","password":"{PASSWORD}"}}"#
        )),
        request("POST", "/auth/login")
            .json_text(r#"{"username":"canary-name","password":"canary-password"}"#),
        request("GET", "/auth/me").with("Authorization", "Bearer canary-token"),
        request("GET", "/canary-path"),
    ];
    let count = calls.len();
    for call in calls {
        api.send(call).await;
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for secret in ["canary", "example.com", PASSWORD, &person.token] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.contains("\"answered\""))
        .collect();
    assert_eq!(lines.len(), count, "{text}");
    let first: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
    let fields = &first["fields"];
    assert_eq!(fields["method"], "POST");
    assert_eq!(fields["route"], "/api/chats/{chat_id}/messages");
    assert_eq!(fields["status"], 201);
    assert_eq!(fields["user_id"], person.actor.user_id.to_string());
    assert!(fields["duration_ms"].as_f64().unwrap() > 0.0);
    assert_eq!(first["span"]["request_id"], "traced");
}

#[actix_web::test]
async fn one_address_has_only_so_many_connections() {
    let api = Api::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ServerLimits {
        workers: 1,
        max_connections_per_address: Some(2),
        shutdown_timeout: Duration::ZERO,
        ..ServerLimits::default()
    };
    let server = serve(api.state.clone(), listener, limits).unwrap();
    actix_web::rt::spawn(server);
    let ask = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(ask).await.unwrap();
        read_until(&mut stream, r#""ok""#).await;
        open.push(stream);
    }
    let mut third = TcpStream::connect(address).await.unwrap();
    // It may be gone before it is written to.
    let _ = third.write_all(ask).await;
    let mut rest = Vec::new();
    let ended = timeout(World::PATIENCE, third.read_to_end(&mut rest)).await;
    let _ = ended.expect("the connection is closed");
    assert!(rest.is_empty());
    for stream in &mut open {
        stream.write_all(ask).await.unwrap();
        read_until(stream, r#""ok""#).await;
    }
}
