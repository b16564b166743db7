//! Common prompts.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    character::{CommonPrompt, PromptDraft},
    ids::PromptId,
};
use lionrocket_ports::{StoreResult, characters::UpdateOutcome, prompts::PromptRepository};
use lionrocket_sql_model::{
    prompts::{NewPromptRow, PromptDraftRow, PromptRow},
    schema::common_prompts,
    time::StoredTime,
};

use crate::{error::DbError, store::SqliteStore};

/// All common prompts by position, then id.
pub(crate) fn load_all(connection: &mut SqliteConnection) -> Result<Vec<CommonPrompt>, DbError> {
    let rows = common_prompts::table
        .order((common_prompts::position, common_prompts::id))
        .select(PromptRow::as_select())
        .load(connection)?;
    let prompts = rows.into_iter().map(PromptRow::into_domain);
    Ok(prompts.collect::<StoreResult<_>>()?)
}

#[async_trait]
impl PromptRepository for SqliteStore {
    async fn list(&self) -> StoreResult<Vec<CommonPrompt>> {
        self.read(load_all).await
    }

    async fn get(&self, id: PromptId) -> StoreResult<Option<CommonPrompt>> {
        self.read(move |connection| {
            let row = common_prompts::table
                .find(id.get())
                .select(PromptRow::as_select())
                .first(connection)
                .optional()?;
            Ok(row.map(PromptRow::into_domain).transpose()?)
        })
        .await
    }

    async fn create(&self, draft: PromptDraft, now: Timestamp) -> StoreResult<CommonPrompt> {
        self.write(move |connection| {
            let row = diesel::insert_into(common_prompts::table)
                .values(NewPromptRow {
                    draft: draft.into(),
                    created_at: now.into(),
                    updated_at: now.into(),
                })
                .returning(PromptRow::as_returning())
                .get_result(connection)?;
            Ok(row.into_domain()?)
        })
        .await
    }

    async fn update(
        &self,
        id: PromptId,
        draft: PromptDraft,
        expected_version: Option<i64>,
        now: Timestamp,
    ) -> StoreResult<UpdateOutcome<CommonPrompt>> {
        self.write(move |connection| {
            let version = common_prompts::table
                .find(id.get())
                .select(common_prompts::version)
                .first::<i64>(connection)
                .optional()?;
            let Some(version) = version else {
                return Ok(UpdateOutcome::NotFound);
            };
            if expected_version.is_some_and(|expected| expected != version) {
                return Ok(UpdateOutcome::Stale);
            }
            let row = diesel::update(common_prompts::table.find(id.get()))
                .set((
                    PromptDraftRow::from(draft),
                    common_prompts::version.eq(version + 1),
                    common_prompts::updated_at.eq(StoredTime::from(now)),
                ))
                .returning(PromptRow::as_returning())
                .get_result(connection)?;
            Ok(UpdateOutcome::Updated(row.into_domain()?))
        })
        .await
    }

    async fn delete(&self, id: PromptId) -> StoreResult<bool> {
        self.write(move |connection| {
            let deleted =
                diesel::delete(common_prompts::table.find(id.get())).execute(connection)?;
            Ok(deleted > 0)
        })
        .await
    }
}
