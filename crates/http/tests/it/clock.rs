//! A wall clock that jumps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lionrocket_ports::runtime::Clock as _;
use lionrocket_test_support::{Gate, ModelStep, Person, wait_until};
use serde_json::Value;

use crate::api::{Api, RequestExt as _, request};

/// Far longer than anything takes.
const LIMIT: Duration = Duration::from_secs(30);

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const TEN_YEARS: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

/// A reply that waits after its first word, and the address of its turn.
async fn begin(api: &Api, person: &Person) -> (String, Gate) {
    let gate = Gate::default();
    api.world.model.play(vec![
        ModelStep::Say("one "),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("two"),
    ]);
    let chat = api.chat(person).await;
    let send = request("POST", &format!("/api/chats/{chat}/messages"))
        .by(person)
        .with("Prefer", "respond-async")
        .json_text(r#"{"content":"hello"}"#);
    let begun = api.send(send).await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let turn = begun.json()["id"].as_str().unwrap().to_owned();
    (format!("/api/chats/{chat}/turns/{turn}"), gate)
}

async fn turn(api: &Api, person: &Person, path: &str) -> Value {
    api.send(request("GET", path).by(person)).await.json()
}

async fn usage(api: &Api, person: &Person) -> Value {
    let usage = request("GET", "/auth/me/usage?from=2026-11-22&to=2026-11-22");
    api.send(usage.by(person)).await.json()
}

#[actix_web::test]
async fn a_clock_that_jumps_takes_no_reply_from_the_process_that_writes_it() {
    for jump in [HOUR, -HOUR, TEN_YEARS, -TEN_YEARS] {
        let api = Api::new().await;
        let person = api.world.person("owner").await;
        let (path, gate) = begin(&api, &person).await;
        wait_until("the reply begins", LIMIT, async || {
            turn(&api, &person, &path).await["state"] == "streaming"
        })
        .await;
        api.world.clock.advance(jump);
        // As is looked again and again for turns that nobody works on.
        let recovered = api.world.turns.recover_expired().await.unwrap();
        api.world.clock.advance(-jump);
        gate.open();
        wait_until("the reply ends", LIMIT, async || {
            turn(&api, &person, &path).await["ended_at"].is_string()
        })
        .await;
        let ended = turn(&api, &person, &path).await;
        assert_eq!(
            ended["state"], "completed",
            "{jump}: {ended}, {recovered:?}"
        );
        let usage = usage(&api, &person).await;
        assert_eq!(usage["items"][0]["chat_count"], 1, "{jump}: {usage}");
    }
}

#[actix_web::test]
async fn a_turn_counts_to_the_day_on_which_it_was_accepted_whatever_the_clock_does_then() {
    // The last second of a day in Seoul, of a usual one and of the leap day.
    for (accepted, day) in [
        ("2026-11-22T14:59:59Z", "2026-11-22"),
        ("2028-02-29T14:59:59Z", "2028-02-29"),
        ("2028-02-29T15:00:00Z", "2028-03-01"),
    ] {
        for jump in [SignedDuration::from_secs(2), -HOUR, TEN_YEARS] {
            let api = Api::new().await;
            let accepted: Timestamp = accepted.parse().unwrap();
            let clock = &api.world.clock;
            clock.advance(accepted.duration_since(clock.now()));
            let person = api.world.person("owner").await;
            let (path, gate) = begin(&api, &person).await;
            clock.advance(jump);
            gate.open();
            let chat_id = path.split('/').nth(3).unwrap().to_owned();
            wait_until("the reply ends", LIMIT, async || {
                api.world.spawner.running() == 0
            })
            .await;
            // Read at the time at which the session is as it was.
            clock.advance(-jump);
            let ended = turn(&api, &person, &path).await;
            assert_eq!(
                ended["state"], "completed",
                "chat {chat_id}, {jump}: {ended}"
            );
            let usage = request("GET", &format!("/auth/me/usage?from={day}&to={day}"));
            let usage = api.send(usage.by(&person)).await.json();
            assert_eq!(usage["items"][0]["usage_date"], day, "{jump}: {usage}");
            assert_eq!(usage["items"][0]["chat_count"], 1, "{jump}: {usage}");
        }
    }
}

#[actix_web::test]
async fn a_clock_that_was_wrong_for_a_moment_ends_no_session() {
    for (jump, meanwhile) in [
        (HOUR, 200),
        // Tokens that were made in the future are not taken, and these were.
        (-HOUR, 401),
        (TEN_YEARS, 401),
        (-TEN_YEARS, 401),
    ] {
        let api = Api::new().await;
        let person = api.world.person("owner").await;
        let status = async || {
            let me = api.send(request("GET", "/auth/me").by(&person)).await;
            me.status.as_u16()
        };
        assert_eq!(status().await, 200);
        api.world.clock.advance(jump);
        assert_eq!(status().await, meanwhile, "{jump}");
        let (known, _) = (status().await, status().await);
        assert_eq!(known, meanwhile, "{jump}");
        api.world.clock.advance(-jump);
        assert_eq!(status().await, 200, "{jump}");
    }
}
