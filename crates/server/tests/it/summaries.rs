//! Summing up what leaves the window of a long chat.

use lionrocket_claude_sim::{RecordedRequest, Simulator};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Home, Person, eventually};

/// A person's chat of which the model is sent two thousand tokens.
struct LongChat {
    person: Person,
    chat: i64,
}

impl LongChat {
    async fn say(&self, words: &str) {
        self.person.say(self.chat, words).await.with_status(201);
    }

    async fn summary(&self) -> Value {
        let path = format!("/api/chats/{}/summary", self.chat);
        self.person.get(&path).await.with_status(200)
    }

    async fn change(&self, body: Value) -> Value {
        let path = format!("/api/chats/{}/summary", self.chat);
        let request = self.person.request(Method::PUT, &path).json(&body);
        Answer::of(request).await.with_status(200)
    }

    /// Talks until something was summed up; answers the summary.
    async fn talk_until_summed_up(&self) -> Value {
        for number in 1..=40 {
            self.say(&format!(
                "{number}. 등대에서 무엇이 보이는지, 오늘 바람은 어떤지 이야기해 줘."
            ))
            .await;
            let summary = self.summary().await;
            if summary["text"].is_string() {
                return summary;
            }
        }
        eventually("a summary", async || {
            let summary = self.summary().await;
            summary["text"].is_string().then_some(summary)
        })
        .await
    }
}

/// The words of the first turn of the last reply that was asked for.
fn first_turn(simulator: &Simulator) -> String {
    let is_reply = |request: &&RecordedRequest| !is_summary(request);
    let requests = simulator.requests();
    let last = requests.iter().rfind(is_reply).unwrap();
    last.body["messages"][0]["content"].to_string()
}

/// Only a request for a summary marks nothing to be cached.
fn is_summary(request: &RecordedRequest) -> bool {
    request.body["cache_control"].is_null()
}

#[tokio::test]
async fn a_long_chat_is_summed_up_and_the_figures_equal_the_bill() {
    let simulator = Simulator::builder().seed(7).start().await.unwrap();
    let home = Home::behind(&simulator).with("HISTORY_MAX_TOKENS", "2000");
    let server = home.serve();
    let person = Person::register(&server, "mina").await;
    let chat = person.open_chat().await;
    let long = LongChat { person, chat };
    let summary = long.talk_until_summed_up().await;
    let words = summary["text"].as_str().unwrap();
    assert!(words.starts_with("처음에는"), "{words}");

    // The next request has it, or one that was made since.
    long.say("기억하고 있어?").await;
    assert!(first_turn(&simulator).contains("<summary>"));

    let edited = long
        .change(json!({"text": "미나는 고양이 나비를 키운다."}))
        .await;
    assert_eq!(edited["is_edited"], true);
    long.say("우리 고양이 이름이 뭐였지?").await;
    assert!(first_turn(&simulator).contains("고양이 나비"));

    let off = long.change(json!({"is_enabled": false})).await;
    assert!(off["text"].is_string());
    long.say("이제는 모르겠지?").await;
    assert!(!first_turn(&simulator).contains("<summary>"));

    eventually("figures that equal the bill", async || {
        let (usage, bill) = (long.person.usage().await, simulator.bill());
        let total = bill.total;
        let cost: u64 = bill
            .charges
            .iter()
            .map(|charge| charge.cost_micro_usd)
            .sum();
        let is_same = usage["input_tokens"] == total.input_tokens
            && usage["output_tokens"] == total.output_tokens
            && usage["cache_read_tokens"] == total.cache_read_tokens
            && usage["cost_micro_usd"] == cost;
        is_same.then_some(())
    })
    .await;
    let requests = simulator.requests();
    let summaries = requests
        .iter()
        .filter(|request| is_summary(request))
        .count();
    assert!(summaries > 0);
    let exchanges = long.person.usage().await["chat_count"].as_u64().unwrap();
    assert_eq!(
        u64::try_from(simulator.bill().charges.len()).unwrap(),
        exchanges + u64::try_from(summaries).unwrap()
    );
    server.stop().await;
}
