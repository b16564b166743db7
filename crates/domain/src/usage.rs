//! Tokens and money.

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    calendar::Day,
    ids::{CharacterId, ChatId, TurnId, UserId},
};

/// Tokens of one exchange by kind. The kinds do not overlap: the whole input is the sum of
/// `input`, `cache_read` and both cache writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenUsage {
    /// Input that was neither read from nor written to the prompt cache.
    pub input: u64,
    /// Output, thinking included.
    pub output: u64,
    /// Input read from the prompt cache.
    pub cache_read: u64,
    /// Input written to the prompt cache for five minutes.
    pub cache_write_5m: u64,
    /// Input written to the prompt cache for an hour.
    pub cache_write_1h: u64,
}

impl TokenUsage {
    /// Input written to the prompt cache, however long it is kept.
    #[must_use]
    pub const fn cache_write(&self) -> u64 {
        self.cache_write_5m + self.cache_write_1h
    }

    /// The whole input, cached or not.
    #[must_use]
    pub const fn total_input(&self) -> u64 {
        self.input + self.cache_read + self.cache_write()
    }

    /// All kinds together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total_input() + self.output
    }
}

impl AddAssign for TokenUsage {
    fn add_assign(&mut self, more: Self) {
        self.input += more.input;
        self.output += more.output;
        self.cache_read += more.cache_read;
        self.cache_write_5m += more.cache_write_5m;
        self.cache_write_1h += more.cache_write_1h;
    }
}

/// Prices in micro-dollars per million tokens, so that $0.10 per million is 100,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// Input that is not cached.
    pub input: u64,
    /// Output.
    pub output: u64,
    /// Input read from the cache.
    pub cache_read: u64,
    /// Input written to the cache for five minutes.
    pub cache_write_5m: u64,
    /// Input written to the cache for an hour.
    pub cache_write_1h: u64,
}

impl Prices {
    /// The cost in micro-dollars, rounded half up once, at the end.
    #[must_use]
    pub fn cost_micro_usd(&self, usage: &TokenUsage) -> u64 {
        let part = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        let exact = part(usage.input, self.input)
            + part(usage.output, self.output)
            + part(usage.cache_read, self.cache_read)
            + part(usage.cache_write_5m, self.cache_write_5m)
            + part(usage.cache_write_1h, self.cache_write_1h);
        u64::try_from((exact + 500_000) / 1_000_000).unwrap_or(u64::MAX)
    }
}

/// What one exchange cost: a row of the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The model that answered.
    pub model: String,
    /// The tokens by kind.
    pub tokens: TokenUsage,
    /// The cost in micro-dollars.
    pub cost_micro_usd: u64,
    /// The version of the price table that gave the cost.
    pub price_version: String,
    /// Whether upstream never told the exact output and it was estimated from the text.
    pub estimated: bool,
}

/// One request that upstream took: a row of the operator's own account. A turn has one, unless a
/// request broke off and another one followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What upstream charges for it.
    pub charge: Charge,
    /// Upstream's name for the request, if it gave one.
    pub upstream_request_id: Option<String>,
}

impl Charge {
    /// What several attempts at one turn cost together, under the model and prices of the last one.
    /// `None` for no attempt.
    #[must_use]
    pub fn of_attempts(attempts: &[Attempt]) -> Option<Self> {
        let (last, earlier) = attempts.split_last()?;
        let mut sum = last.charge.clone();
        for Attempt { charge, .. } in earlier {
            sum.tokens += charge.tokens;
            sum.cost_micro_usd = sum.cost_micro_usd.saturating_add(charge.cost_micro_usd);
            sum.estimated |= charge.estimated;
        }
        Some(sum)
    }
}

/// To whom and to which day a charge belongs. Kept apart from the chat, which may be deleted
/// before the charge is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChargeAccount {
    /// The exchange.
    pub turn_id: TurnId,
    /// Who pays.
    pub user_id: UserId,
    /// The chat.
    pub chat_id: ChatId,
    /// The character, unless it is gone.
    pub character_id: Option<CharacterId>,
    /// The day, fixed when the message was accepted.
    pub usage_date: Day,
    /// When the message was accepted.
    pub accepted_at: Timestamp,
}

/// Usage of one user on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageDay {
    /// The day.
    pub usage_date: Day,
    /// Exchanges that were charged.
    pub chat_count: u64,
    /// Tokens by kind; `cache_write_5m` holds both kinds of cache writes.
    pub tokens: TokenUsage,
    /// The cost in micro-dollars.
    pub cost_micro_usd: u64,
}

/// Estimates the tokens of a text where upstream did not count them: one per Hangul syllable or
/// other wide character, one per two and a half of the rest, rounded up.
#[must_use]
pub fn estimate_tokens(text: &str) -> u64 {
    let (wide, narrow) = text.chars().fold((0_u64, 0_u64), |(wide, narrow), c| {
        if u32::from(c) >= 0x1100 {
            (wide + 1, narrow)
        } else {
            (wide, narrow + 1)
        }
    });
    wide + (narrow * 2).div_ceil(5)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HAIKU: Prices = Prices {
        input: 100_000,
        output: 500_000,
        cache_read: 10_000,
        cache_write_5m: 125_000,
        cache_write_1h: 200_000,
    };

    #[test]
    fn a_million_tokens_of_each_kind_cost_what_the_table_says() {
        let million = 1_000_000;
        let usage = TokenUsage {
            input: million,
            output: million,
            cache_read: million,
            cache_write_5m: million,
            cache_write_1h: million,
        };
        assert_eq!(HAIKU.cost_micro_usd(&usage), 935_000);
        assert_eq!(usage.total(), 5 * million);
    }

    #[test]
    fn a_cost_is_rounded_once_and_half_up() {
        let usage = |input| TokenUsage {
            input,
            ..TokenUsage::default()
        };
        assert_eq!(HAIKU.cost_micro_usd(&usage(4)), 0);
        assert_eq!(HAIKU.cost_micro_usd(&usage(5)), 1);
    }

    #[test]
    fn hangul_is_estimated_at_a_token_a_syllable() {
        assert_eq!(estimate_tokens("안녕하세요"), 5);
        assert_eq!(estimate_tokens("hello"), 2);
        assert_eq!(estimate_tokens(""), 0);
    }

    proptest! {
        #[test]
        fn more_tokens_never_cost_less(input in 0_u64..1_000_000_000, output in 0_u64..1_000_000_000, more in 0_u64..1_000_000) {
            let usage = TokenUsage { input, output, ..TokenUsage::default() };
            let larger = TokenUsage { output: output + more, ..usage };
            prop_assert!(HAIKU.cost_micro_usd(&larger) >= HAIKU.cost_micro_usd(&usage));
        }
    }
}
