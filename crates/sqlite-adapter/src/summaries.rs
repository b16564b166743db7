//! Summaries of what models are not sent any more.

use async_trait::async_trait;
use diesel::{OptionalExtension, RunQueryDsl, SqliteConnection};
use jiff::Timestamp;
use lionrocket_domain::{
    chat::PastMessage,
    ids::{CharacterId, ChatId, MessageId, NodeId, TurnId, UserId},
    summary::{BranchSummary, Summary},
    text::SummaryText,
    usage::ChargeAccount,
};
use lionrocket_ports::{
    StoreError, StoreResult,
    summaries::{
        BeginSummary, BeginSummaryOutcome, ChangeSummaryOutcome, FinishSummary,
        FinishSummaryOutcome, SummaryChange, SummaryState, SummaryStore,
    },
};
use lionrocket_sql_model::{
    convert::count,
    summaries::{
        EditSummary, EndSummaryRun, FindLeftOverSummaries, FindNewestSummary, FindSummary,
        FindSummaryBasis, FindSummaryFacts, InsertSummaryRun, KeepSummary, LeftOverRow,
        ListSummaries, MOST_STEPS, NoteSummaryChange, SummaryBasisRow, SummaryFactsRow, SummaryRow,
    },
    time::StoredTime,
};

use crate::{
    budgets::{Reservation, give_back, reserve},
    error::DbError,
    statistics::count_summary,
    store::SqliteStore,
    turns::finish::{ChargedFor, payer, settle, write_charge},
};

/// Finds the summary that holds at the end of a branch of which the last messages are known, or none.
pub(crate) fn find_summary(
    connection: &mut SqliteConnection,
    chat_id: ChatId,
    last: Option<i64>,
    known: &[PastMessage],
) -> Result<Option<Summary>, DbError> {
    let Some(last_id) = last else {
        return Ok(None);
    };
    let chat_id = chat_id.get();
    let newest = FindNewestSummary { chat_id, last_id };
    let newest: Option<SummaryRow> = newest.get_result(connection).optional()?;
    let Some(newest) = newest else {
        return Ok(None);
    };
    // Messages of a branch come one after the other: a summary of this one that tells of more would be
    // newer.
    if known
        .iter()
        .any(|known| known.id.get() == newest.covers_up_to)
    {
        return Ok(Some(newest.into_domain()?));
    }
    let walk = FindSummary {
        chat_id,
        last_id,
        limit: MOST_STEPS,
    };
    let found: Option<SummaryRow> = walk.get_result(connection).optional()?;
    Ok(found.map(SummaryRow::into_domain).transpose()?)
}

fn get(
    connection: &mut SqliteConnection,
    owner: UserId,
    chat_id: ChatId,
) -> Result<Option<SummaryState>, DbError> {
    let basis: Option<SummaryBasisRow> = FindSummaryBasis {
        user_id: owner.get(),
        id: chat_id.get(),
    }
    .get_result(connection)
    .optional()?;
    let Some((head, is_enabled, version, chat_version)) = basis else {
        return Ok(None);
    };
    Ok(Some(SummaryState {
        branch: BranchSummary {
            is_enabled,
            version,
            newest: find_summary(connection, chat_id, head, &[])?,
        },
        // Both begin with 1 and only grow. The chat's own is raised when another branch is shown.
        version: version + chat_version - 1,
    }))
}

fn change(
    connection: &mut SqliteConnection,
    owner: UserId,
    chat_id: ChatId,
    change: &SummaryChange,
    expected_version: Option<i64>,
    now: Timestamp,
) -> Result<ChangeSummaryOutcome, DbError> {
    let Some(found) = get(connection, owner, chat_id)? else {
        return Ok(ChangeSummaryOutcome::NoChat);
    };
    if expected_version.is_some_and(|expected| expected != found.version) {
        return Ok(ChangeSummaryOutcome::Stale);
    }
    if *change == SummaryChange::default() {
        return Ok(ChangeSummaryOutcome::Changed(found));
    }
    if let Some(text) = &change.text {
        let Some(summary) = &found.branch.newest else {
            return Ok(ChangeSummaryOutcome::NoSummary);
        };
        EditSummary {
            chat_id: chat_id.get(),
            covers_up_to: summary.covers_up_to.get(),
            text: text.as_str(),
            updated_at: now.into(),
        }
        .execute(connection)?;
    }
    NoteSummaryChange {
        id: chat_id.get(),
        is_enabled: change.is_enabled,
    }
    .execute(connection)?;
    Ok(match get(connection, owner, chat_id)? {
        Some(changed) => ChangeSummaryOutcome::Changed(changed),
        None => ChangeSummaryOutcome::NoChat,
    })
}

fn begin(
    connection: &mut SqliteConnection,
    request: &BeginSummary,
) -> Result<BeginSummaryOutcome, DbError> {
    let account = &request.account;
    let facts: Option<SummaryFactsRow> = FindSummaryFacts {
        user_id: account.user_id.get(),
        id: account.chat_id.get(),
    }
    .get_result(connection)
    .optional()?;
    let Some(facts) = facts else {
        return Ok(BeginSummaryOutcome::Outdated);
    };
    if !facts.accepts_messages {
        return Ok(BeginSummaryOutcome::Paused);
    }
    if !facts.is_enabled || facts.version != request.version {
        return Ok(BeginSummaryOutcome::Outdated);
    }
    if facts.is_running {
        return Ok(BeginSummaryOutcome::Busy);
    }
    let own_tokens = facts
        .daily_token_budget
        .map(|own| count("users", account.user_id, own))
        .transpose()?;
    let id = account.turn_id.to_string();
    let reservation = Reservation {
        turn_id: &id,
        user_id: account.user_id,
        usage_date: account.usage_date,
        own_tokens,
        plan: request.budget,
    };
    if reserve(connection, &reservation)?.is_some() {
        return Ok(BeginSummaryOutcome::BudgetExhausted);
    }
    InsertSummaryRun {
        id: &id,
        user_id: account.user_id.get(),
        chat_id: account.chat_id.get(),
        character_id: account.character_id.map(CharacterId::get),
        covers_up_to: request.covers_up_to.get(),
        summary_version: request.version,
        usage_date: &account.usage_date.to_string(),
        node_id: &request.node_id.to_string(),
        lease_until: request.lease_until.into(),
        started_at: account.accepted_at.into(),
    }
    .execute(connection)?;
    Ok(BeginSummaryOutcome::Started)
}

fn finish(
    connection: &mut SqliteConnection,
    request: &FinishSummary,
) -> Result<FinishSummaryOutcome, DbError> {
    let (account, now) = (&request.account, request.ended_at);
    let id = account.turn_id.to_string();
    let ended: Option<(i64, i64)> = EndSummaryRun { id: &id }
        .get_result(connection)
        .optional()?;
    let Some((covers_up_to, version)) = ended else {
        return Ok(FinishSummaryOutcome::AlreadyFinished);
    };
    if let Some(charge) = settle(connection, &id, &request.attempts, true, now)? {
        let user_id = payer(connection, account)?;
        let kind = ChargedFor::Summary;
        write_charge(connection, kind, account, user_id, &charge, now)?;
        let usage_date = account.usage_date.to_string();
        count_summary(connection, &usage_date, account.character_id, &charge)?;
    }
    give_back(connection, &id)?;
    let text = request.text.as_ref().map(SummaryText::as_str);
    keep(
        connection,
        account.chat_id,
        MessageId::from_stored(covers_up_to),
        version,
        text,
        now,
    )
}

/// Keeps the words of a summary, unless there are none or they are not wanted any more.
fn keep(
    connection: &mut SqliteConnection,
    chat_id: ChatId,
    covers_up_to: MessageId,
    version: i64,
    text: Option<&str>,
    now: Timestamp,
) -> Result<FinishSummaryOutcome, DbError> {
    let Some(text) = text else {
        return Ok(FinishSummaryOutcome::Dropped);
    };
    let kept = KeepSummary {
        chat_id: chat_id.get(),
        covers_up_to: covers_up_to.get(),
        text,
        summary_version: version,
        updated_at: now.into(),
    }
    .execute(connection)?;
    if kept == 0 {
        return Ok(FinishSummaryOutcome::Dropped);
    }
    NoteSummaryChange {
        id: chat_id.get(),
        is_enabled: None,
    }
    .execute(connection)?;
    Ok(FinishSummaryOutcome::Kept)
}

#[async_trait]
impl SummaryStore for SqliteStore {
    async fn get(&self, owner: UserId, chat_id: ChatId) -> StoreResult<Option<SummaryState>> {
        self.read_at_once(move |connection| get(connection, owner, chat_id))
            .await
    }

    async fn change(
        &self,
        owner: UserId,
        chat_id: ChatId,
        wanted: SummaryChange,
        expected_version: Option<i64>,
        now: Timestamp,
    ) -> StoreResult<ChangeSummaryOutcome> {
        self.write_chats(owner, move |connection| {
            change(connection, owner, chat_id, &wanted, expected_version, now)
        })
        .await
    }

    async fn list(&self, owner: UserId, chat_id: ChatId) -> StoreResult<Vec<Summary>> {
        self.read(move |connection| {
            let rows: Vec<SummaryRow> = ListSummaries {
                user_id: owner.get(),
                chat_id: chat_id.get(),
            }
            .load(connection)?;
            let summaries = rows.into_iter().map(SummaryRow::into_domain);
            Ok(summaries.collect::<StoreResult<_>>()?)
        })
        .await
    }

    async fn begin(&self, request: BeginSummary) -> StoreResult<BeginSummaryOutcome> {
        let room = self.room();
        self.write_chats(request.account.user_id, move |connection| {
            let outcome = begin(connection, &request)?;
            // Asked only now: the disk may have become full just before, in the same batch.
            let has_room = room.as_ref().is_none_or(|room| room.has_room());
            match outcome {
                BeginSummaryOutcome::Started if !has_room => Err(StoreError::Full.into()),
                outcome => Ok(outcome),
            }
        })
        .await
    }

    async fn finish(&self, request: FinishSummary) -> StoreResult<FinishSummaryOutcome> {
        self.write_chats(request.account.user_id, move |connection| {
            finish(connection, &request)
        })
        .await
    }

    async fn left_over(
        &self,
        node_id: NodeId,
        lease_before: Option<Timestamp>,
        limit: u32,
        at_work: Vec<TurnId>,
    ) -> StoreResult<Vec<ChargeAccount>> {
        self.read(move |connection| {
            let at_work: Vec<_> = at_work.iter().map(TurnId::to_string).collect();
            let rows: Vec<LeftOverRow> = FindLeftOverSummaries {
                lease_before: lease_before.map(StoredTime::from),
                node_id: &node_id.to_string(),
                at_work: &serde_json::Value::from(at_work).to_string(),
                limit: limit.into(),
            }
            .load(connection)?;
            let accounts = rows.into_iter().map(LeftOverRow::into_domain);
            Ok(accounts.collect::<StoreResult<_>>()?)
        })
        .await
    }
}
