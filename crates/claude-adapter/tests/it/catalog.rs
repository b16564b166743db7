//! The table of models that the service ships.

use lionrocket_domain::{catalog::Thinking, usage::Prices};

use crate::support::catalog;

#[test]
fn known_prices_are_in_the_table() {
    let catalog = catalog();
    assert_eq!(catalog.price_version, "2026-11-22");
    let haiku = &catalog.models["claude-haiku-5-5"];
    assert_eq!(
        haiku.prices,
        Prices {
            input: 100_000,
            output: 500_000,
            cache_read: 10_000,
            cache_write_5m: 125_000,
            cache_write_1h: 200_000,
        }
    );
    let long = haiku.long_prompt.as_ref().unwrap();
    assert_eq!(long.above_input_tokens, 100_000);
    assert_eq!(
        long.prices,
        Prices {
            input: 500_000,
            output: 2_500_000,
            cache_read: 50_000,
            cache_write_5m: 625_000,
            cache_write_1h: 1_000_000,
        }
    );
    assert_eq!(
        catalog.models["claude-sonnet-5-5"].prices.cache_read,
        100_000
    );
    assert_eq!(catalog.models["claude-opus-5-5"].prices.output, 20_000_000);
    assert_eq!(
        catalog.models["claude-fable-5-2"].prices.cache_read,
        200_000
    );
    assert_eq!(catalog.models["claude-opus-4-5"].context_tokens, 200_000);
    assert_eq!(catalog.models["claude-haiku-4-5"].max_output_tokens, 64_000);
}

#[test]
fn cache_writes_cost_a_fixed_part_more_than_input() {
    for (id, facts) in &catalog().models {
        let long = facts.long_prompt.as_ref().map(|long| &long.prices);
        for prices in std::iter::once(&facts.prices).chain(long) {
            assert_eq!(prices.cache_write_5m, prices.input * 5 / 4, "{id}");
            assert_eq!(prices.cache_write_1h, prices.input * 2, "{id}");
            assert!(prices.cache_read <= prices.input / 10, "{id}");
        }
    }
}

#[test]
fn the_models_to_choose_from_answer_without_thinking_first() {
    let catalog = catalog();
    let thinking = |id: &str| catalog.models[id].thinking;
    assert_eq!(thinking("claude-haiku-5-5"), Thinking::Disabled);
    assert_eq!(thinking("claude-sonnet-5-5"), Thinking::BetweenTools);
    assert_eq!(thinking("claude-opus-5-5"), Thinking::Unset);
    assert_eq!(thinking("claude-haiku-4-5"), Thinking::Unset);
}

#[test]
fn the_demo_model_costs_nothing() {
    let demo = &catalog().models["lionrocket-demo"];
    assert_eq!(demo.prices, Prices::default());
    assert_eq!(
        (demo.context_tokens, demo.thinking),
        (1_000_000, Thinking::Unset)
    );
}
