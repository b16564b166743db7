//! Common prompts.

use jiff::Timestamp;
use lionrocket_domain::{
    access::{self, Actor, Decision},
    character::{CommonPrompt, PromptDraft},
    text::{PromptContent, PromptName},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::list_view;
use crate::{
    ServiceInfo,
    request::{Fields, RequestBody, boolean, text, whole_number},
};

/// A prompt that applies to every character, as the person who asks may see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PromptView {
    /// The prompt's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub(crate) id: i64,
    /// The name.
    #[schema(examples("House rules"))]
    name: String,
    /// Whether it applies.
    is_active: bool,
    /// Its place among the others, smallest first.
    #[schema(minimum = 0)]
    position: i32,
    /// Counts the changes, from 1.
    #[schema(minimum = 1)]
    pub(crate) version: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    /// The text; for administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    content: Option<String>,
}

impl PromptView {
    /// Shows a common prompt to a person.
    pub(crate) fn new(actor: &Actor, prompt: CommonPrompt) -> Self {
        let content = prompt.draft.content.into_string();
        let may_read = access::common_prompts(actor) == Decision::Allowed;
        Self {
            id: prompt.id.get(),
            name: prompt.draft.name.into_string(),
            is_active: prompt.draft.is_active,
            position: prompt.draft.position,
            version: prompt.version,
            created_at: prompt.created_at,
            updated_at: prompt.updated_at,
            content: may_read.then_some(content),
        }
    }
}

list_view!(
    /// All common prompts in their order.
    PromptList, PromptView
);

/// What an administrator writes to make or change a common prompt.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PromptBody {
    /// The name; one line.
    #[schema(value_type = String, min_length = 1, max_length = 80, examples("House rules"))]
    name: PromptName,
    /// The text, put before every character's own prompt.
    #[schema(value_type = String, min_length = 1, max_length = 8000, examples("Answer in the language of the question."))]
    content: PromptContent,
    /// Whether it applies; `true` when it is left out.
    #[schema(nullable = false)]
    is_active: Option<bool>,
    /// Its place among the others, smallest first; 0 when it is left out.
    #[schema(nullable = false, minimum = 0, maximum = 2_147_483_647)]
    position: Option<i32>,
}

impl RequestBody for PromptBody {
    /// A text of 8,000 Hangul syllables alone is 24,000 bytes.
    const MAX_BYTES: usize = 64 * 1024;

    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let name = fields.required("name", text(PromptName::parse));
        let content = fields.required("content", text(PromptContent::parse));
        let is_active = fields.optional("is_active", boolean);
        let position = fields.optional("position", whole_number);
        Some(Self {
            name: name?,
            content: content?,
            is_active: is_active?,
            position: position?,
        })
    }
}

impl From<PromptBody> for PromptDraft {
    fn from(body: PromptBody) -> Self {
        Self {
            name: body.name,
            content: body.content,
            is_active: body.is_active.unwrap_or(true),
            position: body.position.unwrap_or(0),
        }
    }
}
