//! Silence, and replies that take too long.

use std::time::Duration;

use futures_util::StreamExt;
use lionrocket_claude_adapter::{ClaudeModel, Timeouts};
use lionrocket_ports::model::{LanguageModel, ModelEvent};

use crate::{
    stage::{BLOCK, END, PING, START, STREAM, Stage, Step, text},
    support::{Outcome, read, request, settings},
};

/// Short for a test, but long enough for a busy machine to send a request.
const SHORT: Duration = Duration::from_millis(300);

async fn play(steps: Vec<Step>, attempts: usize, timeouts: Timeouts) -> Outcome {
    let mut stage = Stage::start(vec![steps; attempts]).await;
    let mut settings = settings(&stage.url);
    settings.timeouts = timeouts;
    let outcome = read(&ClaudeModel::new(settings).unwrap(), request(&["Hi"])).await;
    assert_eq!(stage.requests(), attempts);
    outcome
}

fn send(parts: &[&str]) -> Step {
    Step::Send(parts.concat())
}

#[tokio::test]
async fn a_service_that_does_not_answer_is_tried_again() {
    let timeouts = Timeouts {
        first_event: SHORT,
        ..Timeouts::default()
    };
    let outcome = play(vec![Step::Stay], 3, timeouts).await;
    assert_eq!(
        (outcome.code(), outcome.waits().len()),
        ("upstream_timeout", 2)
    );
}

#[tokio::test]
async fn a_service_that_does_not_answer_until_time_is_up_is_not_tried_again() {
    let timeouts = Timeouts {
        total: SHORT,
        ..Timeouts::default()
    };
    let outcome = play(vec![Step::Stay], 1, timeouts).await;
    assert_eq!(
        (outcome.code(), outcome.events.len()),
        ("upstream_timeout", 0)
    );
}

#[tokio::test]
async fn a_request_that_was_taken_is_not_repeated_when_its_first_event_stays_away() {
    let timeouts = Timeouts {
        first_event: SHORT,
        ..Timeouts::default()
    };
    let outcome = play(vec![send(&[STREAM]), Step::Stay], 1, timeouts).await;
    assert_eq!(
        (outcome.code(), outcome.events.len()),
        ("upstream_timeout", 0)
    );
}

#[tokio::test]
async fn silence_in_the_middle_ends_the_reply() {
    let timeouts = Timeouts {
        between_events: SHORT,
        ..Timeouts::default()
    };
    let steps = vec![send(&[STREAM, START, BLOCK, &text("Hm")]), Step::Stay];
    let outcome = play(steps, 1, timeouts).await;
    assert_eq!(
        (outcome.code(), outcome.text().as_str()),
        ("upstream_timeout", "Hm")
    );
}

#[tokio::test]
async fn bytes_that_make_no_event_are_silence() {
    let timeouts = Timeouts {
        between_events: SHORT,
        ..Timeouts::default()
    };
    let mut steps = vec![send(&[STREAM, START])];
    for _ in 0..1_000 {
        steps.extend([send(&[": still here\n"]), Step::Pause(SHORT / 6)]);
    }
    assert_eq!(play(steps, 1, timeouts).await.code(), "upstream_timeout");
}

#[tokio::test]
async fn pings_keep_a_reply_alive() {
    let timeouts = Timeouts {
        first_event: Duration::from_secs(1),
        between_events: Duration::from_secs(1),
        ..Timeouts::default()
    };
    let mut steps = vec![send(&[STREAM])];
    for _ in 0..8 {
        steps.extend([send(&[PING]), Step::Pause(Duration::from_millis(180))]);
    }
    steps.push(send(&[START, BLOCK, &text("Hi."), END]));
    assert_eq!(play(steps, 1, timeouts).await.code(), "completed");
}

#[tokio::test]
async fn a_reply_that_goes_on_forever_is_ended() {
    let timeouts = Timeouts {
        total: SHORT,
        ..Timeouts::default()
    };
    let mut steps = vec![send(&[STREAM, START, BLOCK])];
    for _ in 0..1_000 {
        steps.extend([
            send(&[&text("on ")]),
            Step::Pause(Duration::from_millis(20)),
        ]);
    }
    let outcome = play(steps, 1, timeouts).await;
    assert_eq!(outcome.code(), "upstream_timeout");
    assert!(outcome.text().len() > 3);
}

#[tokio::test]
async fn the_time_a_slow_reader_takes_is_not_silence() {
    let steps = vec![
        send(&[STREAM, START, BLOCK, &text("a")]),
        Step::Pause(SHORT * 2),
        send(&[&text("b"), END]),
    ];
    let stage = Stage::start(vec![steps]).await;
    let mut settings = settings(&stage.url);
    settings.timeouts.between_events = SHORT;
    let model = ClaudeModel::new(settings).unwrap();
    let mut stream = model.stream(request(&["Hi"])).await;
    let a = ModelEvent::Text("a".to_owned());
    while stream.next().await.unwrap().unwrap() != a {}
    // Work of the reader's own, for longer than upstream may be silent.
    tokio::time::sleep(SHORT * 3).await;
    let b = ModelEvent::Text("b".to_owned());
    assert_eq!(stream.next().await.unwrap().unwrap(), b);
}
