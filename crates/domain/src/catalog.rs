//! What is known of each language model: prices, sizes and how to ask it not to think aloud.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::usage::{Charge, Prices, TokenUsage};

/// How a model is asked to think. Not portable between models, hence part of the catalogue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thinking {
    /// Say nothing about it and take the model's default.
    #[default]
    Unset,
    /// `disabled`.
    Disabled,
    /// `between_tools`: without tools, text only.
    BetweenTools,
    /// `adaptive`.
    Adaptive,
}

/// Other prices for requests with a long prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LongPromptPrices {
    /// The whole request costs these prices when its input, cached or not, has more tokens.
    pub above_input_tokens: u64,
    /// The prices.
    pub prices: Prices,
}

/// What is known of one model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFacts {
    /// Prices in micro-dollars per million tokens.
    pub prices: Prices,
    /// Other prices for long prompts.
    #[serde(default)]
    pub long_prompt: Option<LongPromptPrices>,
    /// How the model is asked to think.
    #[serde(default)]
    pub thinking: Thinking,
    /// The largest input plus output, in tokens.
    pub context_tokens: u64,
    /// The largest output, in tokens.
    pub max_output_tokens: u32,
}

/// The table of models.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCatalog {
    /// A name for this state of the table; stored with every charge.
    pub price_version: String,
    /// The models by id.
    #[serde(default)]
    pub models: BTreeMap<String, ModelFacts>,
}

impl ModelCatalog {
    /// The facts of a model. A dated id such as `claude-haiku-4-5-20251001` falls back to its
    /// dateless name; `None` for an unknown model.
    #[must_use]
    pub fn facts(&self, model: &str) -> Option<&ModelFacts> {
        self.models.get(model).or_else(|| {
            let (name, date) = model.rsplit_once('-')?;
            let is_date = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
            is_date.then(|| self.models.get(name)).flatten()
        })
    }

    /// Puts a price on the tokens of one exchange. A model that is not in the table costs nothing
    /// and says so by the price version `unknown`.
    #[must_use]
    pub fn charge(&self, model: &str, tokens: TokenUsage, estimated: bool) -> Charge {
        let (cost_micro_usd, price_version) = match self.facts(model) {
            Some(facts) => (
                facts.prices_for(&tokens).cost_micro_usd(&tokens),
                self.price_version.clone(),
            ),
            None => (0, "unknown".to_owned()),
        };
        Charge {
            model: model.to_owned(),
            tokens,
            cost_micro_usd,
            price_version,
            estimated,
        }
    }
}

impl ModelCatalog {
    /// What a request may cost at most, in micro-dollars: all of the input at the dearest price for
    /// input. Like [`charge`](Self::charge), an unknown model costs nothing.
    #[must_use]
    pub fn cost_bound(&self, model: &str, input_tokens: u64, output_tokens: u64) -> u64 {
        let Some(facts) = self.facts(model) else {
            return 0;
        };
        let bound = |prices: &Prices| {
            let input_price = prices
                .input
                .max(prices.cache_read)
                .max(prices.cache_write_5m)
                .max(prices.cache_write_1h);
            let exact = u128::from(input_tokens) * u128::from(input_price)
                + u128::from(output_tokens) * u128::from(prices.output);
            u64::try_from(exact.div_ceil(1_000_000)).unwrap_or(u64::MAX)
        };
        let long = facts
            .long_prompt
            .as_ref()
            .filter(|long| input_tokens > long.above_input_tokens)
            .map_or(0, |long| bound(&long.prices));
        bound(&facts.prices).max(long)
    }
}

impl ModelFacts {
    fn prices_for(&self, tokens: &TokenUsage) -> &Prices {
        match &self.long_prompt {
            Some(long) if tokens.total_input() > long.above_input_tokens => &long.prices,
            _ => &self.prices,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn catalog() -> ModelCatalog {
        let prices = Prices {
            input: 100_000,
            output: 500_000,
            cache_read: 10_000,
            cache_write_5m: 125_000,
            cache_write_1h: 200_000,
        };
        let long = Prices {
            input: 500_000,
            output: 2_500_000,
            ..Prices::default()
        };
        let facts = ModelFacts {
            prices,
            long_prompt: Some(LongPromptPrices {
                above_input_tokens: 100_000,
                prices: long,
            }),
            thinking: Thinking::Disabled,
            context_tokens: 1_000_000,
            max_output_tokens: 128_000,
        };
        ModelCatalog {
            price_version: "2026-11-22".to_owned(),
            models: BTreeMap::from([("claude-haiku-5-5".to_owned(), facts)]),
        }
    }

    #[test]
    fn a_long_prompt_makes_the_whole_request_dearer() {
        let tokens = |input| TokenUsage {
            input,
            output: 100,
            ..TokenUsage::default()
        };
        let at = catalog().charge("claude-haiku-5-5", tokens(100_000), false);
        let above = catalog().charge("claude-haiku-5-5", tokens(100_001), false);
        assert_eq!(at.cost_micro_usd, 10_050);
        assert_eq!(above.cost_micro_usd, 50_251);
    }

    proptest! {
        #[test]
        fn no_charge_is_above_the_bound(
            kinds in proptest::collection::vec(0_u64..60_000, 5),
            spare in 0_u64..50_000,
        ) {
            let tokens = TokenUsage {
                input: kinds[0],
                output: kinds[1],
                cache_read: kinds[2],
                cache_write_5m: kinds[3],
                cache_write_1h: kinds[4],
            };
            let catalog = catalog();
            let model = "claude-haiku-5-5";
            let input = tokens.total_input() + spare;
            let bound = catalog.cost_bound(model, input, tokens.output);
            prop_assert!(catalog.charge(model, tokens, false).cost_micro_usd <= bound);
        }
    }

    #[test]
    fn an_unknown_model_is_charged_nothing_and_marked() {
        let charge = catalog().charge(
            "somebody-elses-model",
            TokenUsage {
                input: 9,
                ..TokenUsage::default()
            },
            true,
        );
        assert_eq!(
            (charge.cost_micro_usd, charge.price_version.as_str()),
            (0, "unknown")
        );
    }

    #[test]
    fn a_dated_id_has_the_facts_of_its_name() {
        assert!(catalog().facts("claude-haiku-5-5-20261007").is_some());
        assert!(catalog().facts("claude-haiku-5-5-latest").is_none());
    }
}
