//! Statistics of the whole service.

use lionrocket_domain::statistics::{
    Activity, CharacterRank, FailureCount, LatencyHistogram, ModelRank, Overview, Summary,
    TurnOutcomes, UserRank,
};
use serde::Serialize;
use utoipa::ToSchema;

/// Turns by the way they ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct TurnOutcomesView {
    /// The model said all it had to say.
    completed: u64,
    /// The person stopped it.
    stopped: u64,
    /// The model or the way to it failed.
    failed: u64,
    /// It was cut in the middle.
    interrupted: u64,
}

impl From<TurnOutcomes> for TurnOutcomesView {
    fn from(turns: TurnOutcomes) -> Self {
        Self {
            completed: turns.completed,
            stopped: turns.stopped,
            failed: turns.failed,
            interrupted: turns.interrupted,
        }
    }
}

/// What turns used and how they ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityView {
    /// Exchanges that were charged.
    exchanges: u64,
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
    /// Turns that ended, those that cost nothing among them.
    turns: TurnOutcomesView,
    /// The share of turns that failed or were cut, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    error_rate: f64,
}

impl From<Activity> for ActivityView {
    fn from(activity: Activity) -> Self {
        Self {
            exchanges: activity.exchanges,
            total_tokens: activity.tokens.total(),
            input_tokens: activity.tokens.input,
            output_tokens: activity.tokens.output,
            cache_read_tokens: activity.tokens.cache_read,
            cache_write_tokens: activity.tokens.cache_write(),
            cost_micro_usd: activity.cost_micro_usd,
            error_rate: error_rate(&activity.turns),
            turns: activity.turns.into(),
        }
    }
}

fn error_rate(turns: &TurnOutcomes) -> f64 {
    // At most a million.
    f64::from(u32::try_from(turns.errors_per_million()).unwrap_or(u32::MAX)) / 1_000_000.0
}

/// People, what they used and how turns ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct SummaryView {
    /// Accounts at the end.
    users: u64,
    /// Accounts that were made.
    new_users: u64,
    /// Accounts with at least one charged exchange.
    active_users: u64,
    /// What turns used and how they ended.
    #[serde(flatten)]
    activity: ActivityView,
}

impl From<Summary> for SummaryView {
    fn from(summary: Summary) -> Self {
        Self {
            users: summary.accounts,
            new_users: summary.new_accounts,
            active_users: summary.active_accounts,
            activity: summary.activity.into(),
        }
    }
}

/// One day of the service.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatsDayView {
    /// The day in the zone of the statistics.
    #[schema(format = Date, examples("2026-11-22"))]
    usage_date: String,
    /// What it was.
    #[serde(flatten)]
    summary: SummaryView,
}

/// What one model did.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelStatsView {
    /// The model.
    #[schema(examples("claude-haiku-5-5"))]
    model: String,
    /// What it did.
    #[serde(flatten)]
    activity: ActivityView,
}

impl From<ModelRank> for ModelStatsView {
    fn from(rank: ModelRank) -> Self {
        Self {
            model: rank.model,
            activity: rank.activity.into(),
        }
    }
}

/// A character by how much people talk to it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CharacterStatsView {
    /// The character's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    character_id: i64,
    /// Its name; `null` once it is deleted.
    #[schema(required)]
    name: Option<String>,
    /// Exchanges that were charged.
    exchanges: u64,
    /// All tokens.
    total_tokens: u64,
    /// The cost in millionths of a US dollar.
    cost_micro_usd: u64,
}

impl From<CharacterRank> for CharacterStatsView {
    fn from(rank: CharacterRank) -> Self {
        Self {
            character_id: rank.character_id.get(),
            name: rank.name.map(|name| name.as_str().to_owned()),
            exchanges: rank.exchanges,
            total_tokens: rank.total_tokens,
            cost_micro_usd: rank.cost_micro_usd,
        }
    }
}

/// A person by how much they use.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserStatsView {
    /// The account's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    user_id: i64,
    /// Its name.
    username: String,
    /// Exchanges that were charged.
    exchanges: u64,
    /// All tokens.
    total_tokens: u64,
    /// The cost in millionths of a US dollar.
    cost_micro_usd: u64,
}

impl From<UserRank> for UserStatsView {
    fn from(rank: UserRank) -> Self {
        Self {
            user_id: rank.user_id.get(),
            username: rank.username.as_str().to_owned(),
            exchanges: rank.exchanges,
            total_tokens: rank.total_tokens,
            cost_micro_usd: rank.cost_micro_usd,
        }
    }
}

/// Turns that did not end well for one reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailureStatsView {
    /// The reason: a code of the problems.
    #[schema(examples("upstream_timeout"))]
    code: String,
    /// Turns.
    turns: u64,
}

impl From<FailureCount> for FailureStatsView {
    fn from(failure: FailureCount) -> Self {
        Self {
            code: failure.code,
            turns: failure.turns,
        }
    }
}

/// How long it took from accepting a message to the first text of its reply. Within a tenth of the
/// exact figures; `null` when there was no reply.
#[derive(Serialize, ToSchema)]
pub(crate) struct LatencyView {
    /// Turns whose reply began.
    turns: u64,
    /// Half of the replies began within this many milliseconds.
    #[schema(required)]
    p50_ms: Option<u64>,
    /// Nine of ten did.
    #[schema(required)]
    p90_ms: Option<u64>,
    /// All but one of a hundred did.
    #[schema(required)]
    p99_ms: Option<u64>,
}

impl From<&LatencyHistogram> for LatencyView {
    fn from(latencies: &LatencyHistogram) -> Self {
        Self {
            turns: latencies.turns(),
            p50_ms: latencies.percentile_ms(50),
            p90_ms: latencies.percentile_ms(90),
            p99_ms: latencies.percentile_ms(99),
        }
    }
}

/// The service over a range of days.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewView {
    /// The first day.
    #[schema(format = Date, examples("2026-10-24"))]
    from: String,
    /// The last day.
    #[schema(format = Date, examples("2026-11-22"))]
    to: String,
    /// All days together.
    totals: SummaryView,
    /// Every day, oldest first; days without anything are there as well.
    days: Vec<StatsDayView>,
    /// The models that answered, most tokens first.
    models: Vec<ModelStatsView>,
    /// The ten characters with most exchanges.
    characters: Vec<CharacterStatsView>,
    /// The ten people with most tokens.
    users: Vec<UserStatsView>,
    /// Why turns did not end well, most frequent first.
    failures: Vec<FailureStatsView>,
    /// How long replies took to begin.
    first_text_latency: LatencyView,
}

impl From<Overview> for OverviewView {
    fn from(overview: Overview) -> Self {
        Self {
            from: overview.range.from.to_string(),
            to: overview.range.to.to_string(),
            totals: overview.totals.into(),
            days: overview
                .days
                .into_iter()
                .map(|(day, summary)| StatsDayView {
                    usage_date: day.to_string(),
                    summary: summary.into(),
                })
                .collect(),
            models: overview.models.into_iter().map(Into::into).collect(),
            characters: overview.characters.into_iter().map(Into::into).collect(),
            users: overview.users.into_iter().map(Into::into).collect(),
            failures: overview.failures.into_iter().map(Into::into).collect(),
            first_text_latency: (&overview.first_text).into(),
        }
    }
}

/// The columns of the days as a table.
pub(crate) const DAY_COLUMNS: [&str; 16] = [
    "usage_date",
    "users",
    "new_users",
    "active_users",
    "exchanges",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cost_micro_usd",
    "completed",
    "stopped",
    "failed",
    "interrupted",
    "error_rate",
];

/// The days as rows of a table.
pub(crate) fn day_rows(overview: &Overview) -> impl Iterator<Item = Vec<String>> {
    overview.days.iter().map(|(day, summary)| {
        let Activity {
            exchanges,
            tokens,
            cost_micro_usd,
            turns,
        } = &summary.activity;
        vec![
            day.to_string(),
            summary.accounts.to_string(),
            summary.new_accounts.to_string(),
            summary.active_accounts.to_string(),
            exchanges.to_string(),
            tokens.total().to_string(),
            tokens.input.to_string(),
            tokens.output.to_string(),
            tokens.cache_read.to_string(),
            tokens.cache_write().to_string(),
            cost_micro_usd.to_string(),
            turns.completed.to_string(),
            turns.stopped.to_string(),
            turns.failed.to_string(),
            turns.interrupted.to_string(),
            error_rate(turns).to_string(),
        ]
    })
}
