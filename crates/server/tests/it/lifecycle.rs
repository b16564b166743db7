//! Starting, stopping, dying and coming back.

use std::fs;

use lionrocket_claude_sim::Simulator;
use serde_json::Value;

use crate::support::{Answer, Event, Home, Person, client, eventually};

/// A reply that stops in the middle and stays there.
const STALLS: &str = "[[sim:stall;after=4;ms=600000]] tell me";

/// What a reply would be that nothing cuts.
async fn whole_reply(simulator: &Simulator) -> String {
    let home = Home::behind(simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let exchange = person.say(chat, "tell me").await.with_status(201);
    server.stop().await;
    exchange["assistant_message"]["content"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn after_a_kill_in_mid_stream_the_reply_goes_on_and_its_reader_misses_nothing() {
    let pace = std::time::Duration::from_millis(40);
    let simulator = Simulator::builder()
        .seed(2)
        .pace(pace)
        .start()
        .await
        .unwrap();
    let whole = whole_reply(&simulator).await;
    let told_before = simulator.bill().total.charges;
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let mut stream = person.say_live(chat, "tell me").await;
    let mut events = vec![stream.next().await.unwrap()];
    let turn = events[0].data["turn_id"].as_str().unwrap().to_owned();
    while Event::text_of(&events).len() < 20 {
        events.push(stream.next().await.unwrap());
    }
    server.kill().await;

    let server = home.serve();
    server.has_said("resumed=1").await;
    let person = person.at(&server);
    let last = events.last().unwrap().id.clone();
    let rest = person.follow(chat, &turn, Some(&last)).await.rest().await;
    assert_eq!(rest.last().unwrap().name, "done");
    assert!(rest.iter().all(|event| event.name != "turn"));
    events.extend(rest);
    assert_eq!(Event::text_of(&events), whole);
    let reply = person.messages(chat).await.pop().unwrap();
    assert_eq!(
        (&reply["content"], &reply["status"]),
        (&whole.into(), &"complete".into())
    );

    // One exchange, and upstream was asked twice for it.
    let usage = person.usage().await;
    assert_eq!(usage["chat_count"], 1);
    let bill = simulator.bill();
    assert_eq!(bill.total.charges - told_before, 2);
    let asked: u64 = bill
        .charges
        .iter()
        .rev()
        .take(2)
        .map(|charge| charge.input_tokens)
        .sum();
    assert_eq!(usage["input_tokens"], asked);
    server.stop().await;
}

#[tokio::test]
async fn a_wish_to_stop_outlives_a_kill() {
    let simulator = Simulator::builder().start().await.unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let mut stream = person.say_live(chat, STALLS).await;
    let turn = stream.next().await.unwrap().data["turn_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/chats/{chat}/turns/{turn}/stop");
    let stopped = person.post(&path, Value::Null).await;
    assert!(matches!(stopped.status, 200 | 202), "{stopped:?}");
    server.kill().await;

    let server = home.serve();
    let turn = person.at(&server).turn(chat, &turn).await;
    assert_eq!(
        (&turn["state"], &turn["error_code"]),
        (&"stopped".into(), &Value::Null)
    );
    let again = person.at(&server).post(&path, Value::Null).await;
    assert_eq!(again.with_status(200)["state"], "stopped");
}

#[tokio::test]
async fn after_a_kill_in_mid_stream_the_text_can_be_kept_as_it_is() {
    let simulator = Simulator::builder().seed(2).start().await.unwrap();
    let home = Home::behind(&simulator).with("ON_INTERRUPT", "keep");
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let mut stream = person.say_live(chat, STALLS).await;
    let turn = stream.next().await.unwrap().data["turn_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let saved = eventually("a part of the reply is saved", async || {
        let reply = person.messages(chat).await.pop()?;
        let text = reply["content"].as_str()?.to_owned();
        (!text.is_empty()).then_some(text)
    })
    .await;
    server.kill().await;

    let server = home.serve();
    let person = person.at(&server);
    let turn = person.turn(chat, &turn).await;
    assert_eq!(turn["state"], "interrupted");
    assert_eq!(turn["error_code"], "reply_interrupted");
    let reply = person.messages(chat).await.pop().unwrap();
    assert_eq!(reply["status"], "interrupted");
    assert!(reply["content"].as_str().unwrap().starts_with(&saved));

    // Charged once, with the input that upstream had told.
    let usage = person.usage().await;
    assert_eq!(usage["chat_count"], 1);
    assert_eq!(usage["input_tokens"], simulator.bill().total.input_tokens);

    person.say(chat, "are you back?").await.with_status(201);
    assert_eq!(person.usage().await["chat_count"], 2);
    server.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_people_signed_in_and_makes_nothing_twice() {
    let home = Home::new();
    let server = home.serve();
    server.has_said("made a signing secret").await;
    let person = Person::register(&server, "mina").await;
    let list = "/api/characters?scope=public";
    let before = person.get(list).await.with_status(200);
    server.stop().await;

    let server = home.serve();
    let person = person.at(&server);
    assert_eq!(
        person.get("/auth/me").await.with_status(200)["username"],
        "mina"
    );
    let after = person.get(list).await.with_status(200);
    assert_eq!(before["items"], after["items"]);
    assert!(!server.log().contains("made a signing secret"));
}

#[tokio::test]
async fn stopping_lets_a_reply_end_and_empties_the_log_of_the_database() {
    let simulator = Simulator::builder()
        .pace(std::time::Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let home = Home::behind(&simulator);
    let mut server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let mut stream = person.say_live(chat, "a long story please").await;
    let mut events = vec![];
    while !events.iter().any(|event: &Event| event.name == "delta") {
        events.push(stream.next().await.unwrap());
    }
    server.signal("TERM");
    server.has_said("told to stop").await;
    eventually("nothing new is accepted", async || {
        client()
            .get(format!("{}/livez", server.base))
            .send()
            .await
            .err()
    })
    .await;
    events.extend(stream.rest().await);
    assert_eq!(events.last().unwrap().name, "done");
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let wal = fs::metadata(home.path().join("data/app.db-wal"));
    assert_eq!(wal.map_or(0, |file| file.len()), 0);

    let server = home.serve();
    let reply = person.at(&server).messages(chat).await.pop().unwrap();
    assert_eq!(reply["status"], "complete");
    assert_eq!(Event::text_of(&events), reply["content"]);
}

#[tokio::test]
async fn a_reply_that_takes_too_long_is_cut_and_kept_and_meanwhile_nothing_new_begins() {
    let simulator = Simulator::builder().start().await.unwrap();
    let home = Home::behind(&simulator);
    let mut server = home.serve();
    let person = Person::register(&server, "mina").await;
    let (chat, other) = (person.open_chat().await, person.open_chat().await);
    let mut stream = person.say_live(chat, STALLS).await;
    let mut events = vec![stream.next().await.unwrap()];
    let turn = events[0].data["turn_id"].as_str().unwrap().to_owned();
    while events.last().unwrap().name != "delta" {
        events.push(stream.next().await.unwrap());
    }
    server.signal("TERM");
    server.has_said("told to stop").await;
    let ready = person.get("/readyz").await;
    assert_eq!((ready.status, ready.code()), (503, "not_ready"));
    let refused = person.say(other, "one more").await;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    assert_eq!(
        person.messages(chat).await.len(),
        2,
        "what is there can be read"
    );

    events.extend(stream.rest().await);
    assert_ne!(events.last().unwrap().name, "done");
    let status = server.ended().await;
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let wal = fs::metadata(home.path().join("data/app.db-wal"));
    assert_eq!(wal.map_or(0, |file| file.len()), 0);

    let server = home.serve();
    let person = person.at(&server);
    assert_eq!(person.turn(chat, &turn).await["state"], "interrupted");
    let reply = person.messages(chat).await.pop().unwrap();
    assert_eq!(reply["status"], "interrupted");
    assert_eq!(reply["content"], Event::text_of(&events));
    assert_eq!(person.messages(other).await.len(), 0);
    assert_eq!(person.usage().await["chat_count"], 1);
}

#[tokio::test]
async fn stopping_waits_for_a_reply_that_nobody_reads() {
    let simulator = Simulator::builder()
        .pace(std::time::Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let sent = person.say_and_go(chat, "a long story please").await;
    let turn = sent.with_status(202)["id"].as_str().unwrap().to_owned();
    server.stop().await;

    let server = home.serve();
    let turn = person.at(&server).turn(chat, &turn).await;
    assert_eq!(turn["state"], "completed");
}

#[tokio::test]
async fn a_second_signal_ends_the_service_at_once() {
    let simulator = Simulator::builder().start().await.unwrap();
    let home = Home::behind(&simulator);
    let mut server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    person.say_and_go(chat, STALLS).await.with_status(202);
    server.signal("INT");
    server.has_said("told to stop: ").await;
    server.signal("INT");
    let status = server.ended().await;
    assert_eq!(status.code(), Some(1), "{}", server.log());
}

#[tokio::test]
async fn the_demo_model_says_loudly_that_it_is_one() {
    let home = Home::new();
    let server = home.serve();
    server.has_said("THE DEMO MODEL ANSWERS").await;
    server.has_said("lionrocket user create --admin").await;
    let config = client().get(format!("{}/api/config", server.base));
    let config = Answer::of(config).await.with_status(200);
    assert_eq!(config["language_model"], "demo");
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let reply = person.say(chat, "안녕").await.with_status(201);
    assert_eq!(reply["usage"]["cost_micro_usd"], 0);
}

#[tokio::test]
async fn in_production_every_line_of_the_log_is_json() {
    let simulator = Simulator::builder().start().await.unwrap();
    let home = Home::behind(&simulator)
        .with("APP_ENV", "production")
        .with("RATE_LIMIT", "on")
        .with("PUBLIC_ORIGINS", "https://chat.example.org")
        .with("JWT_SECRET", "Zp3v8Kq1Xw6Tn4Rb9Ly2Hd7Mc5Gf0Js8Ae3Uo6Pi");
    let server = home.serve();
    let asked = client()
        .get(format!("{}/api/config", server.base))
        .header("host", "chat.example.org");
    assert_eq!(asked.send().await.unwrap().status(), 200);
    let log = server.log();
    for line in log.lines() {
        let entry: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(
            entry["message"].is_string() && entry["timestamp"].is_string(),
            "{line}"
        );
    }
    assert!(!home.path().join("data/jwt_secret").exists());
}

#[tokio::test]
async fn the_pages_behind_a_proxy_have_the_policy_of_those_from_the_binary() {
    let home = Home::new();
    let server = home.serve();
    let page = client().get(&server.base).send().await.unwrap();
    let conf = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/web.conf");
    let conf = fs::read_to_string(conf).unwrap();
    for name in [
        "content-security-policy",
        "permissions-policy",
        "referrer-policy",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
    ] {
        let Some(value) = page.headers().get(name) else {
            // Without a build of the web application there is no page and so no policy.
            assert_ne!(page.status(), 200, "{name}");
            continue;
        };
        let value = value.to_str().unwrap();
        assert!(conf.contains(value), "{name}: {value}");
    }
}
