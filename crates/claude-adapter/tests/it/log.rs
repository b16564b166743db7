//! What must never be logged.

use std::{
    error::Error,
    fmt::Write,
    io,
    sync::{Arc, Mutex, PoisonError},
};

use lionrocket_claude_adapter::{AuthHeader, ClaudeModel};
use tokio::net::TcpListener;
use tracing::subscriber::set_default;

use crate::{
    stage::{BLOCK, END, START, STREAM, Stage, Step, answer, text},
    support::{read, request, settings},
};

/// Appears in everything that must not be told: key, instructions, question, reply, upstream's words.
const CANARY: &str = "canary7f3a";

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An error with all its causes, in words and as a debugger shows it.
fn in_full(error: &dyn Error) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(cause) = next {
        write!(text, "\n{cause}").unwrap();
        next = cause.source();
    }
    text
}

fn answers() -> Vec<Vec<Step>> {
    let body = format!(
        r#"{{"type":"error","error":{{"type":"invalid {CANARY} error","message":"{CANARY}","details":{{"error_code":"said {CANARY}"}}}}}}"#
    );
    let event = |data: &str| [STREAM, START, "event: error\ndata: ", data, "\n\n"].concat();
    let odd = format!(
        r#"{{"type":"content_block_delta","index":"{CANARY}","delta":{{"type":"text_delta","text":"{CANARY}"}}}}"#
    );
    let stop = format!(
        r#"{{"type":"message_delta","delta":{{"stop_reason":"because of {CANARY}"}},"usage":{{"output_tokens":1}}}}"#
    );
    let stopped = [STREAM, START, "data: ", &stop, "\n\n", END].concat();
    vec![
        answer(400, &format!("request-id: req {CANARY}\r\n"), &body),
        answer(400, "request-id: req_01LOGGED\r\n", &body),
        answer(502, "", &format!("<html>{CANARY}</html>")),
        vec![Step::Send(event(&body))],
        vec![Step::Send(event(&format!("{{\"{CANARY}")))],
        vec![Step::Send([STREAM, START, "data: ", &odd, "\n\n"].concat())],
        vec![Step::Send([STREAM, START, BLOCK, &text(CANARY)].concat())],
        vec![Step::Send(stopped)],
        vec![Step::Send(
            [STREAM, START, BLOCK, &text(CANARY), END].concat(),
        )],
    ]
}

#[tokio::test]
async fn neither_the_log_nor_errors_tell_the_key_the_prompt_or_the_reply() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = set_default(subscriber);

    let mut told = String::new();
    for auth_header in [AuthHeader::ApiKey, AuthHeader::Bearer] {
        let stage = Stage::start(answers()).await;
        let mut settings = settings(&stage.url);
        settings.api_key = format!("sk-{CANARY}").into();
        settings.auth_header = auth_header;
        settings.retries.max = 0;
        write!(told, "{settings:?}").unwrap();
        let model = ClaudeModel::new(settings).unwrap();
        write!(told, "{model:?}").unwrap();
        for _ in answers() {
            let mut request = request(&[CANARY]);
            request.prompt.system[0].text = CANARY.to_owned();
            request.user_reference = CANARY.to_owned();
            if let Some(error) = read(&model, request).await.error {
                told.push_str(&in_full(&error));
            }
        }
    }
    let kept = logged.0.lock().unwrap_or_else(PoisonError::into_inner);
    let log = String::from_utf8_lossy(&kept);
    assert!(!told.contains(CANARY), "{told}");
    let leaks: Vec<&str> = log.lines().filter(|line| line.contains(CANARY)).collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    // What an operator needs is there.
    assert!(log.contains("req_01LOGGED"), "{log}");
    assert!(log.contains("req_01STAGE"));
    assert!(log.contains("upstream answered 502 (api_error, code none, request none)"));
}

#[tokio::test]
async fn an_error_of_the_connection_does_not_tell_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    // The path of a gateway may be what lets us in.
    let mut settings = settings(&format!("http://{address}/{CANARY}"));
    settings.retries.max = 0;
    let outcome = read(&ClaudeModel::new(settings).unwrap(), request(&["Hi"])).await;
    let told = in_full(&outcome.error.unwrap());
    assert!(told.contains("the connection to upstream failed"), "{told}");
    assert!(!told.contains(CANARY), "{told}");
}
