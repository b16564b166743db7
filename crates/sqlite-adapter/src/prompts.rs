//! Common prompts.

use async_trait::async_trait;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, RunQueryDsl, SelectableHelper, SqliteConnection,
};
use jiff::Timestamp;
use lionrocket_domain::{
    audit::{AuditAction, AuditTarget, Performer},
    character::{CommonPrompt, PromptDraft},
    ids::PromptId,
};
use lionrocket_ports::{StoreResult, characters::UpdateOutcome, prompts::PromptRepository};
use lionrocket_sql_model::{
    prompts::{NewPromptRow, PromptDraftRow, PromptRow},
    schema::common_prompts,
    time::StoredTime,
};
use serde_json::{Map, Value, json};

use crate::{audit::append, error::DbError, store::SqliteStore};

/// All common prompts by position, then id.
pub(crate) fn load_all(connection: &mut SqliteConnection) -> Result<Vec<CommonPrompt>, DbError> {
    let rows = common_prompts::table
        .order((common_prompts::position, common_prompts::id))
        .select(PromptRow::as_select())
        .load(connection)?;
    let prompts = rows.into_iter().map(PromptRow::into_domain);
    Ok(prompts.collect::<StoreResult<_>>()?)
}

fn find(connection: &mut SqliteConnection, id: PromptId) -> Result<Option<CommonPrompt>, DbError> {
    let row = common_prompts::table
        .find(id.get())
        .select(PromptRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(PromptRow::into_domain).transpose()?)
}

#[async_trait]
impl PromptRepository for SqliteStore {
    async fn list(&self) -> StoreResult<Vec<CommonPrompt>> {
        self.read(load_all).await
    }

    async fn get(&self, id: PromptId) -> StoreResult<Option<CommonPrompt>> {
        self.read(move |connection| find(connection, id)).await
    }

    async fn create(
        &self,
        draft: PromptDraft,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<CommonPrompt> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            let row: PromptRow = diesel::insert_into(common_prompts::table)
                .values(NewPromptRow {
                    draft: draft.clone().into(),
                    created_at: now.into(),
                    updated_at: now.into(),
                })
                .returning(PromptRow::as_returning())
                .get_result(connection)?;
            let prompt = row.into_domain()?;
            let target = AuditTarget::Prompt(prompt.id);
            let record = by.clone().record(AuditAction::PromptCreate, target, None);
            append(connection, &*seal, record, now)?;
            Ok(prompt)
        })
        .await
    }

    async fn update(
        &self,
        id: PromptId,
        draft: PromptDraft,
        expected_version: Option<i64>,
        by: Performer,
        now: Timestamp,
    ) -> StoreResult<UpdateOutcome<CommonPrompt>> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            let Some(old) = find(connection, id)? else {
                return Ok(UpdateOutcome::NotFound);
            };
            if expected_version.is_some_and(|expected| expected != old.version) {
                return Ok(UpdateOutcome::Stale);
            }
            let row: PromptRow = diesel::update(common_prompts::table.find(id.get()))
                .set((
                    PromptDraftRow::from(draft.clone()),
                    common_prompts::version.eq(old.version + 1),
                    common_prompts::updated_at.eq(StoredTime::from(now)),
                ))
                .returning(PromptRow::as_returning())
                .get_result(connection)?;
            let prompt = row.into_domain()?;
            let target = AuditTarget::Prompt(id);
            let mut record = by.clone().record(AuditAction::PromptUpdate, target, None);
            record.details = Some(differences(&old, &prompt));
            append(connection, &*seal, record, now)?;
            Ok(UpdateOutcome::Updated(prompt))
        })
        .await
    }

    async fn delete(&self, id: PromptId, by: Performer, now: Timestamp) -> StoreResult<bool> {
        let seal = self.audit_seal();
        self.write(move |connection| {
            let deleted =
                diesel::delete(common_prompts::table.find(id.get())).execute(connection)?;
            if deleted == 0 {
                return Ok(false);
            }
            let target = AuditTarget::Prompt(id);
            let record = by.clone().record(AuditAction::PromptDelete, target, None);
            append(connection, &*seal, record, now)?;
            Ok(true)
        })
        .await
    }
}

/// What the log says of a change: the version that it made, the switches with their old and new
/// values, and which texts are others.
fn differences(old: &CommonPrompt, new: &CommonPrompt) -> Value {
    let (before, after) = (&old.draft, &new.draft);
    let mut fields = Map::new();
    let mut note = |name: &str, old: Value, new: Value| {
        if old != new {
            fields.insert(name.to_owned(), json!({ "old": old, "new": new }));
        }
    };
    note("version", old.version.into(), new.version.into());
    note("is_active", before.is_active.into(), after.is_active.into());
    note("position", before.position.into(), after.position.into());
    for (name, is_same) in [
        ("name", before.name == after.name),
        ("content", before.content == after.content),
    ] {
        if !is_same {
            fields.insert(name.to_owned(), json!({ "changed": true }));
        }
    }
    fields.into()
}
