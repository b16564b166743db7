//! Turns whose process is gone.

use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use lionrocket_domain::{
    ids::{NodeId, TurnId},
    usage::Charge,
};
use lionrocket_ports::turns::{OrphanedTurn, ResumeOutcome, ResumeTurn, TurnBudget};
use lionrocket_sql_model::{
    chats::{BeginFactsRow, FindBeginFacts},
    convert::count,
    messages::RestartReply,
    time::StoredTime,
    turns::{FindOrphans, NoteResumption, OrphanRow, TakeTurn},
};

use super::{finish::write_attempts, stored_length};
use crate::{
    budgets::{Reservation, reserve_anew},
    error::DbError,
};

/// Which turns are orphans.
pub(super) struct Wanted {
    pub(super) lease_before: Option<Timestamp>,
    pub(super) limit: u32,
    pub(super) at_work: Vec<TurnId>,
}

pub(super) fn claim(
    connection: &mut SqliteConnection,
    node_id: NodeId,
    lease_until: Timestamp,
    wanted: &Wanted,
) -> Result<Vec<OrphanedTurn>, DbError> {
    let node_id = node_id.to_string();
    let at_work: Vec<_> = wanted.at_work.iter().map(TurnId::to_string).collect();
    let rows: Vec<OrphanRow> = FindOrphans {
        lease_before: wanted.lease_before.map(StoredTime::from),
        node_id: &node_id,
        at_work: &serde_json::Value::from(at_work).to_string(),
        limit: wanted.limit.into(),
    }
    .load(connection)?;
    let mut orphans = Vec::with_capacity(rows.len());
    for row in rows {
        TakeTurn {
            id: &row.id,
            node_id: &node_id,
            lease_until: lease_until.into(),
        }
        .execute(connection)?;
        orphans.push(row.into_domain()?);
    }
    Ok(orphans)
}

/// What is set aside for the rest of a turn: what was spent on it counts as well, since it is not yet
/// in the totals.
fn with_spent(plan: TurnBudget, spent: Option<&Charge>) -> TurnBudget {
    let Some(spent) = spent else {
        return plan;
    };
    let mut sum = plan;
    for amount in [&mut sum.most, &mut sum.least] {
        amount.tokens = amount.tokens.saturating_add(spent.tokens.total());
        amount.cost_micro_usd = amount.cost_micro_usd.saturating_add(spent.cost_micro_usd);
    }
    sum
}

pub(super) fn resume(
    connection: &mut SqliteConnection,
    request: &ResumeTurn,
) -> Result<ResumeOutcome, DbError> {
    let account = &request.account;
    let turn_id = account.turn_id.to_string();
    let facts: Option<BeginFactsRow> = FindBeginFacts {
        user_id: account.user_id.get(),
        id: account.chat_id.get(),
        parent_id: None,
        parent_role: "",
    }
    .get_result(connection)
    .optional()?;
    let Some(facts) = facts else {
        return Ok(ResumeOutcome::Over);
    };
    if facts.running_turn_id.as_deref() != Some(&turn_id) {
        return Ok(ResumeOutcome::Over);
    }
    if !facts.accepts_messages {
        return Ok(ResumeOutcome::Paused);
    }
    let own_tokens = facts
        .daily_token_budget
        .map(|own| count("users", account.user_id, own))
        .transpose()?;
    let spent = Charge::of_attempts(&request.attempts);
    let reservation = Reservation {
        turn_id: &turn_id,
        user_id: account.user_id,
        usage_date: account.usage_date,
        own_tokens,
        plan: with_spent(request.budget, spent.as_ref()),
    };
    if reserve_anew(connection, &reservation)?.is_some() {
        return Ok(ResumeOutcome::BudgetExhausted);
    }
    let (reply_id,): (i64,) = NoteResumption {
        id: &turn_id,
        resumed_from: stored_length(&request.text),
        lease_until: request.lease_until.into(),
        first_text_at: request.first_text_at.map(StoredTime::from),
    }
    .get_result(connection)?;
    write_attempts(connection, &turn_id, &request.attempts, true, request.now)?;
    RestartReply {
        id: reply_id,
        content: &request.text,
    }
    .execute(connection)?;
    Ok(ResumeOutcome::Resumed)
}
