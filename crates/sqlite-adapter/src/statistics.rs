//! Statistics by day. They are written in the transaction of what they count.

use async_trait::async_trait;
use diesel::{QueryResult, RunQueryDsl, SqliteConnection};
use lionrocket_domain::{
    calendar::{Day, DayRange},
    ids::CharacterId,
    statistics::{Figures, LatencyBucket},
    turn::{TurnFailure, TurnState},
    usage::Charge,
};
use lionrocket_ports::{StoreResult, stats::StatsRepository};
use lionrocket_sql_model::{
    convert::{count, stored_count},
    statistics::{
        AccountDayRow, AddToAccountDay, AddToCharacterDay, AddToFailureDay, AddToLatencyDay,
        AddToModelDay, CharacterRankRow, CountAccountsBefore, FindAccountDays, FindFailures,
        FindLatencies, FindModelDays, FindTopCharacters, FindTopUsers, ModelDayRow, UserRankRow,
        failures, latencies,
    },
};

use crate::{error::DbError, store::SqliteStore};

/// A turn that has just ended, as far as statistics want to know it.
pub(crate) struct EndedTurn<'a> {
    /// The day to which it is counted.
    pub(crate) usage_date: &'a str,
    /// The state in which it ended; `None` for a summary, which is no exchange.
    pub(crate) state: Option<TurnState>,
    pub(crate) failure: Option<TurnFailure>,
    /// How long the first text took.
    pub(crate) first_text: Option<LatencyBucket>,
    pub(crate) character_id: Option<CharacterId>,
    /// What it cost, if it was charged.
    pub(crate) charge: Option<&'a Charge>,
}

/// Counts a turn. To be called once for each.
pub(crate) fn count_turn(
    connection: &mut SqliteConnection,
    turn: &EndedTurn<'_>,
) -> QueryResult<()> {
    let usage_date = turn.usage_date;
    let tokens = turn.charge.map(|charge| charge.tokens).unwrap_or_default();
    let is_exchange = turn.state.is_some();
    let ended = |state| i64::from(turn.state == Some(state));
    AddToModelDay {
        usage_date,
        model: turn.charge.map_or("", |charge| charge.model.as_str()),
        exchanges: i64::from(is_exchange && turn.charge.is_some()),
        input_tokens: stored_count(tokens.input),
        output_tokens: stored_count(tokens.output),
        cache_read_tokens: stored_count(tokens.cache_read),
        cache_write_tokens: stored_count(tokens.cache_write()),
        cost_micro_usd: stored_count(turn.charge.map_or(0, |charge| charge.cost_micro_usd)),
        completed: ended(TurnState::Completed),
        stopped: ended(TurnState::Stopped),
        failed: ended(TurnState::Failed),
        interrupted: ended(TurnState::Interrupted),
    }
    .execute(connection)?;
    if let (Some(charge), Some(character_id)) = (turn.charge, turn.character_id) {
        AddToCharacterDay {
            usage_date,
            character_id: character_id.get(),
            exchanges: i64::from(is_exchange),
            total_tokens: stored_count(charge.tokens.total()),
            cost_micro_usd: stored_count(charge.cost_micro_usd),
        }
        .execute(connection)?;
    }
    if let Some(bucket) = turn.first_text {
        let bucket = bucket.number();
        AddToLatencyDay { usage_date, bucket }.execute(connection)?;
    }
    if let Some(failure) = turn.failure {
        let error_code = failure.code();
        AddToFailureDay {
            usage_date,
            error_code,
        }
        .execute(connection)?;
    }
    Ok(())
}

/// Counts what a summary cost.
pub(crate) fn count_summary(
    connection: &mut SqliteConnection,
    usage_date: &str,
    character_id: Option<CharacterId>,
    charge: &Charge,
) -> QueryResult<()> {
    let summary = EndedTurn {
        usage_date,
        state: None,
        failure: None,
        first_text: None,
        character_id,
        charge: Some(charge),
    };
    count_turn(connection, &summary)
}

/// Counts an account that was made.
pub(crate) fn count_new_account(connection: &mut SqliteConnection, day: Day) -> QueryResult<()> {
    AddToAccountDay {
        usage_date: &day.to_string(),
        new_accounts: 1,
        erased_accounts: 0,
        active_accounts: 0,
    }
    .execute(connection)?;
    Ok(())
}

/// Counts an account that was erased.
pub(crate) fn count_erased_account(connection: &mut SqliteConnection, day: Day) -> QueryResult<()> {
    AddToAccountDay {
        usage_date: &day.to_string(),
        new_accounts: 0,
        erased_accounts: 1,
        active_accounts: 0,
    }
    .execute(connection)?;
    Ok(())
}

/// Counts an account that was charged for the first time on a day.
pub(crate) fn count_active_account(
    connection: &mut SqliteConnection,
    usage_date: &str,
) -> QueryResult<()> {
    AddToAccountDay {
        usage_date,
        new_accounts: 0,
        erased_accounts: 0,
        active_accounts: 1,
    }
    .execute(connection)?;
    Ok(())
}

fn overview(
    connection: &mut SqliteConnection,
    range: DayRange,
    top: u32,
) -> Result<Figures, DbError> {
    let (first, last) = (&*range.from.to_string(), &*range.to.to_string());
    let limit = top.into();
    let (accounts_before,): (i64,) = CountAccountsBefore { day: first }.get_result(connection)?;
    let account_days: Vec<AccountDayRow> = FindAccountDays { first, last }.load(connection)?;
    let model_days: Vec<ModelDayRow> = FindModelDays { first, last }.load(connection)?;
    let characters: Vec<CharacterRankRow> =
        FindTopCharacters { first, last, limit }.load(connection)?;
    let users: Vec<UserRankRow> = FindTopUsers { first, last, limit }.load(connection)?;
    let active_accounts = users.first().map_or(0, |row| row.active_accounts);
    let turns = FindFailures { first, last }.load(connection)?;
    let first_text = FindLatencies { first, last }.load(connection)?;
    Ok(Figures {
        accounts_before: count("account_days", first, accounts_before)?,
        active_accounts: count("usage_stats", first, active_accounts)?,
        account_days: each(account_days, AccountDayRow::into_domain)?,
        model_days: each(model_days, ModelDayRow::into_domain)?,
        characters: each(characters, CharacterRankRow::into_domain)?,
        users: each(users, UserRankRow::into_domain)?,
        failures: failures(turns)?,
        first_text: latencies(first_text)?,
    })
}

fn each<R, T>(rows: Vec<R>, read: fn(R) -> StoreResult<T>) -> StoreResult<Vec<T>> {
    rows.into_iter().map(read).collect()
}

#[async_trait]
impl StatsRepository for SqliteStore {
    async fn overview(&self, range: DayRange, top: u32) -> StoreResult<Figures> {
        self.read_at_once(move |connection| overview(connection, range, top))
            .await
    }
}
