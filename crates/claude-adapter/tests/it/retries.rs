//! Attempts and the waits between them.

use std::time::Duration;

use futures_util::StreamExt;
use lionrocket_claude_adapter::ClaudeModel;
use lionrocket_claude_sim::Simulator;
use lionrocket_ports::model::{LanguageModel, ModelError, ModelEvent};
use tokio::{net::TcpListener, time::Instant};

use crate::{
    stage::{BLOCK, END, PING, START, STREAM, Stage, Step, answer, text},
    support::{Outcome, model, read, request, settings},
};

/// The event that tells that the service is overloaded.
const OVERLOADED: &str = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n";

/// Asks the simulator with a scenario; tells the outcome and the number of attempts.
async fn play(scenario: &str) -> (Outcome, usize) {
    let simulator = Simulator::builder().start().await.unwrap();
    let question = format!("Hi [[sim:{scenario}]]");
    let outcome = read(&model(&simulator.base_url()), request(&[&question])).await;
    (outcome, simulator.requests().len())
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_then_goes_well() {
    for status in [408, 409, 500, 502, 503, 504, 529] {
        let (outcome, attempts) = play(&format!("error;status={status};times=2")).await;
        assert_eq!(outcome.finished().0, "end_turn", "{status}");
        assert_eq!((attempts, outcome.waits().len()), (3, 2), "{status}");
        assert!(matches!(outcome.events[2], ModelEvent::Started { .. }));
    }
}

#[tokio::test]
async fn attempts_end_after_two_repetitions() {
    let (outcome, attempts) = play("error;status=529").await;
    assert_eq!((outcome.code(), attempts), ("upstream_overloaded", 3));
    assert_eq!(outcome.waits().len(), 2);
    assert!(!outcome.has_started());
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for (status, code) in [
        (400, "upstream_invalid"),
        (401, "upstream_rejected"),
        (402, "upstream_rejected"),
        (403, "upstream_rejected"),
        (404, "upstream_invalid"),
        (413, "upstream_invalid"),
        (422, "upstream_invalid"),
        (429, "upstream_rate_limited"),
    ] {
        let (outcome, attempts) = play(&format!("error;status={status}")).await;
        assert_eq!((outcome.code(), attempts), (code, 1), "{status}");
    }
}

#[tokio::test]
async fn the_answer_of_a_proxy_counts_by_its_status() {
    for body in ["html", "empty"] {
        let (outcome, attempts) = play(&format!("error;status=413;body={body}")).await;
        assert_eq!(
            (outcome.code(), attempts),
            ("upstream_invalid", 1),
            "{body}"
        );
        let (outcome, attempts) = play(&format!("error;status=502;body={body}")).await;
        assert_eq!((outcome.code(), attempts), ("upstream_failed", 3), "{body}");
    }
}

#[tokio::test]
async fn upstreams_wish_for_a_wait_is_granted() {
    let before = Instant::now();
    let (outcome, attempts) =
        play("error;status=429;retry-after-ms=70;retry-after=9;times=1").await;
    assert_eq!((outcome.code(), attempts), ("completed", 2));
    assert_eq!(outcome.waits(), [Duration::from_millis(70)]);
    assert!(before.elapsed() >= Duration::from_millis(70));
}

#[tokio::test]
async fn a_wish_for_a_long_wait_is_passed_on_at_once() {
    let (outcome, attempts) = play("error;status=429;retry-after=31").await;
    assert_eq!((outcome.waits().len(), attempts), (0, 1));
    assert!(matches!(
        outcome.error,
        Some(ModelError::RateLimited { retry_after: Some(wait) }) if wait == Duration::from_secs(31)
    ));
    let (outcome, attempts) = play("error;status=529;retry-after=3600").await;
    assert_eq!(attempts, 1);
    assert!(matches!(
        outcome.error,
        Some(ModelError::Overloaded { retry_after: Some(wait) }) if wait == Duration::from_hours(1)
    ));
}

#[tokio::test]
async fn a_wish_for_half_a_minute_is_granted() {
    let mut stage = Stage::start(vec![answer(429, "retry-after: 30\r\n", "")]).await;
    let mut reply = model(&stage.url).stream(request(&["Hi"])).await;
    let first = reply.next().await.unwrap().unwrap();
    assert_eq!(first, ModelEvent::Retrying(Duration::from_secs(30)));
    assert_eq!(stage.requests(), 1);
}

#[tokio::test]
async fn a_spend_cap_is_final() {
    for code in [
        "enforced_spend_limit_reached",
        "contract_spend_limit_reached",
    ] {
        let (outcome, attempts) = play(&format!("error;status=429;code={code}")).await;
        assert_eq!(attempts, 1);
        assert!(matches!(
            outcome.error,
            Some(ModelError::RateLimited { retry_after: None })
        ));
    }
}

#[tokio::test]
async fn upstream_decides_whether_to_try_again() {
    let (outcome, attempts) = play("error;status=529;should-retry=false").await;
    assert_eq!((outcome.code(), attempts), ("upstream_overloaded", 1));
    let (outcome, attempts) = play("error;status=400;should-retry=true;times=1").await;
    assert_eq!((outcome.code(), attempts), ("completed", 2));
}

#[tokio::test]
async fn our_own_waits_grow_and_have_a_cap() {
    let (outcome, _) = play("error;status=500").await;
    for (wait, longest_us) in outcome.waits().iter().zip([1_000, 2_000]) {
        let longest = Duration::from_micros(longest_us);
        assert!(*wait <= longest && *wait >= longest * 3 / 4, "{wait:?}");
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let outcome = read(&model(&url), request(&["Hi"])).await;
    assert_eq!(
        (outcome.code(), outcome.waits().len()),
        ("upstream_failed", 2)
    );
}

#[tokio::test]
async fn what_breaks_before_it_costs_is_tried_again() {
    let whole = [STREAM, START, BLOCK, &text("Hi."), END].concat();
    let mut stage = Stage::start(vec![
        // Nothing at all, a stream without a reply, an error in place of one.
        vec![],
        vec![Step::Send([STREAM, PING].concat())],
        vec![Step::Send([STREAM, PING, OVERLOADED].concat())],
        vec![Step::Send(whole)],
    ])
    .await;
    let mut settings = settings(&stage.url);
    settings.retries.max = 3;
    let outcome = read(&ClaudeModel::new(settings).unwrap(), request(&["Hi"])).await;
    assert_eq!((outcome.text().as_str(), outcome.waits().len()), ("Hi.", 3));
    assert_eq!(stage.requests(), 4);
}

#[tokio::test]
async fn an_attempt_that_had_begun_but_said_nothing_is_repeated_and_told_by_itself() {
    for broken in [&[STREAM, START, OVERLOADED][..], &[STREAM, START, BLOCK]] {
        let first = broken.concat().replace("req_01STAGE", "req_01FIRST");
        let whole = [STREAM, START, BLOCK, &text("Hi."), END].concat();
        let mut stage = Stage::start(vec![vec![Step::Send(first)], vec![Step::Send(whole)]]).await;
        let outcome = read(&model(&stage.url), request(&["Hi"])).await;
        assert_eq!((outcome.code(), stage.requests()), ("completed", 2));
        let told: Vec<&str> = outcome
            .events
            .iter()
            .map(|event| match event {
                ModelEvent::Started { request_id, .. } => request_id.as_deref().unwrap(),
                ModelEvent::Retrying(_) => "again",
                ModelEvent::Text(_) => "text",
                ModelEvent::Finished { .. } => "end",
            })
            .collect();
        let expected = ["req_01FIRST", "again", "req_01STAGE", "text", "end"];
        assert_eq!(told, expected);
    }
}

#[tokio::test]
async fn an_attempt_that_has_said_something_is_not_repeated() {
    let broken = [STREAM, START, BLOCK, &text("Hi"), OVERLOADED].concat();
    let mut stage = Stage::start(vec![vec![Step::Send(broken)], answer(500, "", "")]).await;
    let outcome = read(&model(&stage.url), request(&["Hi"])).await;
    assert_eq!(
        (outcome.code(), outcome.text().as_str(), stage.requests()),
        ("upstream_overloaded", "Hi", 1)
    );
}

#[tokio::test]
async fn a_service_that_is_down_is_left_alone_for_a_while() {
    let mut stage = Stage::start(vec![answer(529, "", ""); 5]).await;
    let mut settings = settings(&stage.url);
    settings.breaker.limit = 4;
    settings.breaker.rest = Duration::from_hours(1);
    let model = ClaudeModel::new(settings).unwrap();
    let first = read(&model, request(&["Hi"])).await;
    assert_eq!((first.waits().len(), stage.requests()), (2, 3));
    // The fourth failure is enough: what would follow is not sent.
    let second = read(&model, request(&["Hi"])).await;
    assert_eq!((second.waits().len(), stage.requests()), (1, 1));
    let third = read(&model, request(&["Hi"])).await;
    assert_eq!((third.events.len(), stage.requests()), (0, 0));
    assert!(matches!(
        third.error,
        Some(ModelError::Overloaded { retry_after: Some(wait) }) if wait > Duration::from_mins(50)
    ));
}

#[tokio::test]
async fn a_service_that_comes_back_is_asked_again() {
    let whole = [STREAM, START, BLOCK, &text("Hi."), END].concat();
    let mut answers = vec![answer(529, "", ""); 2];
    answers.push(vec![Step::Send(whole)]);
    let mut stage = Stage::start(answers).await;
    let mut settings = settings(&stage.url);
    settings.breaker.limit = 2;
    settings.breaker.rest = Duration::from_millis(30);
    // No attempt of the first reply may be the probe, however slow the machine is.
    settings.retries.max = 1;
    let rest = settings.breaker.rest;
    let model = ClaudeModel::new(settings).unwrap();
    let down = read(&model, request(&["Hi"])).await;
    assert_eq!(down.code(), "upstream_overloaded");
    tokio::time::sleep(rest).await;
    let up = read(&model, request(&["Hi"])).await;
    assert_eq!((up.code(), stage.requests()), ("completed", 3));
}

#[tokio::test]
async fn an_error_in_place_of_a_reply_that_will_not_pass_is_final() {
    let invalid = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"\"}}\n\n";
    let mut stage = Stage::start(vec![
        vec![Step::Send([STREAM, invalid].concat())],
        answer(500, "", ""),
    ])
    .await;
    let outcome = read(&model(&stage.url), request(&["Hi"])).await;
    assert_eq!((outcome.code(), stage.requests()), ("upstream_invalid", 1));
}

#[tokio::test]
async fn no_attempt_is_made_that_would_come_too_late() {
    let mut stage = Stage::start(vec![answer(529, "retry-after: 15\r\n", "")]).await;
    let mut settings = settings(&stage.url);
    settings.timeouts.total = Duration::from_secs(15);
    let outcome = read(&ClaudeModel::new(settings).unwrap(), request(&["Hi"])).await;
    assert_eq!(
        (outcome.code(), outcome.events.len()),
        ("upstream_overloaded", 0)
    );
    assert_eq!(stage.requests(), 1);
}
