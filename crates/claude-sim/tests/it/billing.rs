use lionrocket_claude_sim::BillTotal;
use lionrocket_claude_wire::Usage;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{HAIKU, Sim, body, send, streamed, with};

/// The rest of the answer comes so late that nobody waits for it.
const SLOW: &str = "slow;itl-ms=3600000";

#[tokio::test]
async fn a_charge_tells_who_what_and_how_much() {
    let sim = Sim::start().await;
    let ask = with(body("hi"), json!({"metadata": {"user_id": "u_7"}}));
    let reply = send(sim.post("/v1/messages", &ask).header("x-sim-run", "r")).await;
    let message = reply.message();
    let bill = sim.simulator.bill();
    let [charge] = bill.charges.as_slice() else {
        panic!("one charge")
    };
    assert_eq!(charge.request_id, reply.header("request-id"));
    assert_eq!(charge.message_id, message.id);
    assert_eq!(charge.model, HAIKU);
    assert_eq!(Some(charge.input_tokens), message.usage.input_tokens);
    assert_eq!(Some(charge.output_tokens), message.usage.output_tokens);
    assert_eq!(
        charge.cost_nano_usd,
        charge.input_tokens * 100 + charge.output_tokens * 500
    );
    assert_eq!(charge.cost_micro_usd, (charge.cost_nano_usd + 500) / 1_000);
    assert!(charge.complete && !charge.open && charge.billed);
    assert_eq!(
        (charge.user_id.as_deref(), charge.run.as_deref()),
        (Some("u_7"), Some("r"))
    );
    let over_http = send(sim.get("/sim/bill")).await.json();
    assert_eq!(over_http, serde_json::to_value(&bill).unwrap());
}

#[tokio::test]
async fn each_kind_of_token_has_its_price() {
    let sim = Sim::start().await;
    let text = |length: usize, ttl: &str| json!({"type": "text", "text": "가".repeat(length), "cache_control": {"type": "ephemeral", "ttl": ttl}});
    let ask = with(
        body("hi"),
        json!({"system": [text(600, "1h"), text(200, "5m")]}),
    );
    sim.ask(&ask).await;
    sim.ask(&ask).await;
    let bill = sim.simulator.bill();
    let (first, second) = (&bill.charges[0], &bill.charges[1]);
    assert_eq!(
        (first.cache_write_1h_tokens, first.cache_write_5m_tokens),
        (600, 200)
    );
    assert_eq!(
        first.cost_nano_usd,
        first.input_tokens * 100 + 600 * 200 + 200 * 125 + first.output_tokens * 500
    );
    assert_eq!(second.cache_read_tokens, 800);
    assert_eq!(
        second.cost_nano_usd,
        second.input_tokens * 100 + 800 * 10 + second.output_tokens * 500
    );
}

#[tokio::test]
async fn a_long_prompt_makes_the_whole_haiku_request_dearer() {
    let sim = Sim::start().await;
    for (length, input, output) in [(99_996, 100, 500), (99_997, 500, 2_500)] {
        sim.ask(&body(&"가".repeat(length))).await;
        let bill = sim.simulator.bill();
        let charge = bill.charges.last().unwrap();
        assert_eq!(charge.input_tokens, length as u64 + 4);
        assert_eq!(
            charge.cost_nano_usd,
            charge.input_tokens * input + charge.output_tokens * output
        );
    }
}

#[tokio::test]
async fn being_served_in_one_country_costs_a_tenth_more() {
    let sim = Sim::start().await;
    sim.ask(&body("hi")).await;
    sim.ask(&with(body("hi"), json!({"inference_geo": "us"})))
        .await;
    let bill = sim.simulator.bill();
    assert_eq!(
        bill.charges[1].cost_nano_usd * 10,
        bill.charges[0].cost_nano_usd * 11
    );
}

#[tokio::test]
async fn a_lost_client_pays_for_what_was_generated() {
    let sim = Sim::start().await;
    let request = sim.post("/v1/messages", &streamed(body("hi")));
    let mut response = request.header("x-sim-scenario", SLOW).send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(String::from_utf8_lossy(&first).contains("text_delta"));
    let open = sim.simulator.bill().charges[0].clone();
    assert!(open.open && !open.complete && open.output_tokens > 0);
    drop(response);
    let charge = sim.settled_bill().await.charges[0].clone();
    assert!(!charge.complete);
    assert_eq!(charge.output_tokens, open.output_tokens);
    assert!(charge.cost_nano_usd > 0);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_begins_pays_nothing() {
    let sim = Sim::start().await;
    for stream in [false, true] {
        let ask = with(body("hi"), json!({ "stream": stream }));
        let request = sim
            .post("/v1/messages", &ask)
            .header("x-sim-scenario", "slow;ttft-ms=3600000");
        let request = request.timeout(std::time::Duration::from_millis(100));
        let outcome = match request.send().await {
            Ok(response) => response.bytes().await.map(|_| ()),
            Err(error) => Err(error),
        };
        assert!(outcome.unwrap_err().is_timeout());
    }
    assert_eq!(sim.simulator.bill().total.charges, 0);
}

#[tokio::test]
async fn a_failed_stream_is_charged_for_what_was_delivered() {
    let sim = Sim::start().await;
    for scenario in [
        "midstream-error;after=3",
        "disconnect;after=3",
        "truncate;after=3",
    ] {
        let stream = sim.stream_under(scenario, body("hi")).await;
        let bill = sim.settled_bill().await;
        let charge = bill.charges.last().unwrap();
        assert!(!charge.complete, "{scenario}");
        let replied =
            json!({"messages": [{"role": "user", "content": stream.text()}], "max_tokens": null});
        let spoken = sim.count(&with(body(""), replied)).await - 4;
        assert_eq!(charge.output_tokens, spoken, "{scenario}");
        assert_eq!(Some(charge.input_tokens), stream.start().usage.input_tokens);
    }
}

fn add(total: &mut BillTotal, usage: &Usage) {
    let creation = usage.cache_creation.unwrap();
    total.charges += 1;
    total.input_tokens += usage.input_tokens.unwrap();
    total.cache_write_5m_tokens += creation.ephemeral_5m_input_tokens;
    total.cache_write_1h_tokens += creation.ephemeral_1h_input_tokens;
    total.cache_read_tokens += usage.cache_read_input_tokens.unwrap();
    total.output_tokens += usage.output_tokens.unwrap();
}

/// One request of a random conversation.
#[derive(Debug, Clone)]
struct Move {
    text: String,
    system: usize,
    ttl: &'static str,
    automatic: bool,
    stream: bool,
    thinking: bool,
    max_tokens: u32,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let text = prop_oneof![
        "[a-z]{1,8}( [a-z]{1,8}){0,4}",
        "[가-힣]{1,6}( [가-힣]{1,6}){0,4}"
    ];
    let settings = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let one = (text, 0_usize..900, settings, 1_u32..300).prop_map(
        |(text, system, settings, max_tokens)| Move {
            text,
            system,
            ttl: if settings.0 { "1h" } else { "5m" },
            automatic: settings.1,
            stream: settings.2,
            thinking: settings.3,
            max_tokens,
        },
    );
    proptest::collection::vec(one, 1..6)
}

fn request(step: &Move, turns: &[Value]) -> Value {
    let mut request = json!({"model": HAIKU, "max_tokens": step.max_tokens, "messages": turns});
    if step.system > 0 {
        request["system"] = json!([{"type": "text", "text": "규".repeat(step.system),
            "cache_control": {"type": "ephemeral", "ttl": step.ttl}}]);
    }
    if step.automatic {
        request["cache_control"] = json!({"type": "ephemeral"});
    }
    if !step.thinking {
        request["thinking"] = json!({"type": "disabled"});
    }
    request
}

async fn play(sim: &Sim, moves: &[Move]) -> BillTotal {
    let mut total = BillTotal::default();
    let mut turns = Vec::new();
    for step in moves {
        turns.push(json!({"role": "user", "content": step.text}));
        let request = request(step, &turns);
        let (usage, text) = if step.stream {
            let stream = sim.stream(request).await;
            (stream.usage(), stream.text())
        } else {
            let message = sim.ask(&request).await.message();
            (message.usage.clone(), message.text())
        };
        // `count_tokens` agrees with what was charged as input.
        let bare = with(request_without_limits(step, &turns), json!({}));
        assert_eq!(Some(sim.count(&bare).await), usage.total_input_tokens());
        add(&mut total, &usage);
        if !text.trim().is_empty() {
            turns.push(json!({"role": "assistant", "content": text}));
        }
    }
    total
}

fn request_without_limits(step: &Move, turns: &[Value]) -> Value {
    with(request(step, turns), json!({"max_tokens": null}))
}

#[test]
fn the_usages_of_random_conversations_add_up_to_the_bill() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let sim = runtime.block_on(Sim::start());
    let mut runner = TestRunner::new(Config {
        cases: 40,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&moves(), |moves| {
        runtime.block_on(async {
            sim.simulator.reset();
            let mut told = play(&sim, &moves).await;
            let bill = sim.settled_bill().await;
            told.cost_nano_usd = bill.charges.iter().map(|charge| charge.cost_nano_usd).sum();
            assert_eq!(told, bill.total);
            assert!(bill.charges.iter().all(|charge| charge.complete));
        });
        Ok(())
    });
    outcome.unwrap();
}
