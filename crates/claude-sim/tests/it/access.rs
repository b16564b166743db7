use lionrocket_claude_sim::Simulator;
use serde_json::json;

use crate::support::{FIRST, SECOND, Sim, body, send, with};

#[tokio::test]
async fn both_ways_to_send_a_key_are_accepted() {
    let sim = Sim::start().await;
    for (name, value) in [("x-api-key", "k"), ("authorization", "Bearer k")] {
        let request = sim.client.post(sim.url("/v1/messages"));
        let request = request
            .header(name, value)
            .header("anthropic-version", FIRST);
        assert_eq!(send(request.json(&body("hi"))).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_missing_malformed_or_unknown_key_is_refused_on_every_path() {
    let sim = Sim::build(Simulator::builder().key("known")).await;
    let keys = [
        None,
        Some(("x-api-key", "")),
        Some(("x-api-key", "other")),
        Some(("authorization", "Bearer other")),
        Some(("authorization", "Basic known")),
    ];
    for key in keys {
        let requests = [
            sim.client.post(sim.url("/v1/messages")).json(&body("hi")),
            sim.client
                .post(sim.url("/v1/messages/count_tokens"))
                .json(&body("hi")),
            sim.client.get(sim.url("/v1/models")),
            sim.client.get(sim.url("/v1/models/claude-haiku-5-5")),
        ];
        for request in requests {
            let request = request.header("anthropic-version", SECOND);
            let request = key.iter().fold(request, |request, (name, value)| {
                request.header(*name, *value)
            });
            let reply = send(request).await;
            assert_eq!(reply.status, 401, "{key:?}");
            assert_eq!(reply.error().error.kind.as_str(), "authentication_error");
            assert_eq!(reply.header("anthropic-workspace-id"), "");
        }
    }
    let known = sim
        .post("/v1/messages", &body("hi"))
        .header("authorization", "Bearer known");
    // The first of two keys decides.
    assert_eq!(send(known).await.status, 401);
}

#[tokio::test]
async fn the_version_is_required_and_must_be_known() {
    let sim = Sim::start().await;
    let request = || {
        sim.client
            .post(sim.url("/v1/messages"))
            .header("x-api-key", "k")
            .json(&body("hi"))
    };
    send(request())
        .await
        .assert_invalid("anthropic-version: header is required");
    let odd = request().header("anthropic-version", "2024-01-01");
    send(odd).await.assert_invalid("anthropic-version");
    for version in [FIRST, SECOND] {
        assert_eq!(
            send(request().header("anthropic-version", version))
                .await
                .status,
            200
        );
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_with_an_error_body() {
    let sim = Sim::start().await;
    let reply = send(sim.post("/v1/complete", &json!({}))).await;
    assert_eq!(reply.status, 404);
    assert_eq!(reply.error().error.kind.as_str(), "not_found_error");
    assert_eq!(send(sim.get("/v1/messages")).await.status, 405);
}

#[tokio::test]
async fn a_body_over_the_limit_gets_an_answer_that_is_not_json() {
    let sim = Sim::build(Simulator::builder().max_body_bytes(2_000)).await;
    let reply = sim.ask(&body(&"long ".repeat(100_000))).await;
    assert_eq!(reply.status, 413);
    assert!(reply.header("content-type").starts_with("text/html"));
    assert!(serde_json::from_str::<serde_json::Value>(&reply.text).is_err());
    assert_eq!(sim.ask(&body("short")).await.status, 200);
}

#[tokio::test]
async fn every_answer_tells_limits_and_owner() {
    let sim = Sim::start().await;
    let reply = sim.ask(&body("hi")).await;
    for kind in ["requests", "tokens", "input-tokens", "output-tokens"] {
        let part = |part: &str| {
            reply
                .header(&format!("anthropic-ratelimit-{kind}-{part}"))
                .to_owned()
        };
        let limit: u64 = part("limit").parse().unwrap();
        let remaining: u64 = part("remaining").parse().unwrap();
        assert!(remaining <= limit);
        assert!(part("reset").ends_with('Z'));
        if kind != "requests" {
            assert_eq!(remaining % 1_000, 0);
        }
    }
    assert!(!reply.header("anthropic-organization-id").is_empty());
    assert!(!reply.header("anthropic-workspace-id").is_empty());
}

#[tokio::test]
async fn requests_are_recorded_without_their_key() {
    let sim = Sim::start().await;
    let request = sim
        .post("/v1/messages", &body("hi"))
        .header("authorization", "Bearer secret-two");
    send(request.header("x-stainless-retry-count", "1")).await;
    sim.ask(&json!({})).await;
    let recorded = sim.simulator.requests();
    assert_eq!(recorded.len(), 2);
    assert_eq!(recorded[0].status, Some(200));
    assert_eq!(recorded[1].status, Some(400));
    assert_eq!(recorded[0].body, body("hi"));
    assert_eq!(recorded[0].headers["x-stainless-retry-count"], "1");
    let over_http = send(sim.get("/sim/requests")).await;
    assert_eq!(over_http.json()["requests"].as_array().unwrap().len(), 2);
    for secret in ["key-one", "secret-two"] {
        assert!(!over_http.text.contains(secret));
    }
    let reset = sim.client.post(sim.url("/sim/reset")).send().await.unwrap();
    assert_eq!(reset.status(), 204);
    assert!(sim.simulator.requests().is_empty());
    assert_eq!(sim.simulator.bill().total.charges, 0);
}

#[tokio::test]
async fn stopping_frees_the_port() {
    let sim = Sim::start().await;
    let address = sim.simulator.base_url().replace("http://", "");
    sim.simulator.stop().await;
    assert!(std::net::TcpListener::bind(address).is_ok());
}

#[tokio::test]
async fn stopping_cuts_running_answers() {
    let sim = Sim::start().await;
    let ask = with(body("hi"), json!({"stream": true}));
    let request = sim
        .post("/v1/messages", &ask)
        .header("x-sim-scenario", "stall;ms=3600000");
    let mut running = request.send().await.unwrap();
    running.chunk().await.unwrap().unwrap();
    let limit = std::time::Duration::from_secs(10);
    tokio::time::timeout(limit, sim.simulator.stop())
        .await
        .unwrap();
    let rest = tokio::time::timeout(limit, running.chunk()).await.unwrap();
    assert!(rest.is_err(), "{rest:?}");
}
