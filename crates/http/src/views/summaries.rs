//! The summary of a chat.

use jiff::Timestamp;
use lionrocket_domain::{ids::MessageId, summary::Summary, text::SummaryText};
use lionrocket_ports::summaries::{SummaryChange, SummaryState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ServiceInfo,
    request::{Fields, RequestBody, boolean, text},
};

/// What the character remembers of what is not sent to the model any more.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatSummaryView {
    /// The words; `null` while everything on the branch that is shown is sent, or no summary was made.
    #[schema(required, value_type = Option<String>, examples("미나는 등대에서 하루를 만났고, 내일 다시 오기로 했다."))]
    text: Option<String>,
    /// Whether summaries are made and used in this chat.
    is_enabled: bool,
    /// Whether the owner changed the words. The next summary goes on from them.
    is_edited: bool,
    /// The last message of which the summary tells.
    #[schema(required, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    covers_up_to: Option<i64>,
    /// When the words were written last.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
    /// Counts the owner's changes of the chat and all changes of its summaries, from 1.
    #[schema(minimum = 1)]
    pub(crate) version: i64,
}

impl From<SummaryState> for ChatSummaryView {
    fn from(state: SummaryState) -> Self {
        let is_enabled = state.branch.is_enabled;
        let newest = state.branch.newest;
        Self {
            is_enabled,
            is_edited: newest.as_ref().is_some_and(|summary| summary.is_edited),
            covers_up_to: newest.as_ref().map(|summary| summary.covers_up_to.get()),
            updated_at: newest.as_ref().map(|summary| summary.updated_at),
            text: newest.map(|summary| summary.text.into_string()),
            version: state.version,
        }
    }
}

/// A summary as it is exported.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExportedSummaryView {
    /// The words.
    text: String,
    /// Whether the owner changed them.
    is_edited: bool,
    /// The last message of which it tells.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    covers_up_to: i64,
    /// When the words were written last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Summary> for ExportedSummaryView {
    fn from(summary: Summary) -> Self {
        Self {
            text: summary.text.into_string(),
            is_edited: summary.is_edited,
            covers_up_to: MessageId::get(summary.covers_up_to),
            updated_at: summary.updated_at,
        }
    }
}

/// Changes to a summary; what is left out stays as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateSummaryBody {
    /// Other words for the summary of the branch that is shown.
    #[schema(value_type = Option<String>, nullable = false, min_length = 1, max_length = 4000, examples("Mina met Haru at the lighthouse and promised to come back tomorrow."))]
    text: Option<SummaryText>,
    /// Whether summaries are made and used in this chat. The words stay when they are not.
    #[schema(nullable = false)]
    is_enabled: Option<bool>,
}

impl RequestBody for UpdateSummaryBody {
    /// Four thousand characters beyond the basic plane, each escaped as two halves, are 48,000 bytes.
    const MAX_BYTES: usize = 64 * 1024;

    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let words = fields.optional("text", text(SummaryText::parse));
        let is_enabled = fields.optional("is_enabled", boolean);
        Some(Self {
            text: words?,
            is_enabled: is_enabled?,
        })
    }
}

impl From<UpdateSummaryBody> for SummaryChange {
    fn from(body: UpdateSummaryBody) -> Self {
        Self {
            text: body.text,
            is_enabled: body.is_enabled,
        }
    }
}
