//! One long conversation that does not fit what a model is sent, and what it costs.

use anyhow::{Context as _, Result};
use lionrocket_app::turns::{Ask, TurnRequest};
use lionrocket_claude_sim::Simulator;
use lionrocket_domain::{text::MessageText, window::HistoryBudget};
use lionrocket_local_adapter::SystemClock;
use lionrocket_ports::{chats::ChatRepository as _, runtime::Clock as _, summaries::SummaryStore};
use lionrocket_test_support::{World, wait_until};

use crate::ledger::{Process, surroundings};

/// What a long conversation was like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LongTalk {
    /// How many replies were asked for.
    pub replies: u64,
    /// How many of them with a summary of what was before.
    pub remembering: u64,
    /// How many summaries were made.
    pub summaries: u64,
    /// The input of all replies in tokens.
    pub input: u64,
    /// How much of it came from upstream's cache.
    pub cached: u64,
}

/// Talks for so many turns, each once nothing is done in the background any more, as people do who read
/// what they are told.
///
/// # Errors
/// Something did not work that always does.
pub async fn talk_long(turns: u32, history: HistoryBudget) -> Result<LongTalk> {
    let simulator = Simulator::builder().seed(7).start().await?;
    let world = World::new();
    let around = surroundings(&world, &simulator).await?;
    let process = Process::start(&around, 0, history).await?;
    let actor = around.people.first().context("a person")?.actor;
    let chat = process
        .store
        .create(actor, around.character_id, None, SystemClock.now());
    let chat_id = chat.await?.context("a chat")?.id;
    for number in 1..=turns {
        let words = format!("{number}. 등대에서 무엇이 보이는지, 오늘 바람은 어떤지 이야기해 줘.");
        let request = TurnRequest {
            chat_id,
            ask: Ask::Say {
                text: MessageText::parse(&words, 200)?,
                after: None,
            },
            idempotency_key: None,
        };
        let begun = process.service.begin(actor, request).await?;
        process
            .service
            .wait_begun(&begun)
            .await
            .context("a reply")?;
        wait_until("the end of all work", World::PATIENCE, async || {
            process.spawner.running() == 0
        })
        .await;
    }
    let summaries = SummaryStore::list(&process.store, actor.user_id, chat_id);
    let summaries = summaries.await?.len();
    process.die().await?;
    let mut talk = LongTalk {
        summaries: u64::try_from(summaries)?,
        ..LongTalk::default()
    };
    let bill = simulator.bill();
    for request in simulator.requests() {
        let body = &request.body;
        // What is summed up is sent once and marks nothing to be cached.
        if body["cache_control"].is_null() {
            continue;
        }
        let charges = &mut bill.charges.iter();
        let charge = charges
            .find(|charge| charge.request_id == request.request_id)
            .context("a charge")?;
        talk.replies += 1;
        let first = body["messages"][0]["content"].to_string();
        talk.remembering += u64::from(first.contains("<summary>"));
        talk.cached += charge.cache_read_tokens;
        talk.input += charge.input_tokens
            + charge.cache_read_tokens
            + charge.cache_write_5m_tokens
            + charge.cache_write_1h_tokens;
    }
    simulator.stop().await;
    Ok(talk)
}
