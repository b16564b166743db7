use std::time::{Duration, Instant};

use lionrocket_claude_sim::Simulator;
use lionrocket_claude_wire::{ContentBlock, Delta, StreamEvent};
use serde_json::json;

use crate::support::{Ending, Sim, body, with};

/// Reduces a stream to its grammar: one letter an event.
fn grammar(events: &[StreamEvent]) -> String {
    let letter = |event: &StreamEvent| match event {
        StreamEvent::MessageStart { .. } => 'M',
        StreamEvent::ContentBlockStart {
            content_block: ContentBlock::Thinking { .. },
            ..
        } => 'T',
        StreamEvent::ContentBlockStart { .. } => 'B',
        StreamEvent::Ping => 'p',
        StreamEvent::ContentBlockDelta {
            delta: Delta::Text { .. },
            ..
        } => 'd',
        StreamEvent::ContentBlockDelta {
            delta: Delta::Thinking { .. },
            ..
        } => 't',
        StreamEvent::ContentBlockDelta {
            delta: Delta::Signature { .. },
            ..
        } => 's',
        StreamEvent::ContentBlockStop { .. } => 'b',
        StreamEvent::MessageDelta { .. } => 'm',
        StreamEvent::MessageStop => '.',
        StreamEvent::Error { .. } => '!',
        _ => '?',
    };
    let mut text: String = events.iter().map(letter).collect();
    while text.contains("dd") {
        text = text.replace("dd", "d");
    }
    text
}

#[tokio::test]
async fn a_stream_has_the_documented_order_with_a_ping() {
    let sim = Sim::start().await;
    let stream = sim.stream(body("hello")).await;
    assert_eq!(grammar(&stream.events), "MBpdbm.");
    assert_eq!(stream.ending, Ending::Clean);
    let start = stream.start();
    assert!(start.content.is_empty());
    assert_eq!(start.stop_reason, None);
    assert_eq!(start.usage.output_tokens, Some(1));
    assert_eq!(stream.end().stop_reason.unwrap().as_str(), "end_turn");
}

#[tokio::test]
async fn the_name_of_an_event_is_the_type_of_its_data() {
    let sim = Sim::start().await;
    let stream = sim.stream(body("hello")).await;
    for ((name, decoded), event) in stream.names.iter().zip(&stream.events) {
        assert!(decoded);
        assert_eq!(name, event.name());
    }
}

#[tokio::test]
async fn a_streamed_and_a_plain_answer_say_and_cost_the_same() {
    let sim = Sim::start().await;
    for text in ["tell me about boats", "배 이야기 들려줘"] {
        let plain = sim.ask(&body(text)).await.message();
        let stream = sim.stream(body(text)).await;
        assert_eq!(stream.text(), plain.text());
        assert_eq!(stream.usage().output_tokens, plain.usage.output_tokens);
        assert_eq!(stream.usage().input_tokens, plain.usage.input_tokens);
    }
}

#[tokio::test]
async fn a_thinking_model_thinks_first_and_hides_it_unless_asked() {
    let sim = Sim::start().await;
    let default = sim
        .stream(with(body("hi"), json!({"thinking": null})))
        .await;
    assert_eq!(grammar(&default.events), "MTpsbBdbm.");
    let shown = json!({"thinking": {"type": "adaptive", "display": "summarized"}});
    let shown = sim.stream(with(body("hi"), shown)).await;
    assert_eq!(grammar(&shown.events), "MTptsbBdbm.");
    let plain = sim
        .ask(&with(body("hi"), json!({"thinking": null})))
        .await
        .message();
    let thought = plain.usage.output_tokens_details.unwrap().thinking_tokens;
    let said = json!({"messages": [{"role": "user", "content": plain.text()}], "max_tokens": null});
    // A turn of its own costs four more.
    let said = sim.count(&with(body(""), said)).await - 4;
    assert!(thought > 0);
    assert_eq!(default.usage().output_tokens, Some(thought + said));
}

#[tokio::test]
async fn thinking_can_eat_up_max_tokens_before_any_text() {
    let sim = Sim::start().await;
    let stream = sim
        .stream(with(body("hi"), json!({"thinking": null, "max_tokens": 5})))
        .await;
    assert_eq!(grammar(&stream.events), "MTpsbm.");
    assert_eq!(stream.end().stop_reason.unwrap().as_str(), "max_tokens");
    assert_eq!(stream.usage().output_tokens, Some(5));
}

#[tokio::test]
async fn max_tokens_cuts_the_text() {
    let sim = Sim::start().await;
    let whole = sim.stream(body("hi")).await;
    let cut = sim.stream(with(body("hi"), json!({"max_tokens": 9}))).await;
    assert!(whole.text().starts_with(&cut.text()) && !cut.text().is_empty());
    assert_eq!(cut.end().stop_reason.unwrap().as_str(), "max_tokens");
    assert_eq!(cut.usage().output_tokens, Some(9));
}

#[tokio::test]
async fn a_stop_sequence_ends_the_text_and_is_named() {
    let sim = Sim::start().await;
    let whole = sim.stream(body("hi")).await.text();
    let word = whole.split(' ').nth(2).unwrap();
    let cut = sim
        .stream(with(body("hi"), json!({"stop_sequences": ["@@", word]})))
        .await;
    assert_eq!(cut.text(), whole.split_once(word).unwrap().0);
    assert_eq!(cut.end().stop_reason.unwrap().as_str(), "stop_sequence");
    assert_eq!(cut.end().stop_sequence.as_deref(), Some(word));
}

#[tokio::test]
async fn delays_are_kept_and_events_leave_one_by_one() {
    let builder = Simulator::builder()
        .first_token_delay(Duration::from_millis(80))
        .pace(Duration::from_millis(5));
    let sim = Sim::build(builder).await;
    let begin = Instant::now();
    let mut response = sim
        .post("/v1/messages", &with(body("hi"), json!({"stream": true})))
        .send()
        .await
        .unwrap();
    response.chunk().await.unwrap().unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(80));
    let mut chunks = 1;
    while response.chunk().await.unwrap().is_some() {
        chunks += 1;
    }
    assert!(chunks >= 4, "{chunks} chunks");
    assert!(begin.elapsed() >= Duration::from_millis(80 + 4 * 5));
}
