use lionrocket_claude_sim::Simulator;
use serde_json::json;

use crate::support::{Sim, body, with};

#[tokio::test]
async fn the_same_seed_and_conversation_give_the_same_reply_in_any_simulator() {
    let (one, two) = (Sim::start().await, Sim::start().await);
    let other = Sim::build(Simulator::builder().seed(8)).await;
    let mut differs = false;
    for text in ["tell me about boats", "배 이야기 들려줘", "?"] {
        let reply = one.ask(&body(text)).await.message().text();
        assert_eq!(two.ask(&body(text)).await.message().text(), reply);
        assert_eq!(one.ask(&body(text)).await.message().text(), reply);
        differs |= other.ask(&body(text)).await.message().text() != reply;
    }
    assert!(differs);
}

#[tokio::test]
async fn the_reply_is_in_the_language_of_the_last_user_text() {
    let sim = Sim::start().await;
    let mixed = |first: &str, last: &str| {
        let turns = json!([{"role": "user", "content": first}, {"role": "assistant", "content": "."}, {"role": "user", "content": last}]);
        with(
            body(""),
            json!({"messages": turns, "system": "한국어 규칙 and English rules"}),
        )
    };
    let english = sim
        .ask(&mixed("안녕하세요", "and now in English"))
        .await
        .message()
        .text();
    assert!(english.is_ascii(), "{english}");
    let korean = sim
        .ask(&mixed("hello there", "이제는 한국어로"))
        .await
        .message()
        .text();
    assert!(korean.contains('요'), "{korean}");
}

#[tokio::test]
async fn earlier_turns_change_the_reply() {
    let sim = Sim::start().await;
    let mut replies = std::collections::HashSet::new();
    for system in ["a", "b", "c", "d", "e", "f"] {
        let ask = with(body("tell me about boats"), json!({ "system": system }));
        replies.insert(sim.ask(&ask).await.message().text());
    }
    assert!(replies.len() > 1);
}

#[tokio::test]
async fn a_dated_alias_answers_with_its_full_id() {
    let sim = Sim::start().await;
    let ask = with(body("hi"), json!({"model": "claude-haiku-4-5"}));
    assert_eq!(
        sim.ask(&ask).await.message().model,
        "claude-haiku-4-5-20251001"
    );
}
