//! Turns as events.

use std::time::Duration;

use lionrocket_test_support::{Gate, ModelStep, Person};

use crate::api::{Api, Event, OpenAnswer, RequestExt, events, request};

async fn start() -> (Api, Person, String) {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let chat = api.chat(&person).await;
    (api, person, format!("/api/chats/{chat}"))
}

fn send(person: &Person, chat: &str) -> actix_web::test::TestRequest {
    request("POST", &format!("{chat}/messages"))
        .by(person)
        .with("Accept", "text/event-stream")
        .json_text(r#"{"content":"hi"}"#)
}

fn text_of(events: &[Event]) -> String {
    let deltas = events.iter().filter(|event| event.name == "delta");
    deltas
        .map(|event| event.data["text"].as_str().unwrap())
        .collect()
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

async fn next(open: &mut OpenAnswer) -> Event {
    let piece = open.next().await.unwrap();
    events(&piece)
        .pop()
        .unwrap_or_else(|| panic!("no event in {piece:?}"))
}

#[actix_web::test]
async fn events_leave_as_they_come_and_tell_the_turn_first() {
    let (api, person, chat) = start().await;
    let gate = Gate::default();
    api.world.model.play(vec![
        ModelStep::Busy(Duration::from_millis(1500)),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("안녕 "),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("하세요 👋"),
    ]);
    let mut open = api.open(send(&person, &chat)).await;
    assert_eq!(open.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("content-encoding", "identity"),
    ] {
        assert_eq!(open.headers.get(name).unwrap(), value);
    }
    let turn = next(&mut open).await;
    assert_eq!(turn.name, "turn");
    assert_eq!(turn.data["state"], "queued");
    assert_eq!(turn.data["user_message"]["content"], "hi");
    assert_eq!(turn.data["assistant_message"]["status"], "streaming");
    let busy = next(&mut open).await;
    assert_eq!(
        (busy.name.as_str(), &busy.data["retry_in_ms"]),
        ("busy", &1500.into())
    );
    gate.open();
    let delta = next(&mut open).await;
    assert_eq!(delta.data["text"], "안녕 ");
    gate.open();
    assert_eq!(next(&mut open).await.data["text"], "하세요 👋");
    let usage = next(&mut open).await;
    assert_eq!(
        (usage.name.as_str(), &usage.data["output_tokens"]),
        ("usage", &2.into())
    );
    assert_eq!(usage.data["cost_micro_usd"], 14);
    let done = next(&mut open).await;
    assert_eq!(done.data["assistant_message"]["content"], "안녕 하세요 👋");
    assert_eq!(done.data["usage"], usage.data);
    assert_eq!(open.next().await, None);
}

#[actix_web::test]
async fn a_stream_goes_on_from_every_event_at_the_very_byte() {
    let (api, person, chat) = start().await;
    api.world.model.play(
        ["가나", "👩\u{200d}👧 ", "x", "\n\ny"]
            .map(ModelStep::Say)
            .into(),
    );
    let whole = api.send(send(&person, &chat)).await.events();
    let full = text_of(&whole);
    assert_eq!(full, "가나👩\u{200d}👧 x\n\ny");
    let turn = whole[0].data["turn_id"].as_str().unwrap();
    let path = format!("{chat}/turns/{turn}/events");
    for (index, event) in whole.iter().enumerate() {
        let id = event.id.clone().unwrap();
        let follow = request("GET", &path)
            .by(&person)
            .with("Last-Event-ID", id.clone());
        let rest = api.send(follow).await;
        if event.name == "done" {
            assert_eq!((rest.status.as_u16(), rest.text()), (204, ""));
            continue;
        }
        assert_eq!(rest.status, 200);
        let rest = rest.events();
        let before = text_of(&whole[..=index]);
        assert_eq!(before + &text_of(&rest), full, "after {id}");
        assert!(!names(&rest).contains(&"turn"));
        assert_eq!(names(&rest).contains(&"usage"), event.name != "usage");
        assert_eq!(rest.last(), whole.last());
    }
    let again = api.send(request("GET", &path).by(&person)).await.events();
    assert_eq!(names(&again), ["turn", "delta", "usage", "done"]);
    assert_eq!(text_of(&again), full);
}

#[actix_web::test]
async fn a_running_turn_is_followed_from_the_middle_to_its_end() {
    let (api, person, chat) = start().await;
    let gate = Gate::default();
    api.world.model.play(vec![
        ModelStep::Say("one "),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("two"),
    ]);
    let mut first = api.open(send(&person, &chat)).await;
    let turn = next(&mut first).await;
    let delta = next(&mut first).await;
    drop(first);
    let path = format!(
        "{chat}/turns/{}/events",
        turn.data["turn_id"].as_str().unwrap()
    );
    let follow = request("GET", &path)
        .by(&person)
        .with("Last-Event-ID", delta.id.unwrap());
    let mut second = api.open(follow).await;
    gate.open();
    assert_eq!(next(&mut second).await.data["text"], "two");
    assert_eq!(next(&mut second).await.name, "usage");
    assert_eq!(next(&mut second).await.name, "done");
    assert_eq!(second.next().await, None);
}

#[actix_web::test]
async fn a_stream_ends_with_its_session_and_no_other() {
    let (api, person, chat) = start().await;
    let other = api.world.person("other").await;
    let gate = Gate::default();
    api.world.model.play(vec![
        ModelStep::Say("one"),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("two"),
    ]);
    let mut open = api.open(send(&person, &chat)).await;
    assert_eq!(next(&mut open).await.name, "turn");
    assert_eq!(next(&mut open).await.name, "delta");
    api.send(request("POST", "/auth/logout").by(&other)).await;
    api.send(request("POST", "/auth/logout").by(&person)).await;
    let last = next(&mut open).await;
    assert_eq!((last.name.as_str(), last.id), ("revoked", None));
    assert_eq!(open.next().await, None);
    gate.open();
}

#[actix_web::test]
async fn a_silent_stream_gives_signs_of_life_until_its_token_is_over() {
    let (api, person, chat) = start().await;
    let gate = Gate::default();
    api.world
        .model
        .play(vec![ModelStep::Say("one"), ModelStep::Wait(gate.clone())]);
    let mut open = api.open(send(&person, &chat)).await;
    assert_eq!(next(&mut open).await.name, "turn");
    assert_eq!(next(&mut open).await.name, "delta");
    // From here on the time of tokio jumps to the next thing that waits for it.
    tokio::time::pause();
    assert_eq!(open.next().await.unwrap(), ": ping\n\n");
    assert_eq!(open.next().await.unwrap(), ": ping\n\n");
    api.world
        .clock
        .advance(jiff::SignedDuration::from_hours(25));
    assert_eq!(next(&mut open).await.name, "revoked");
    assert_eq!(open.next().await, None);
    gate.open();
}

/// A stream of a person who administers, whose reply waits after its first word.
async fn open_stream(api: &Api, person: &Person) -> (OpenAnswer, Gate) {
    let gate = Gate::default();
    let chat = format!("/api/chats/{}", api.chat(person).await);
    api.world.model.play(vec![
        ModelStep::Say("one"),
        ModelStep::Wait(gate.clone()),
        ModelStep::Say("two"),
    ]);
    let mut open = api.open(send(person, &chat)).await;
    assert_eq!(next(&mut open).await.name, "turn");
    assert_eq!(next(&mut open).await.name, "delta");
    (open, gate)
}

#[actix_web::test]
async fn a_stream_ends_at_once_when_its_person_is_disabled_demoted_or_changes_the_password() {
    for (number, change) in [
        r#"{"is_active":false}"#,
        r#"{"is_admin":false}"#,
        "password",
    ]
    .into_iter()
    .enumerate()
    {
        let api = Api::new().await;
        let boss = api.world.admin("boss").await;
        let person = api.world.admin(&format!("person{number}")).await;
        let (mut open, gate) = open_stream(&api, &person).await;
        let call = if change == "password" {
            request("PUT", "/auth/me/password").by(&person).json_text(
                r#"{"current_password":"lighthouse keeper 7","new_password":"quiet lighthouse 42 gulls"}"#,
            )
        } else {
            let path = format!("/admin/users/{}", person.actor.user_id);
            request("PATCH", &path).by(&boss).json_text(change)
        };
        let answer = api.send(call).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let last = next(&mut open).await;
        assert_eq!((last.name.as_str(), last.id), ("revoked", None), "{change}");
        assert_eq!(open.next().await, None);
        gate.open();
    }
}

#[actix_web::test]
async fn a_stream_goes_on_when_something_harmless_changes() {
    let api = Api::new().await;
    let person = api.world.person("owner").await;
    let (mut open, gate) = open_stream(&api, &person).await;
    let call = request("PATCH", "/auth/me").by(&person);
    let renamed = api.send(call.json_text(r#"{"display_name":"Haru"}"#)).await;
    assert_eq!(renamed.status, 200);
    gate.open();
    assert_eq!(next(&mut open).await.data["text"], "two");
}
