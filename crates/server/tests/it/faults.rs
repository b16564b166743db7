//! What the simulator can do wrong, and what becomes of it.

use futures_util::future::join_all;
use lionrocket_claude_sim::Simulator;
use serde_json::Value;

use crate::support::{Event, Home, Person, Server};

/// A fault of the simulator and what a person is to see.
struct Fault {
    scenario: &'static str,
    status: u16,
    code: &'static str,
    /// What the reply in the chat says of itself.
    reply: &'static str,
    /// Whether some of the reply came before.
    has_text: bool,
}

const fn fault(
    scenario: &'static str,
    status: u16,
    code: &'static str,
    reply: &'static str,
    has_text: bool,
) -> Fault {
    Fault {
        scenario,
        status,
        code,
        reply,
        has_text,
    }
}

impl Fault {
    /// A message that asks for the fault. Errors are counted by `run`, because the next message is
    /// sent together with one that got no reply.
    fn words(&self, run: &str) -> String {
        let scenario = self.scenario;
        if scenario.contains("times=") {
            return format!("[[sim:{scenario};run={run}]] hello");
        }
        format!("[[sim:{scenario}]] hello")
    }
}

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    fault("error;status=500;times=3", 502, "upstream_failed", "failed", false),
    fault("error;status=502;body=html;times=3", 502, "upstream_failed", "failed", false),
    fault("error;status=529;type=overloaded_error;times=3", 503, "upstream_overloaded", "failed", false),
    fault("error;status=429;times=1", 429, "upstream_rate_limited", "failed", false),
    fault("error;status=401;times=1", 502, "upstream_rejected", "failed", false),
    fault("error;status=400;times=1", 502, "upstream_invalid", "failed", false),
    fault("midstream-error", 503, "upstream_overloaded", "failed", true),
    fault("disconnect", 502, "reply_interrupted", "interrupted", true),
    fault("truncate", 502, "reply_interrupted", "interrupted", true),
    fault("malformed", 502, "upstream_failed", "failed", true),
    fault("refusal", 422, "reply_refused", "failed", false),
];

async fn served() -> (Simulator, Home, Server) {
    let simulator = Simulator::builder().seed(5).start().await.unwrap();
    let home = Home::behind(&simulator);
    let server = home.serve();
    (simulator, home, server)
}

#[tokio::test]
async fn every_fault_is_told_by_its_code_and_the_message_stays() {
    let (_simulator, _home, server) = served().await;
    let people = FAULTS.iter().enumerate().map(async |(number, fault)| {
        let person = Person::register(&server, &format!("person{number}")).await;
        fault_is_told_in_json(&person, fault).await;
        fault_is_told_in_a_stream(&person, fault).await;
    });
    join_all(people).await;
}

async fn fault_is_told_in_json(person: &Person, fault: &Fault) {
    let chat = person.open_chat().await;
    let words = fault.words(&format!("{chat}-json"));
    let answer = person.say(chat, &words).await;
    assert_eq!(
        (answer.status, answer.code()),
        (fault.status, fault.code),
        "{}: {}",
        fault.scenario,
        answer.body
    );
    let turn = answer.body["turn_id"].as_str().unwrap();
    assert_eq!(person.turn(chat, turn).await["error_code"], fault.code);
    chat_goes_on(person, chat, &words, fault).await;
}

async fn fault_is_told_in_a_stream(person: &Person, fault: &Fault) {
    let chat = person.open_chat().await;
    let words = fault.words(&format!("{chat}-stream"));
    let events = person.say_live(chat, &words).await.rest().await;
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.data["code"].as_str()),
        ("error", Some(fault.code)),
        "{}",
        fault.scenario
    );
    let replies = person.messages(chat).await;
    assert_eq!(
        Event::text_of(&events),
        replies[1]["content"],
        "{}",
        fault.scenario
    );
    chat_goes_on(person, chat, &words, fault).await;
}

/// Both messages are there, and the next one is answered.
async fn chat_goes_on(person: &Person, chat: i64, words: &str, fault: &Fault) {
    let messages = person.messages(chat).await;
    let name = fault.scenario;
    assert_eq!(messages.len(), 2, "{name}");
    assert_eq!(messages[0]["content"], words, "{name}");
    assert_eq!(messages[1]["status"], fault.reply, "{name}");
    let text = messages[1]["content"].as_str().unwrap();
    assert_eq!(!text.is_empty(), fault.has_text, "{name}: {text}");

    let next = person.say(chat, "and now?").await.with_status(201);
    assert_eq!(next["assistant_message"]["status"], "complete", "{name}");
}

#[tokio::test]
async fn what_is_odd_but_no_fault_is_taken() {
    let (_simulator, _home, server) = served().await;
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    for (scenario, stop_reason) in [
        ("unknown-event", "end_turn"),
        ("thinking", "end_turn"),
        ("max-tokens", "max_tokens"),
    ] {
        let words = format!("[[sim:{scenario}]] hello");
        let reply = person.say(chat, &words).await.with_status(201);
        let reply = &reply["assistant_message"];
        assert_eq!(reply["status"], "complete", "{scenario}");
        assert_eq!(reply["stop_reason"], stop_reason, "{scenario}");
    }
}

#[tokio::test]
async fn a_busy_model_is_asked_again_and_the_person_is_told() {
    let (simulator, _home, server) = served().await;
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let words = "[[sim:error;status=529;type=overloaded_error;times=1;run=a]] hello";
    let events = person.say_live(chat, words).await.rest().await;
    let busy: Vec<&Value> = events
        .iter()
        .filter(|event| event.name == "busy")
        .map(|event| &event.data["retry_in_ms"])
        .collect();
    assert_eq!(busy.len(), 1, "{events:?}");
    assert!(busy[0].as_u64().unwrap() > 0);
    assert_eq!(events.last().unwrap().name, "done");
    assert_eq!(simulator.bill().total.charges, 1);
}

#[tokio::test]
async fn a_reply_that_broke_off_is_charged_once_with_what_was_told() {
    let (simulator, _home, server) = served().await;
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    person
        .say(chat, "[[sim:disconnect;after=2]] hello")
        .await
        .with_status(502);
    let usage = person.usage().await;
    assert_eq!(usage["chat_count"], 1);
    assert_eq!(usage["input_tokens"], simulator.bill().total.input_tokens);
}

#[tokio::test]
async fn a_request_that_upstream_refused_costs_nothing() {
    let (simulator, _home, server) = served().await;
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    person
        .say(chat, "[[sim:error;status=400]] hello")
        .await
        .with_status(502);
    assert_eq!(simulator.bill().total.charges, 0);
    assert_eq!(person.usage().await["cost_micro_usd"], 0);
}
