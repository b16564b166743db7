//! Every way in which a reply can end.

use lionrocket_claude_sim::Simulator;
use lionrocket_ports::model::{ModelError, ModelEvent};

use crate::{
    stage::{BLOCK, END, PING, START, STREAM, Stage, Step, answer, text},
    support::{Outcome, model, read, request},
};

/// Asks the simulator with a scenario.
async fn play(scenario: &str) -> Outcome {
    let simulator = Simulator::builder().start().await.unwrap();
    let question = format!("등대 이야기를 들려줘 {scenario}");
    let outcome = read(&model(&simulator.base_url()), request(&[&question])).await;
    assert_eq!(simulator.requests().len(), 1, "{scenario}: asked once only");
    outcome
}

/// Lets a server send bytes after the head of a stream, then hang up.
async fn send(stream: &str) -> Outcome {
    let mut stage = Stage::start(vec![vec![Step::Send(format!("{STREAM}{stream}"))]]).await;
    let outcome = read(&model(&stage.url), request(&["Hi"])).await;
    assert_eq!(stage.requests(), 1);
    outcome
}

#[tokio::test]
async fn a_reply_comes_as_it_is_written() {
    let outcome = play("").await;
    assert!(matches!(
        &outcome.events[0],
        ModelEvent::Started { model, tokens, .. } if model == "claude-haiku-5-5" && tokens.input > 0
    ));
    let texts = outcome.events.len() - 2;
    assert!(texts > 2, "{texts} pieces");
    let (stop_reason, tokens) = outcome.finished();
    assert_eq!(stop_reason, "end_turn");
    assert!(tokens.output > 2);
}

#[tokio::test]
async fn an_error_in_the_middle_keeps_the_text_and_is_not_repeated() {
    for (kind, code) in [
        ("overloaded_error", "upstream_overloaded"),
        ("api_error", "upstream_failed"),
        ("rate_limit_error", "upstream_rate_limited"),
        ("timeout_error", "upstream_timeout"),
        ("authentication_error", "upstream_rejected"),
        ("invalid_request_error", "upstream_invalid"),
        ("novel_error", "upstream_failed"),
    ] {
        let outcome = play(&format!("[[sim:midstream-error;type={kind};after=2]]")).await;
        assert_eq!(outcome.code(), code, "{kind}");
        assert!(!outcome.text().is_empty());
        assert!(outcome.waits().is_empty());
    }
}

#[tokio::test]
async fn a_dropped_connection_interrupts_the_reply() {
    let outcome = play("[[sim:disconnect;after=2]]").await;
    assert!(matches!(outcome.error, Some(ModelError::Interrupted)));
    assert!(!outcome.text().is_empty());
}

#[tokio::test]
async fn an_end_without_message_stop_interrupts_the_reply() {
    let outcome = play("[[sim:truncate;after=2]]").await;
    assert!(matches!(outcome.error, Some(ModelError::Interrupted)));
    assert!(!outcome.text().is_empty());

    // The very last byte is missing: the event has no end, and so the reply has none.
    let whole = [START, BLOCK, &text("Hi."), END].concat();
    let outcome = send(&whole[..whole.len() - 1]).await;
    assert!(matches!(outcome.error, Some(ModelError::Interrupted)));
    assert_eq!(send(&whole).await.code(), "completed");
}

#[tokio::test]
async fn data_that_cannot_be_read_is_a_failure() {
    let outcome = play("[[sim:malformed;after=2]]").await;
    assert_eq!(outcome.code(), "upstream_failed");
    assert!(!outcome.text().is_empty());
}

#[tokio::test]
async fn a_refusal_is_a_finished_reply() {
    let before = play("[[sim:refusal]]").await;
    assert_eq!(
        (before.finished().0, before.text().as_str()),
        ("refusal", "")
    );
    assert_eq!(before.finished().1.total(), 0, "it is not billed");

    let middle = play("[[sim:refusal;after=2]]").await;
    assert_eq!(middle.finished().0, "refusal");
    assert!(middle.finished().1.total() > 0);
}

#[tokio::test]
async fn a_reply_that_was_cut_for_its_length_says_so() {
    assert_eq!(play("[[sim:max-tokens]]").await.finished().0, "max_tokens");
}

#[tokio::test]
async fn unknown_events_and_thinking_are_ignored() {
    for scenario in ["[[sim:unknown-event]]", "[[sim:thinking]]"] {
        let outcome = play(scenario).await;
        assert_eq!(outcome.finished().0, "end_turn", "{scenario}");
        assert!(!outcome.text().contains("sim_"), "{scenario}");
    }
}

#[tokio::test]
async fn pings_are_welcome_anywhere() {
    let stream = [
        PING,
        START,
        PING,
        BLOCK,
        &text("H"),
        PING,
        &text("i."),
        END,
        PING,
    ]
    .concat();
    assert_eq!(send(&stream).await.text(), "Hi.");
}

#[tokio::test]
async fn nothing_after_the_end_is_looked_at() {
    let stream = [
        START,
        BLOCK,
        &text("Hi."),
        END,
        &text("More"),
        "data: {broken\n\n",
    ]
    .concat();
    let outcome = send(&stream).await;
    assert_eq!(
        (outcome.text().as_str(), outcome.code()),
        ("Hi.", "completed")
    );
}

#[tokio::test]
async fn a_stream_that_asks_for_too_much_memory_is_a_failure() {
    let line = format!("{START}data: {}", "x".repeat(64 * 1024 + 1));
    let event = format!(
        "{START}{}",
        format!("data: {}\n", "x".repeat(60_000)).repeat(5)
    );
    let whole = format!("{START}{}", text(&"가".repeat(10_000)).repeat(40));
    for (stream, what) in [(line, "line"), (event, "event"), (whole, "stream")] {
        let outcome = send(&stream).await;
        assert_eq!(outcome.code(), "upstream_failed", "{what}");
        assert!(outcome.has_started(), "{what}");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_stream_is_a_failure() {
    for headers in [
        "content-type: text/html\r\n",
        "content-type: application/json\r\n",
        "content-type: text/event-stream\r\ncontent-encoding: gzip\r\n",
        "",
    ] {
        let mut stage = Stage::start(vec![answer(200, headers, "{}")]).await;
        let outcome = read(&model(&stage.url), request(&["Hi"])).await;
        assert_eq!(
            (outcome.code(), outcome.events.len()),
            ("upstream_failed", 0)
        );
        assert_eq!(stage.requests(), 1);
    }
}
