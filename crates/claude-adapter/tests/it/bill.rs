//! The tokens and the cost that the adapter tells are what the service charges.

use lionrocket_claude_adapter::ClaudeModel;
use lionrocket_claude_sim::{Charge, Simulator};
use lionrocket_domain::usage::TokenUsage;
use lionrocket_ports::model::ModelEvent;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::support::{Outcome, catalog, read, request, settings, until};

const SCENARIOS: [&str; 6] = [
    "",
    "",
    "[[sim:thinking]]",
    "[[sim:max-tokens]]",
    "[[sim:refusal]]",
    "[[sim:refusal;after=2]]",
];
const MODELS: [&str; 6] = [
    "claude-haiku-5-5",
    "claude-sonnet-5-5",
    "claude-opus-5-5",
    "claude-fable-5-2",
    "claude-sonnet-4-6",
    "claude-haiku-4-5",
];

#[derive(Clone, Debug)]
struct Conversation {
    model: &'static str,
    /// Long enough at times to be cached.
    instructions: String,
    /// What the person says, and what shall happen then.
    turns: Vec<(String, &'static str)>,
}

fn conversations() -> impl Strategy<Value = Conversation> {
    let scenario = proptest::sample::select(SCENARIOS.to_vec());
    let turns = proptest::collection::vec(("[a-z가-힣 ]{1,60}", scenario), 1..5);
    let models = proptest::sample::select(MODELS.to_vec());
    (models, 1..400_usize, turns).prop_map(|(model, length, turns)| Conversation {
        model,
        instructions: "너는 등대를 지키는 사람이다. ".repeat(length),
        turns,
    })
}

fn tokens(charge: &Charge) -> TokenUsage {
    if !charge.billed {
        return TokenUsage::default();
    }
    TokenUsage {
        input: charge.input_tokens,
        output: charge.output_tokens,
        cache_read: charge.cache_read_tokens,
        cache_write_5m: charge.cache_write_5m_tokens,
        cache_write_1h: charge.cache_write_1h_tokens,
    }
}

fn answering_model(outcome: &Outcome) -> &str {
    match &outcome.events[0] {
        ModelEvent::Started { model, .. } => model,
        other => panic!("{other:?}"),
    }
}

/// Holds a conversation and compares every exchange with the bill. Tells the tokens by kind.
async fn compare(simulator: &Simulator, conversation: Conversation) -> TokenUsage {
    let catalog = catalog();
    let mut settings = settings(&simulator.base_url());
    settings.model = conversation.model.to_owned();
    settings.facts = catalog.facts(conversation.model).cloned();
    let model = ClaudeModel::new(settings).unwrap();
    let mut turns: Vec<String> = Vec::new();
    let mut sum = TokenUsage::default();
    for (words, scenario) in conversation.turns {
        turns.push(format!("I say {words} {scenario}"));
        let said: Vec<&str> = turns.iter().map(String::as_str).collect();
        let mut request = request(&said);
        request.prompt.system[1]
            .text
            .clone_from(&conversation.instructions);
        let outcome = read(&model, request).await;
        let (_, told) = outcome.finished();
        until("the end of the charge", || {
            simulator
                .bill()
                .charges
                .last()
                .is_some_and(|charge| !charge.open)
        })
        .await;
        let charge = simulator.bill().charges.pop().unwrap();
        assert_eq!(told, tokens(&charge));
        assert_eq!(answering_model(&outcome), charge.model);
        let cost = catalog.charge(&charge.model, told, false).cost_micro_usd;
        let billed = if charge.billed {
            charge.cost_micro_usd
        } else {
            0
        };
        assert_eq!(cost, billed, "{}", charge.model);
        sum.cache_read += told.cache_read;
        sum.cache_write_5m += told.cache_write_5m;
        turns.push(format!("{} ", outcome.text()) + "So it is.");
    }
    sum
}

#[test]
fn the_tokens_and_the_cost_are_what_the_service_charges() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let simulator = runtime.block_on(Simulator::builder().start()).unwrap();
    TestRunner::new(ProptestConfig::with_cases(48))
        .run(&conversations(), |conversation| {
            simulator.reset();
            runtime.block_on(compare(&simulator, conversation));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_growing_conversation_is_read_from_the_cache() {
    let simulator = Simulator::builder().start().await.unwrap();
    let sum = compare(
        &simulator,
        Conversation {
            model: "claude-haiku-5-5",
            instructions: "너는 등대를 지키는 사람이다. ".repeat(100),
            turns: vec![("안녕".to_owned(), ""); 3],
        },
    )
    .await;
    assert!(sum.cache_write_5m > 500, "{sum:?}");
    assert!(sum.cache_read > 1_000, "{sum:?}");
}

#[tokio::test]
async fn a_long_prompt_is_charged_at_the_higher_price_by_both() {
    let simulator = Simulator::builder().start().await.unwrap();
    compare(
        &simulator,
        Conversation {
            model: "claude-haiku-5-5",
            instructions: "가나다라마".repeat(21_000),
            turns: vec![("안녕".to_owned(), ""); 2],
        },
    )
    .await;
    let charge = simulator.bill().charges.remove(0);
    assert!(tokens(&charge).total_input() > 100_000, "{charge:?}");
}
