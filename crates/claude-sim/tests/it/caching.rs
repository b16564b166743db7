use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use lionrocket_claude_sim::{ManualClock, Simulator};
use serde_json::{Value, json};

use crate::support::{HAIKU, Sim, body, send, with};

/// Input counts of an answer: uncached, written, read.
type Counts = (u64, u64, u64);

async fn counts(sim: &Sim, body: &Value) -> Counts {
    let usage = sim.ask(body).await.message().usage;
    let counts = (
        usage.input_tokens.unwrap(),
        usage.cache_creation_input_tokens.unwrap(),
        usage.cache_read_input_tokens.unwrap(),
    );
    let total = counts.0 + counts.1 + counts.2;
    assert_eq!(usage.total_input_tokens(), Some(total));
    let bare = with(body.clone(), json!({"max_tokens": null}));
    assert_eq!(
        sim.count(&bare).await,
        total,
        "count_tokens agrees with the usage"
    );
    counts
}

/// A system block of so many tokens on the newest tokenizer.
fn card(tokens: usize, control: Value) -> Value {
    let mut block = json!({"type": "text", "text": "가".repeat(tokens)});
    block["cache_control"] = control;
    json!([block])
}

fn five() -> Value {
    json!({"type": "ephemeral"})
}

fn hour() -> Value {
    json!({"type": "ephemeral", "ttl": "1h"})
}

fn carded(tokens: usize, control: Value) -> Value {
    with(body("hi"), json!({"system": card(tokens, control)}))
}

#[tokio::test]
async fn a_marked_prefix_is_written_once_and_then_read() {
    let sim = Sim::start().await;
    let first = counts(&sim, &carded(600, five())).await;
    assert_eq!((first.1, first.2), (600, 0));
    let second = counts(&sim, &carded(600, five())).await;
    assert_eq!(second, (first.0, 0, 600));
}

#[tokio::test]
async fn a_prefix_below_the_minimum_of_the_model_is_never_cached() {
    let sim = Sim::start().await;
    for (model, minimum) in [
        (HAIKU, 512),
        ("claude-opus-4-8", 1_024),
        ("claude-opus-4-7", 2_048),
    ] {
        let on = |tokens| with(carded(tokens, five()), json!({ "model": model }));
        for _ in 0..2 {
            let (_, written, read) = counts(&sim, &on(minimum - 1)).await;
            assert_eq!((written, read), (0, 0), "{model}");
        }
        assert_eq!(
            counts(&sim, &on(minimum)).await.1,
            minimum as u64,
            "{model}"
        );
    }
}

#[tokio::test]
async fn entries_expire_by_their_lifetime_and_reads_renew_them() {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let sim = Sim::build(Simulator::builder().clock(clock.clone())).await;
    for (control, minutes) in [(five(), 5), (hour(), 60)] {
        let ask = carded(600, control);
        assert_eq!(counts(&sim, &ask).await.1, 600);
        for _ in 0..3 {
            clock.advance(SignedDuration::from_mins(minutes) - SignedDuration::from_secs(1));
            assert_eq!(counts(&sim, &ask).await.2, 600, "a read renews the entry");
        }
        clock.advance(SignedDuration::from_mins(minutes));
        assert_eq!(
            counts(&sim, &ask).await.1,
            600,
            "an expired entry is written again"
        );
        clock.advance(SignedDuration::from_hours(2));
    }
}

#[tokio::test]
async fn writes_are_told_apart_by_lifetime() {
    let sim = Sim::start().await;
    let ask = with(
        carded(600, hour()),
        json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "나".repeat(100), "cache_control": five()}]}]}),
    );
    let creation = sim.ask(&ask).await.message().usage.cache_creation.unwrap();
    assert_eq!(creation.ephemeral_1h_input_tokens, 600);
    assert_eq!(creation.ephemeral_5m_input_tokens, 104);
}

#[tokio::test]
async fn automatic_caching_follows_a_growing_conversation() {
    let sim = Sim::start().await;
    let mut turns = vec![json!({"role": "user", "content": "안".repeat(600)})];
    let mut before = 0;
    for _ in 0..3 {
        let changes = json!({"messages": turns, "cache_control": five()});
        let (uncached, written, read) = counts(&sim, &with(body(""), changes.clone())).await;
        assert_eq!((uncached, read), (0, before));
        before += written;
        let reply = sim.ask(&with(body(""), changes)).await.message().text();
        turns.push(json!({"role": "assistant", "content": reply}));
        turns.push(json!({"role": "user", "content": "and then?"}));
    }
    assert!(before > 700);
}

#[tokio::test]
async fn a_string_and_a_single_text_block_are_the_same_prefix() {
    let sim = Sim::start().await;
    let text = "안".repeat(600);
    let as_string =
        json!({"messages": [{"role": "user", "content": text}], "cache_control": five()});
    let as_block = json!({"messages": [{"role": "user", "content": [{"type": "text", "text": text}]}], "cache_control": five()});
    counts(&sim, &with(body(""), as_string)).await;
    assert_eq!(counts(&sim, &with(body(""), as_block)).await.1, 0);
}

#[tokio::test]
async fn earlier_writes_are_found_up_to_twenty_blocks_back() {
    let sim = Sim::start().await;
    for (new_blocks, found) in [(20, true), (21, false)] {
        let head = json!({"type": "text", "text": format!("{new_blocks}{}", "머".repeat(600)), "cache_control": five()});
        let ask = |blocks: Vec<Value>| {
            with(
                body(""),
                json!({"messages": [{"role": "user", "content": blocks}]}),
            )
        };
        counts(&sim, &ask(vec![head.clone()])).await;
        let mut blocks = vec![with(head, json!({"cache_control": null}))];
        blocks.extend(
            (0..new_blocks).map(|at| json!({"type": "text", "text": format!("block {at}")})),
        );
        blocks.last_mut().unwrap()["cache_control"] = five();
        let (_, _, read) = counts(&sim, &ask(blocks)).await;
        assert_eq!(read > 0, found, "{new_blocks} new blocks");
    }
}

#[tokio::test]
async fn another_text_model_effort_thinking_or_key_finds_nothing() {
    let sim = Sim::start().await;
    counts(&sim, &carded(600, five())).await;
    for changes in [
        json!({"system": card(601, five())}),
        json!({"model": "claude-sonnet-5"}),
        json!({"output_config": {"effort": "low"}}),
        json!({"thinking": {"type": "adaptive"}}),
        json!({"tools": [{"name": "bell", "input_schema": {}}]}),
    ] {
        let (_, _, read) = counts(&sim, &with(carded(600, five()), changes.clone())).await;
        assert_eq!(read, 0, "{changes}");
    }
    let other = sim.client.post(sim.url("/v1/messages"));
    let other = other
        .header("x-api-key", "key-two")
        .header("anthropic-version", "2026-10-21");
    let usage = send(other.json(&carded(600, five()))).await.message().usage;
    assert_eq!(usage.cache_read_input_tokens, Some(0));
}

#[tokio::test]
async fn an_entry_is_readable_once_the_first_answer_has_begun() {
    let sim = Sim::start().await;
    let request = sim.post(
        "/v1/messages",
        &with(carded(600, five()), json!({"stream": true})),
    );
    let mut slow = request
        .header("x-sim-scenario", "slow;itl-ms=200")
        .send()
        .await
        .unwrap();
    slow.chunk().await.unwrap().unwrap();
    assert_eq!(counts(&sim, &carded(600, five())).await.2, 600);
}

#[tokio::test]
async fn a_request_that_fails_writes_nothing() {
    let sim = Sim::start().await;
    sim.ask_under("error;status=529", &carded(600, five()))
        .await;
    assert_eq!(counts(&sim, &carded(600, five())).await.1, 600);
}

#[tokio::test]
async fn a_warm_up_fills_the_cache() {
    let sim = Sim::start().await;
    sim.ask(&with(carded(600, five()), json!({"max_tokens": 0})))
        .await;
    assert_eq!(counts(&sim, &carded(600, five())).await.2, 600);
}
