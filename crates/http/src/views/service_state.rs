//! The switch of the service.

use jiff::Timestamp;
use lionrocket_domain::budget::DailyLimit;
use lionrocket_ports::service::ServiceStatus;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ServiceInfo,
    request::{Fields, RequestBody, boolean},
};

/// What was used today of what may be.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceDayView {
    /// Tokens that were used, with what is set aside for running turns.
    #[schema(examples(180_000))]
    total_tokens: u64,
    /// What that costs, in millionths of a US dollar.
    #[schema(examples(420_000))]
    cost_micro_usd: u64,
    /// Tokens that all people together may use in a day; `null` for no limit.
    #[schema(required, examples(2_000_000))]
    token_budget: Option<u64>,
    /// What all people together may cost in a day, in millionths of a US dollar; `null` for no limit.
    #[schema(required, examples(5_000_000))]
    cost_budget_micro_usd: Option<u64>,
}

/// How the service stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServiceStateView {
    /// Whether new messages are taken.
    accepts_messages: bool,
    /// When that was switched last; `null` when it never was.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    changed_at: Option<Timestamp>,
    /// Today.
    today: ServiceDayView,
}

impl ServiceStateView {
    /// Shows how the service stands beside what it may use.
    pub(crate) fn new(status: ServiceStatus, limit: DailyLimit) -> Self {
        Self {
            accepts_messages: status.accepts_messages,
            changed_at: status.changed_at,
            today: ServiceDayView {
                total_tokens: status.used.tokens,
                cost_micro_usd: status.used.cost_micro_usd,
                token_budget: limit.tokens,
                cost_budget_micro_usd: limit.cost_micro_usd,
            },
        }
    }
}

/// What an administrator switches.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServiceStateBody {
    /// Whether new messages are taken.
    #[schema(examples(false))]
    pub(crate) accepts_messages: bool,
}

impl RequestBody for ServiceStateBody {
    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let accepts_messages = fields.required("accepts_messages", boolean);
        Some(Self {
            accepts_messages: accepts_messages?,
        })
    }
}
