//! Talking to a character, in every form and whatever becomes of the connection.

use std::time::Duration;

use lionrocket_claude_sim::Simulator;
use serde_json::{Value, json};

use crate::support::{Event, Home, Person, Server, client, eventually};

async fn simulator() -> Simulator {
    Simulator::builder().seed(11).start().await.unwrap()
}

#[tokio::test]
async fn a_person_registers_opens_a_chat_and_gets_a_reply_in_every_form() {
    let simulator = simulator().await;
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;

    let whole = person.say(chat, "안녕하세요").await.with_status(201);
    assert_eq!(whole["user_message"]["content"], "안녕하세요");
    assert_eq!(whole["assistant_message"]["status"], "complete");
    assert_eq!(whole["usage"]["estimated"], false);

    let events = person.say_live(chat, "등대가 보여요").await.rest().await;
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names.first(), Some(&"turn"));
    assert_eq!(names[names.len() - 2..], ["usage", "done"]);
    let done = &events.last().unwrap().data["assistant_message"];
    assert_eq!(Event::text_of(&events), done["content"]);

    let later = person.say_and_go(chat, "내일 봐요").await;
    let place = later.headers["location"].to_str().unwrap().to_owned();
    let turn = later.with_status(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(place, format!("/api/chats/{chat}/turns/{turn}"));
    let ended = eventually("the turn's end", async || {
        let turn = person.turn(chat, &turn).await;
        (turn["ended_at"] != Value::Null).then_some(turn)
    })
    .await;
    assert_eq!(ended["state"], "completed");

    let messages = person.messages(chat).await;
    let said: Vec<&Value> = messages.iter().step_by(2).map(|m| &m["content"]).collect();
    assert_eq!(said, ["안녕하세요", "등대가 보여요", "내일 봐요"]);
    server.stop().await;
}

#[tokio::test]
async fn the_model_is_sent_the_instructions_and_the_history_but_nothing_of_the_person() {
    let simulator = simulator().await;
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    person.say(chat, "first words").await.with_status(201);
    person.say(chat, "second words").await.with_status(201);

    let sent = simulator.requests().pop().unwrap().body;
    let system = sent["system"].to_string();
    assert!(system.contains("You keep a lighthouse"), "{system}");
    let roles: Vec<&Value> = sent["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|turn| &turn["role"])
        .collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    let text = sent.to_string();
    assert!(text.contains("first words") && text.contains("second words"));
    assert!(
        !text.contains("canary.example") && !text.contains("mina"),
        "{text}"
    );
}

#[tokio::test]
async fn a_lost_client_can_read_the_rest_of_the_reply_to_the_byte() {
    let simulator = Simulator::builder()
        .seed(3)
        .pace(Duration::from_millis(15))
        .start()
        .await
        .unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;

    let mut stream = person.say_live(chat, "바다 이야기를 해 주세요 🌊").await;
    let mut seen = vec![stream.next().await.unwrap()];
    let turn = seen[0].data["turn_id"].as_str().unwrap().to_owned();
    while seen.iter().filter(|event| event.name == "delta").count() < 3 {
        seen.push(stream.next().await.unwrap());
    }
    drop(stream);

    let last = seen.last().unwrap().id.clone();
    let (rest, whole) = tokio::join!(
        async { person.follow(chat, &turn, Some(&last)).await.rest().await },
        async { person.follow(chat, &turn, None).await.rest().await },
    );
    let reply = person.messages(chat).await.pop().unwrap();
    let content = reply["content"].as_str().unwrap();
    assert_eq!(Event::text_of(&seen) + &Event::text_of(&rest), content);
    assert_eq!(Event::text_of(&whole), content);
    assert_eq!(rest.last().unwrap().name, "done");

    // Over, and still every place in it can be read on from.
    let mut before = String::new();
    for event in &whole {
        if event.name == "delta" {
            before += event.data["text"].as_str().unwrap();
            let rest = person.follow(chat, &turn, Some(&event.id)).await;
            assert_eq!(
                before.clone() + &Event::text_of(&rest.rest().await),
                content
            );
        }
    }
}

#[tokio::test]
async fn a_reply_goes_on_when_nobody_listens() {
    let simulator = Simulator::builder()
        .pace(Duration::from_millis(10))
        .start()
        .await
        .unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    drop(person.say_live(chat, "hello there").await);
    let reply = eventually("the reply's end", async || {
        let reply = person.messages(chat).await.pop()?;
        (reply["status"] == "complete").then_some(reply)
    })
    .await;
    assert!(!reply["content"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn usage_equals_the_bill_to_the_token() {
    let simulator = simulator().await;
    let home = Home::behind(&simulator);
    let server = home.serve();
    let mut used = vec![];
    for name in ["mina", "juno"] {
        let person = Person::register(&server, name).await;
        let chat = person.open_chat().await;
        let mut micro_usd = 0;
        for round in 0..6 {
            let words = format!("What do you see from up there, round {round}?");
            let reply = person.say(chat, &words).await.with_status(201);
            micro_usd += reply["usage"]["cost_micro_usd"].as_i64().unwrap();
        }
        let usage = person.usage().await;
        assert_eq!(usage["chat_count"], 6);
        assert_eq!(usage["cost_micro_usd"], micro_usd);
        used.push(usage);
    }

    let bill = simulator.bill();
    let sum = |name: &str| -> u64 { used.iter().filter_map(|day| day[name].as_u64()).sum() };
    let total = bill.total;
    assert_eq!(total.charges, 12);
    assert_eq!(sum("input_tokens"), total.input_tokens);
    assert_eq!(sum("output_tokens"), total.output_tokens);
    assert_eq!(sum("cache_read_tokens"), total.cache_read_tokens);
    let written = total.cache_write_5m_tokens + total.cache_write_1h_tokens;
    assert_eq!(sum("cache_write_tokens"), written);
    let billed: u64 = bill
        .charges
        .iter()
        .map(|charge| charge.cost_micro_usd)
        .sum();
    assert_eq!(sum("cost_micro_usd"), billed);
}

#[tokio::test]
async fn a_message_that_is_sent_twice_with_one_key_is_one_message() {
    let simulator = simulator().await;
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let send = async || {
        let path = format!("/api/chats/{chat}/messages");
        let request = person
            .request(reqwest::Method::POST, &path)
            .header("idempotency-key", "6f1c")
            .json(&json!({"content": "only once"}));
        crate::support::Answer::of(request).await
    };
    let (one, two) = tokio::join!(send(), send());
    let (one, two) = (one.with_status(201), two.with_status(201));
    assert_eq!(one["user_message"]["id"], two["user_message"]["id"]);
    assert_eq!(simulator.bill().total.charges, 1);
    assert_eq!(person.messages(chat).await.len(), 2);
}

#[tokio::test]
async fn nothing_that_is_secret_or_personal_is_logged() {
    let simulator = simulator().await;
    let home = Home::behind(&simulator).with("LOG_LEVEL", "trace");
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    person.say(chat, "canary-words").await.with_status(201);
    person
        .say(chat, "[[sim:error;status=400]] canary-words")
        .await
        .with_status(502);
    Person::login(&server, "mina").await;
    refused_login(&server).await;

    let log = server.log();
    assert!(log.lines().count() > 5, "{log}");
    assert!(!log.contains("canary"), "{log}");
    assert!(!log.contains(person.token()), "{log}");
}

async fn refused_login(server: &Server) {
    let request = client()
        .post(format!("{}/auth/login?password=canary-query", server.base))
        .json(&json!({"username": "canary-name@canary.example", "password": "canary-wrong"}));
    crate::support::Answer::of(request).await.with_status(401);
}

#[tokio::test]
async fn a_long_talk_reads_nearly_all_of_its_input_from_the_prompt_cache() {
    let simulator = Simulator::builder().seed(7).start().await.unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    for number in 1..=50 {
        let words = format!("{number}. 등대에서 무엇이 보이는지, 오늘 바람은 어떤지 이야기해 줘.");
        person.say(chat, &words).await.with_status(201);
    }
    let bill = simulator.bill();
    assert_eq!(bill.charges.len(), 50);
    let total = bill.total;
    let input = total.input_tokens
        + total.cache_read_tokens
        + total.cache_write_5m_tokens
        + total.cache_write_1h_tokens;
    let share = total.cache_read_tokens * 100 / input;
    assert!(
        share >= 85,
        "{share} % of {input} tokens came from the cache"
    );
    let usage = person.usage().await;
    assert_eq!(usage["cache_read_tokens"], total.cache_read_tokens);
    server.stop().await;
}
