//! The network fails, on the side of the browser and on the side of the model.

use std::time::Duration;

use futures_util::{StreamExt as _, future::join_all, stream};
use lionrocket_claude_sim::Simulator;
use lionrocket_test_support::{Break, Disturbance, FaultyLink, Pace};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Answer, Event, Events, Home, Person, Server, in_time};

/// A short reply, so that each byte of its stream can be cut away.
const SHORT: &str = "[[sim:max-tokens;after=4]] 안녕";

async fn simulator() -> Simulator {
    Simulator::builder().seed(11).start().await.unwrap()
}

/// A person with a chat, on a server of their own.
async fn served(simulator: &Simulator) -> (Home, Server, Person, i64) {
    let home = Home::behind(simulator);
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    (home, server, person, chat)
}

/// Whatever of a stream gets through.
async fn read_what_comes(request: RequestBuilder) -> Vec<Event> {
    match in_time("an answer or none", request.send()).await {
        Ok(response) if response.status() == 200 => Events::read(response).rest().await,
        _ => Vec::new(),
    }
}

fn events_of(person: &Person, chat: i64, turn: &str, after: Option<&Event>) -> RequestBuilder {
    let path = format!("/api/chats/{chat}/turns/{turn}/events");
    let request = person.request(Method::GET, &path);
    match after {
        Some(event) => request.header("last-event-id", &event.id),
        None => request,
    }
}

fn is_over(events: &[Event]) -> bool {
    events.last().is_some_and(|event| event.name == "done")
}

#[tokio::test]
async fn a_stream_that_is_cut_at_any_byte_is_read_on_to_the_byte() {
    let simulator = simulator().await;
    let (_home, server, person, chat) = served(&simulator).await;
    let sent = person.say_live(chat, SHORT).await.rest().await;
    let turn = sent[0].data["turn_id"].as_str().unwrap();
    let content = &sent.last().unwrap().data["assistant_message"]["content"];
    let whole = person.follow(chat, turn, None).await.rest().await;
    let over_links = person.over(&FaultyLink::to(&server.base).await);
    let cut_at = async |after: usize| {
        let link = FaultyLink::to(&server.base).await;
        link.disturb(Disturbance::of_answer(
            after,
            [Break::Close, Break::Reset][after % 2],
        ));
        let start = read_what_comes(events_of(&over_links.moved_to(&link), chat, turn, None)).await;
        let rest = if is_over(&start) {
            Vec::new()
        } else {
            read_what_comes(events_of(&person, chat, turn, start.last())).await
        };
        (after, start, rest)
    };
    let mut cuts = Box::pin(stream::iter(0..).map(cut_at).buffered(8));
    let mut lengths = Vec::new();
    while let Some((after, start, rest)) = cuts.next().await {
        let text = Event::text_of(&start) + &Event::text_of(&rest);
        assert_eq!(&text, content, "cut after {after}");
        if is_over(&start) {
            break;
        }
        assert!(is_over(&rest), "cut after {after}");
        lengths.push(start.len());
    }
    // From nothing to all but the last event.
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, (0..whole.len()).collect::<Vec<_>>());
}

#[tokio::test]
async fn readers_whose_connections_never_last_get_the_whole_reply() {
    let simulator = Simulator::builder()
        .seed(3)
        .pace(Duration::from_millis(15))
        .start()
        .await
        .unwrap();
    let (_home, server, person, chat) = served(&simulator).await;
    let sent = person.say_and_go(chat, "바다 이야기를 해 주세요 🌊").await;
    let turn = sent.with_status(202)["id"].as_str().unwrap().to_owned();
    let readers = (0..8).map(async |number| {
        let link = FaultyLink::to(&server.base).await;
        let reader = person.over(&link);
        let mut seen: Vec<Event> = Vec::new();
        while !is_over(&seen) {
            let how = [Break::Close, Break::Reset][number % 2];
            link.disturb(Disturbance::of_answer(2_400 + 61 * number, how));
            seen.extend(read_what_comes(events_of(&reader, chat, &turn, seen.last())).await);
        }
        (Event::text_of(&seen), link.connections())
    });
    let read = in_time("all readers read all", join_all(readers)).await;
    let content = person.messages(chat).await.pop().unwrap()["content"].clone();
    for (text, connections) in read {
        assert_eq!(text, content);
        assert!(connections > 1);
    }
}

/// The ways to ask for an answer to a message.
const FORMS: [Option<(&str, &str)>; 3] = [
    None,
    Some(("accept", "text/event-stream")),
    Some(("prefer", "respond-async")),
];

fn message(person: &Person, chat: i64, key: &str, form: Option<(&str, &str)>) -> RequestBuilder {
    let path = format!("/api/chats/{chat}/messages");
    let request = person
        .request(Method::POST, &path)
        .header("idempotency-key", key)
        .json(&json!({"content": format!("{SHORT} {key}")}));
    match form {
        Some((name, value)) => request.header(name, value),
        None => request,
    }
}

#[tokio::test]
async fn a_message_whose_answer_is_lost_is_sent_again_and_charged_once() {
    let simulator = simulator().await;
    let (_home, server, person, chat) = served(&simulator).await;
    let mut sent = 0;
    for form in FORMS {
        for after in [0, 1, 90, 700] {
            for how in [Break::Close, Break::Reset] {
                sent += 1;
                let key = format!("lost-{sent}");
                let link = FaultyLink::to(&server.base).await;
                link.disturb(Disturbance::of_answer(after, how));
                let lost = message(&person.over(&link), chat, &key, form).send();
                if let Ok(response) = in_time("an answer or none", lost).await {
                    assert!(after > 0, "{form:?} {how:?}");
                    let _ = in_time("a body or none", response.bytes()).await;
                }
                let again = Answer::of(message(&person, chat, &key, None)).await;
                assert_eq!(
                    again.headers["idempotent-replayed"], "true",
                    "{form:?} {after} {how:?}"
                );
                let content = format!("{SHORT} {key}");
                assert_eq!(again.with_status(201)["user_message"]["content"], content);
            }
        }
    }
    assert_eq!(simulator.bill().total.charges, sent);
    assert_eq!(person.usage().await["chat_count"], sent);
    let messages = person
        .get(&format!("/api/chats/{chat}/messages?limit=100"))
        .await;
    let messages = messages.with_status(200)["items"].as_array().unwrap().len();
    assert_eq!(u64::try_from(messages).unwrap(), 2 * sent);
}

#[tokio::test]
async fn a_message_that_is_cut_on_its_way_was_never_sent() {
    let simulator = simulator().await;
    let (_home, server, person, chat) = served(&simulator).await;
    let key = "cut";
    let mut cuts = 0;
    for after in (0..).step_by(23) {
        let link = FaultyLink::to(&server.base).await;
        let how = [Break::Close, Break::Reset][cuts % 2];
        link.disturb(Disturbance::of_request(after, how));
        let answer = in_time(
            "no answer",
            message(&person.over(&link), chat, key, None).send(),
        )
        .await;
        if answer.is_ok_and(|answer| answer.status() == 201) {
            // The whole request fits.
            break;
        }
        cuts += 1;
    }
    assert!(cuts > 10, "{cuts}");
    assert_eq!(simulator.bill().total.charges, 1);
    assert_eq!(person.messages(chat).await.len(), 2);
}

#[tokio::test]
async fn a_reader_who_hears_and_takes_nothing_more_does_not_hold_up_a_reply() {
    let simulator = Simulator::builder()
        .pace(Duration::from_millis(5))
        .start()
        .await
        .unwrap();
    let (_home, server, person, chat) = served(&simulator).await;
    let links = [0, 500, 1_500].map(async |after| {
        let link = FaultyLink::to(&server.base).await;
        link.disturb(Disturbance::of_answer(after, Break::Silence));
        link
    });
    let links = join_all(links).await;
    let sent = person.say_and_go(chat, "a long story please").await;
    let turn = sent.with_status(202)["id"].as_str().unwrap().to_owned();
    let silent = links
        .iter()
        .map(|link| read_what_comes(events_of(&person.over(link), chat, &turn, None)));
    let silent = join_all(silent);
    let whole = person.follow(chat, &turn, None);
    tokio::select! {
        _ = silent => panic!("a silent connection came to its end"),
        whole = async { whole.await.rest().await } => assert!(is_over(&whole)),
    }
    person.say(chat, "and then?").await.with_status(201);
    server.stop().await;
}

#[tokio::test]
async fn a_network_that_splits_at_every_byte_changes_nothing() {
    let simulator = simulator().await;
    let upstream = FaultyLink::to(&simulator.base_url()).await;
    let home = Home::behind(&simulator).with("CLAUDE_BASE_URL", &upstream.url());
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let downstream = FaultyLink::to(&server.base).await;
    for link in [&upstream, &downstream] {
        link.disturb(Disturbance::of_pace(Pace::Bytewise(Duration::ZERO)));
    }
    let events = person
        .over(&downstream)
        .say_live(chat, "안녕 🌊")
        .await
        .rest()
        .await;
    let reply = person.messages(chat).await.pop().unwrap();
    assert_eq!(reply["status"], "complete");
    assert_eq!(Event::text_of(&events), reply["content"]);
    assert_eq!((upstream.connections(), downstream.connections()), (1, 1));
}

#[tokio::test]
async fn a_message_that_drips_in_is_taken() {
    let simulator = simulator().await;
    let (_home, server, person, chat) = served(&simulator).await;
    let link = FaultyLink::to(&server.base).await;
    link.disturb(Disturbance::of_pace(Pace::Bytewise(Duration::from_micros(
        500,
    ))));
    person.over(&link).say(chat, SHORT).await.with_status(201);
}

/// A server whose way to the simulator can be disturbed.
async fn far_from(simulator: &Simulator) -> (FaultyLink, Home, Server) {
    let link = FaultyLink::to(&simulator.base_url()).await;
    let home = Home::behind(simulator).with("CLAUDE_BASE_URL", &link.url());
    let server = home.serve();
    (link, home, server)
}

#[tokio::test]
async fn an_answer_of_the_model_that_is_lost_before_it_begins_is_asked_for_again() {
    let simulator = simulator().await;
    let (link, _home, server) = far_from(&simulator).await;
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    link.disturb(Disturbance::of_answer(0, Break::Reset));
    link.disturb(Disturbance::of_request(100, Break::Close));
    let events = person.say_live(chat, "hello").await.rest().await;
    assert_eq!(
        events.iter().filter(|event| event.name == "busy").count(),
        2
    );
    assert!(is_over(&events));

    // The ledger has what the answer cost that came, whatever the lost one may cost.
    let used = person.usage().await;
    let charged = simulator.bill().charges.last().cloned().unwrap();
    assert_eq!(used["chat_count"], 1);
    assert_eq!(used["input_tokens"], charged.input_tokens);
    assert_eq!(used["output_tokens"], charged.output_tokens);
}

#[tokio::test]
async fn a_model_that_cannot_be_reached_is_told_and_the_message_can_be_sent_again() {
    let simulator = simulator().await;
    let (link, _home, server) = far_from(&simulator).await;
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    for how in [Break::Close, Break::Reset, Break::Close] {
        link.disturb(Disturbance::of_answer(0, how));
    }
    let failed = person.say(chat, "hello").await;
    assert_eq!(
        (failed.status, failed.code()),
        (502, "upstream_failed"),
        "{}",
        failed.body
    );
    let messages = person.messages(chat).await;
    assert_eq!(
        (&messages[0]["content"], &messages[1]["status"]),
        (&json!("hello"), &json!("failed"))
    );
    assert_eq!(person.usage().await["cost_micro_usd"], 0);
    person.say(chat, "hello").await.with_status(201);
    assert_eq!(person.usage().await["chat_count"], 1);
}

#[tokio::test]
async fn wherever_the_model_is_cut_off_its_words_are_kept_and_charged_once() {
    let simulator = simulator().await;
    let (link, _home, server) = far_from(&simulator).await;
    let person = Person::register(&server, "mina").await;
    let mut kept = Vec::new();
    // From just after the first words, before which the request is made again, to the last ones.
    for after in (2_100..).step_by(300) {
        let chat = person.open_chat().await;
        let how = [Break::Close, Break::Reset][after / 100 % 2];
        link.disturb(Disturbance::of_answer(after, how));
        let before = person.usage().await;
        let answer = person
            .say(
                chat,
                "please tell me a very long story about the sea and the people in it",
            )
            .await;
        if answer.status == 201 {
            break;
        }
        assert_eq!(
            (answer.status, answer.code()),
            (502, "reply_interrupted"),
            "{after}"
        );
        let reply = person.messages(chat).await.pop().unwrap();
        assert_eq!(reply["status"], "interrupted");
        kept.push(reply["content"].as_str().unwrap().to_owned());
        let used = person.usage().await;
        let added = |name: &str| used[name].as_u64().unwrap() - before[name].as_u64().unwrap();
        let charge = simulator.bill().charges.last().cloned().unwrap();
        assert_eq!(
            (added("chat_count"), added("input_tokens")),
            (1, charge.input_tokens),
            "{after}"
        );
    }
    let whole = kept.last().unwrap();
    assert!(
        kept.len() > 3 && kept.iter().all(|text| whole.starts_with(text.as_str())),
        "{kept:?}"
    );
    assert!(whole.len() > kept[0].len());
}
