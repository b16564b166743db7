use std::time::{Duration, Instant};

use lionrocket_claude_sim::Simulator;
use lionrocket_claude_wire::{ContentBlock, Delta, ErrorType, StreamEvent};
use serde_json::Value;

use crate::support::{Ending, Sim, body, send};

#[tokio::test]
async fn every_documented_status_can_be_had_with_its_type() {
    let sim = Sim::start().await;
    for (status, kind) in [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (409, "conflict_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ] {
        let reply = sim
            .ask_under(&format!("error;status={status}"), &body("hi"))
            .await;
        assert_eq!(reply.status, status);
        assert_eq!(reply.error().error.kind.as_str(), kind);
    }
    assert_eq!(sim.simulator.bill().total.charges, 0);
}

#[tokio::test]
async fn errors_carry_the_headers_and_the_code_that_were_asked_for() {
    let sim = Sim::start().await;
    let reply = sim
        .ask_under(
            "error;status=429;retry-after=3;retry-after-ms=2500;should-retry=false",
            &body("hi"),
        )
        .await;
    assert_eq!(reply.header("retry-after"), "3");
    assert_eq!(reply.header("retry-after-ms"), "2500");
    assert_eq!(reply.header("x-should-retry"), "false");
    let capped = sim
        .ask_under(
            "error;status=429;code=enforced_spend_limit_reached",
            &body("hi"),
        )
        .await;
    assert_eq!(capped.header("retry-after"), "");
    assert_eq!(
        capped.error().error.code(),
        Some("enforced_spend_limit_reached")
    );
}

#[tokio::test]
async fn a_proxy_answers_without_json() {
    let sim = Sim::start().await;
    for status in [413, 502] {
        let reply = sim
            .ask_under(&format!("error;status={status};body=html"), &body("hi"))
            .await;
        assert_eq!(reply.status, status);
        assert!(reply.text.starts_with("<html>"));
    }
    let empty = sim
        .ask_under("error;status=502;body=empty", &body("hi"))
        .await;
    assert_eq!((empty.status, empty.text.as_str()), (502, ""));
}

#[tokio::test]
async fn an_error_can_go_away_after_some_times_for_each_run() {
    let sim = Sim::start().await;
    for run in ["a", "b"] {
        let mut seen = Vec::new();
        for _ in 0..4 {
            let request = sim
                .post("/v1/messages", &body("hi"))
                .header("x-sim-run", run);
            seen.push(
                send(request.header("x-sim-scenario", "error;status=529;times=2"))
                    .await
                    .status,
            );
        }
        assert_eq!(seen, [529, 529, 200, 200]);
    }
    let in_text = body("hi [[sim:error;status=500;times=1;run=c]]");
    assert_eq!(sim.ask(&in_text).await.status, 500);
    assert_eq!(sim.ask(&in_text).await.status, 200);
    assert_eq!(sim.simulator.bill().charges[0].run.as_deref(), Some("a"));
}

#[tokio::test]
async fn the_header_wins_over_the_text_and_only_the_last_user_text_counts() {
    let sim = Sim::start().await;
    let triggered = body("[[sim:error;status=500]]");
    assert_eq!(sim.ask(&triggered).await.status, 500);
    assert_eq!(
        sim.ask_under("error;status=529", &triggered).await.status,
        529
    );
    let later = serde_json::json!({"messages": [
        {"role": "user", "content": "[[sim:error;status=500]]"},
        {"role": "assistant", "content": "[[sim:error;status=500]]"},
        {"role": "user", "content": "hi"},
    ]});
    assert_eq!(
        sim.ask(&crate::support::with(body(""), later)).await.status,
        200
    );
}

#[tokio::test]
async fn unknown_scenarios_are_explained() {
    let sim = Sim::start().await;
    sim.ask_under("storm", &body("hi"))
        .await
        .assert_invalid("unknown scenario 'storm'");
    sim.ask(&body("[[sim:storm]]"))
        .await
        .assert_invalid("unknown scenario 'storm'");
    sim.ask_under("stall;until=dawn", &body("hi"))
        .await
        .assert_invalid("until");
}

#[tokio::test]
async fn a_scenario_never_hides_a_mistake() {
    let sim = Sim::start().await;
    sim.ask_under("error;status=529", &body(""))
        .await
        .assert_invalid("non-empty");
}

#[tokio::test]
async fn triggers_can_be_switched_off() {
    let sim = Sim::build(Simulator::builder().triggers(false)).await;
    assert_eq!(
        sim.ask_under("error;status=500", &body("[[sim:storm]]"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn errors_by_header_work_on_the_other_paths_too() {
    let sim = Sim::start().await;
    let scenario = ("x-sim-scenario", "error;status=529");
    for request in [
        sim.get("/v1/models"),
        sim.get("/v1/models/claude-haiku-5-5"),
    ] {
        assert_eq!(
            send(request.header(scenario.0, scenario.1)).await.status,
            529
        );
    }
}

#[tokio::test]
async fn an_error_event_replaces_the_rest() {
    let sim = Sim::start().await;
    let stream = sim
        .stream_under("midstream-error;after=3", body("hi"))
        .await;
    assert_eq!((stream.deltas(), &stream.ending), (3, &Ending::Clean));
    assert!(
        matches!(stream.events.last(), Some(StreamEvent::Error { error, .. }) if error.kind == ErrorType::Overloaded)
    );
    let other = sim
        .stream_under("midstream-error;type=api_error;after=0", body("hi"))
        .await;
    assert!(
        matches!(other.events.last(), Some(StreamEvent::Error { error, .. }) if error.kind == ErrorType::Api)
    );
    assert_eq!(other.deltas(), 0);
    assert_eq!(
        sim.ask_under("midstream-error", &body("hi")).await.status,
        529
    );
}

#[tokio::test]
async fn a_cut_connection_delivers_what_came_before() {
    let sim = Sim::start().await;
    for after in [0, 3] {
        let stream = sim
            .stream_under(&format!("disconnect;after={after}"), body("hi"))
            .await;
        assert_eq!((stream.deltas(), &stream.ending), (after, &Ending::Cut));
    }
    let plain = sim
        .post("/v1/messages", &body("hi"))
        .header("x-sim-scenario", "disconnect");
    assert!(plain.send().await.unwrap().text().await.is_err());
}

#[tokio::test]
async fn a_truncated_stream_ends_cleanly_without_message_stop() {
    let sim = Sim::start().await;
    let stream = sim.stream_under("truncate;after=3", body("hi")).await;
    assert_eq!((stream.deltas(), &stream.ending), (3, &Ending::Clean));
    assert!(!stream.finished());
    let plain = sim.ask_under("truncate", &body("hi")).await;
    assert!(serde_json::from_str::<Value>(&plain.text).is_err());
}

#[tokio::test]
async fn a_malformed_event_stands_among_good_ones() {
    let sim = Sim::start().await;
    let stream = sim.stream_under("malformed;after=3", body("hi")).await;
    let broken: Vec<_> = stream
        .names
        .iter()
        .filter(|(_, decoded)| !decoded)
        .collect();
    assert_eq!(broken.len(), 1);
    assert!(stream.finished());
    let plain = sim.ask_under("malformed", &body("hi")).await;
    assert!(serde_json::from_str::<Value>(&plain.text).is_err());
}

#[tokio::test]
async fn a_fault_that_is_due_after_the_last_delta_comes_there() {
    let sim = Sim::start().await;
    let whole = sim.stream(body("hi")).await;
    let stream = sim.stream_under("truncate;after=10000", body("hi")).await;
    assert_eq!(stream.text(), whole.text());
    assert!(!stream.finished());
}

#[tokio::test]
async fn a_stall_and_a_slow_answer_take_their_time_and_end_well() {
    let sim = Sim::start().await;
    for scenario in ["stall;ms=120;after=1", "slow;ttft-ms=120", "slow;itl-ms=30"] {
        let begin = Instant::now();
        let stream = sim.stream_under(scenario, body("hi")).await;
        assert!(begin.elapsed() >= Duration::from_millis(120), "{scenario}");
        assert!(stream.finished());
        let begin = Instant::now();
        assert_eq!(sim.ask_under(scenario, &body("hi")).await.status, 200);
        assert!(begin.elapsed() >= Duration::from_millis(120), "{scenario}");
    }
}

#[tokio::test]
async fn unknown_events_and_deltas_change_nothing_else() {
    let sim = Sim::start().await;
    let stream = sim.stream_under("unknown-event", body("hi")).await;
    let unknown = stream
        .events
        .iter()
        .filter(|event| **event == StreamEvent::Unknown)
        .count();
    let unknown_deltas = stream.events.iter().filter(|event| {
        matches!(
            event,
            StreamEvent::ContentBlockDelta {
                delta: Delta::Unknown,
                ..
            }
        )
    });
    assert_eq!((unknown, unknown_deltas.count()), (1, 1));
    assert!(stream.finished());
    assert_eq!(stream.text(), sim.stream(body("hi")).await.text());
    let plain = sim.ask_under("unknown-event", &body("hi")).await.message();
    assert!(plain.content.contains(&ContentBlock::Unknown));
}

#[tokio::test]
async fn thinking_can_come_first_even_where_it_is_off() {
    let sim = Sim::start().await;
    let stream = sim.stream_under("thinking", body("hi")).await;
    let first = stream.events.iter().find_map(|event| match event {
        StreamEvent::ContentBlockStart { content_block, .. } => Some(content_block.clone()),
        _ => None,
    });
    assert!(matches!(first, Some(ContentBlock::Thinking { .. })));
    let plain = sim.ask_under("thinking", &body("hi")).await.message();
    assert!(matches!(plain.content[0], ContentBlock::Thinking { .. }));
    assert_eq!(plain.text(), stream.text());
}

#[tokio::test]
async fn refusals_come_before_or_after_some_output() {
    let sim = Sim::start().await;
    let early = sim.stream_under("refusal", body("hi")).await;
    assert_eq!(early.text(), "");
    let late = sim
        .stream_under("refusal;after=3;category=cyber", body("hi"))
        .await;
    assert_eq!(late.deltas(), 3);
    for (stream, category) in [(&early, "general_harms"), (&late, "cyber")] {
        let end = stream.end();
        assert_eq!(end.stop_reason.unwrap().as_str(), "refusal");
        assert_eq!(
            end.stop_details.unwrap().category.unwrap().as_str(),
            category
        );
        assert!(stream.finished());
    }
    let bill = sim.settled_bill().await;
    assert!(!bill.charges[0].billed && bill.charges[0].cost_nano_usd == 0);
    assert!(bill.charges[1].billed && bill.charges[1].cost_nano_usd > 0);
    assert_eq!(
        sim.ask_under("refusal", &body("hi"))
            .await
            .message()
            .content,
        []
    );
}

#[tokio::test]
async fn the_limit_can_be_reached_early() {
    let sim = Sim::start().await;
    let stream = sim.stream_under("max-tokens;after=3", body("hi")).await;
    assert_eq!(stream.deltas(), 3);
    assert_eq!(stream.end().stop_reason.unwrap().as_str(), "max_tokens");
}
