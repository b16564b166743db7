//! Common prompts.

use diesel::{AsChangeset, Insertable, Queryable, Selectable, sqlite::Sqlite};
use lionrocket_domain::{
    character::{CommonPrompt, PromptDraft},
    ids::PromptId,
    text::{PromptContent, PromptName},
};
use lionrocket_ports::StoreResult;

use crate::{convert::corrupt, schema::common_prompts, time::StoredTime};

/// A common prompt.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = common_prompts, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct PromptRow {
    pub id: i64,
    pub name: String,
    pub content: String,
    pub created_at: StoredTime,
    pub updated_at: StoredTime,
    pub is_active: bool,
    pub position: i64,
    pub version: i64,
}

impl PromptRow {
    /// The common prompt.
    pub fn into_domain(self) -> StoreResult<CommonPrompt> {
        Ok(CommonPrompt {
            id: PromptId::from_stored(self.id),
            draft: PromptDraft {
                name: PromptName::from_stored(self.name),
                content: PromptContent::from_stored(self.content),
                is_active: self.is_active,
                position: i32::try_from(self.position)
                    .map_err(|_| corrupt("common_prompts", self.id))?,
            },
            version: self.version,
            created_at: self.created_at.into_domain("common_prompts", self.id)?,
            updated_at: self.updated_at.into_domain("common_prompts", self.id)?,
        })
    }
}

/// What an administrator wrote.
#[derive(AsChangeset, Clone, Debug, Insertable)]
#[diesel(table_name = common_prompts)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct PromptDraftRow {
    pub name: String,
    pub content: String,
    pub is_active: bool,
    pub position: i64,
}

impl From<PromptDraft> for PromptDraftRow {
    fn from(draft: PromptDraft) -> Self {
        Self {
            name: draft.name.into_string(),
            content: draft.content.into_string(),
            is_active: draft.is_active,
            position: draft.position.into(),
        }
    }
}

/// A common prompt to be made, of version 1.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = common_prompts)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct NewPromptRow {
    #[diesel(embed)]
    pub draft: PromptDraftRow,
    pub created_at: StoredTime,
    pub updated_at: StoredTime,
}
