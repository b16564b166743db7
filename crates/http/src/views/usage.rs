//! Usage.

use jiff::Timestamp;
use lionrocket_app::usage::OwnBudget;
use lionrocket_domain::usage::{Charge, UsageDay};
use serde::Serialize;
use utoipa::ToSchema;

use super::list_view;

/// What one exchange cost. The kinds of tokens do not overlap.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageView {
    /// Input that was neither read from nor written to the prompt cache.
    input_tokens: u64,
    /// Output.
    output_tokens: u64,
    /// Input read from the prompt cache.
    cache_read_tokens: u64,
    /// Input written to the prompt cache.
    cache_write_tokens: u64,
    /// All kinds together.
    total_tokens: u64,
    /// The cost in millionths of a US dollar.
    cost_micro_usd: u64,
    /// Whether the model never told the exact output and it was estimated from the text.
    estimated: bool,
}

impl From<Option<&Charge>> for UsageView {
    /// An exchange that was not charged used nothing.
    fn from(charge: Option<&Charge>) -> Self {
        let tokens = charge.map(|charge| charge.tokens).unwrap_or_default();
        Self {
            input_tokens: tokens.input,
            output_tokens: tokens.output,
            cache_read_tokens: tokens.cache_read,
            cache_write_tokens: tokens.cache_write(),
            total_tokens: tokens.total(),
            cost_micro_usd: charge.map_or(0, |charge| charge.cost_micro_usd),
            estimated: charge.is_some_and(|charge| charge.estimated),
        }
    }
}

/// What a person used on one day.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageDayView {
    /// The day in the zone of the statistics.
    #[schema(format = Date, examples("2026-11-22"))]
    usage_date: String,
    /// Exchanges that were charged.
    chat_count: u64,
    /// All tokens.
    total_tokens: u64,
    /// Input that was neither read from nor written to the prompt cache.
    input_tokens: u64,
    /// Output.
    output_tokens: u64,
    /// Input read from the prompt cache.
    cache_read_tokens: u64,
    /// Input written to the prompt cache.
    cache_write_tokens: u64,
    /// The cost in millionths of a US dollar.
    cost_micro_usd: u64,
}

impl From<UsageDay> for UsageDayView {
    fn from(day: UsageDay) -> Self {
        Self {
            usage_date: day.usage_date.to_string(),
            chat_count: day.chat_count,
            total_tokens: day.tokens.total(),
            input_tokens: day.tokens.input,
            output_tokens: day.tokens.output,
            cache_read_tokens: day.tokens.cache_read,
            cache_write_tokens: day.tokens.cache_write(),
            cost_micro_usd: day.cost_micro_usd,
        }
    }
}

/// What a person may still use today.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnBudgetView {
    /// Tokens that the person may use per day; `null` for no limit.
    #[schema(required)]
    daily_token_budget: Option<u64>,
    /// Tokens that were used today, with what is set aside for replies under way.
    used_tokens: u64,
    /// When the next day begins.
    #[schema(value_type = String, format = DateTime)]
    resets_at: Timestamp,
}

impl From<OwnBudget> for OwnBudgetView {
    fn from(budget: OwnBudget) -> Self {
        Self {
            daily_token_budget: budget.daily_token_budget,
            used_tokens: budget.used_tokens,
            resets_at: budget.resets_at,
        }
    }
}

list_view!(
    /// Days with usage, oldest first.
    UsageDayList, UsageDayView
);

/// One's own usage.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnUsageView {
    /// What was used by day, and where the next page starts.
    #[serde(flatten)]
    pub(crate) days: UsageDayList,
    /// What may still be used today.
    pub(crate) budget: OwnBudgetView,
}
