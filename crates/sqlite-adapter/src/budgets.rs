//! Budgets and the switch of the service.

use async_trait::async_trait;
use diesel::{OptionalExtension, QueryResult, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use lionrocket_domain::{
    audit::AuditRecord,
    budget::{Amount, BudgetScope},
    calendar::Day,
    ids::UserId,
};
use lionrocket_ports::{
    StoreResult,
    service::{ServiceRepository, ServiceStatus},
    turns::TurnBudget,
};
use lionrocket_sql_model::{
    budgets::{
        DeleteReservation, FindServiceState, FindUsedByAll, FindUsedByUser, InsertReservation,
        SwitchService, TakeReservation,
    },
    convert::{count, stored_count},
    time::StoredTime,
};

use crate::{audit::append, error::DbError, store::SqliteStore};

fn amount(key: &str, (tokens, cost): (i64, i64)) -> StoreResult<Amount> {
    Ok(Amount {
        tokens: count("budget_reservations", key, tokens)?,
        cost_micro_usd: count("budget_reservations", key, cost)?,
    })
}

/// What a person used on a day, with what is set aside for their running turns.
pub(crate) fn used_by_user(
    connection: &mut SqliteConnection,
    user_id: UserId,
    day: Day,
) -> Result<Amount, DbError> {
    let usage_date = day.to_string();
    let used = FindUsedByUser {
        user_id: user_id.get(),
        usage_date: &usage_date,
    }
    .get_result(connection)?;
    Ok(amount(&usage_date, used)?)
}

/// What all people used on a day, with what is set aside for running turns.
fn used_by_all(connection: &mut SqliteConnection, day: Day) -> Result<Amount, DbError> {
    let usage_date = day.to_string();
    let used = FindUsedByAll {
        usage_date: &usage_date,
    }
    .get_result(connection)?;
    Ok(amount(&usage_date, used)?)
}

/// What is to be set aside, for whom and on which day.
pub(crate) struct Reservation<'a> {
    pub(crate) turn_id: &'a str,
    pub(crate) user_id: UserId,
    pub(crate) usage_date: Day,
    /// The user's own limit.
    pub(crate) own_tokens: Option<u64>,
    pub(crate) plan: TurnBudget,
}

/// A budget that something does not fit.
pub(crate) struct Exhausted {
    pub(crate) scope: BudgetScope,
    /// Whether not even the least that it may be taken to cost would fit.
    pub(crate) is_certain: bool,
}

/// Sets aside what a turn may cost at most, or answers whose budget it does not fit. Without any
/// limit nothing is set aside.
pub(crate) fn reserve(
    connection: &mut SqliteConnection,
    request: &Reservation<'_>,
) -> Result<Option<Exhausted>, DbError> {
    let plan = &request.plan;
    let user = plan.limits.of_user(request.own_tokens);
    let service = plan.limits.service;
    if !user.is_set() && !service.is_set() {
        return Ok(None);
    }
    for (scope, limit) in [(BudgetScope::User, user), (BudgetScope::Service, service)] {
        if !limit.is_set() {
            continue;
        }
        let spent = match scope {
            BudgetScope::User => used_by_user(connection, request.user_id, request.usage_date)?,
            BudgetScope::Service => used_by_all(connection, request.usage_date)?,
        };
        if !limit.allows(spent, plan.most) {
            let is_certain = !limit.allows(spent, plan.least);
            return Ok(Some(Exhausted { scope, is_certain }));
        }
    }
    set_aside(connection, request, plan.most)?;
    Ok(None)
}

fn set_aside(
    connection: &mut SqliteConnection,
    request: &Reservation<'_>,
    amount: Amount,
) -> QueryResult<()> {
    InsertReservation {
        turn_id: request.turn_id,
        user_id: request.user_id.get(),
        usage_date: &request.usage_date.to_string(),
        tokens: stored_count(amount.tokens),
        cost_micro_usd: stored_count(amount.cost_micro_usd),
    }
    .execute(connection)?;
    Ok(())
}

/// Sets something else aside for a turn than before. When that does not fit a budget, what was set
/// aside stays.
pub(crate) fn reserve_anew(
    connection: &mut SqliteConnection,
    request: &Reservation<'_>,
) -> Result<Option<Exhausted>, DbError> {
    let before: Option<(i64, i64)> = TakeReservation {
        turn_id: request.turn_id,
    }
    .get_result(connection)
    .optional()?;
    let exhausted = reserve(connection, request)?;
    if let (Some(before), Some(_)) = (before, &exhausted) {
        set_aside(connection, request, amount(request.turn_id, before)?)?;
    }
    Ok(exhausted)
}

/// Gives back what was set aside for a turn that has ended.
pub(crate) fn give_back(connection: &mut SqliteConnection, turn_id: &str) -> QueryResult<()> {
    DeleteReservation { turn_id }.execute(connection)?;
    Ok(())
}

fn status(connection: &mut SqliteConnection, day: Day) -> Result<ServiceStatus, DbError> {
    let (accepts_messages, changed_at): (bool, StoredTime) =
        FindServiceState {}.get_result(connection)?;
    let changed_at = changed_at.into_domain("service_state", 1)?;
    Ok(ServiceStatus {
        accepts_messages,
        // What the row is made with.
        changed_at: (changed_at > Timestamp::UNIX_EPOCH).then_some(changed_at),
        used: used_by_all(connection, day)?,
    })
}

#[async_trait]
impl ServiceRepository for SqliteStore {
    async fn status(&self, today: Day) -> StoreResult<ServiceStatus> {
        self.read_at_once(move |connection| status(connection, today))
            .await
    }

    async fn switch(
        &self,
        accepts_messages: bool,
        today: Day,
        record: AuditRecord,
        now: Timestamp,
    ) -> StoreResult<ServiceStatus> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            SwitchService {
                accepts_messages,
                changed_at: now.into(),
            }
            .execute(connection)?;
            append(connection, &*seal, record.clone(), now)?;
            status(connection, today)
        })
        .await
    }
}
