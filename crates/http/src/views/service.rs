//! What the service says of itself.

use serde::Serialize;
use utoipa::ToSchema;

use crate::{LanguageModelKind, Registration};

/// What a client must know before anybody signs in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConfigView {
    /// The version of the service.
    #[schema(examples("0.1.0"))]
    pub(crate) version: String,
    /// Which kind of model answers.
    pub(crate) language_model: LanguageModelKind,
    /// The model's id.
    #[schema(examples("claude-haiku-5-5"))]
    pub(crate) model: String,
    /// The longest message in characters (code points after NFC).
    #[schema(examples(200))]
    pub(crate) message_max_chars: usize,
    /// The shortest password in characters (code points after NFKC).
    #[schema(examples(10))]
    pub(crate) password_min_length: usize,
    /// Who may make an account.
    pub(crate) registration: Registration,
    /// Whether people see when administrators read their chats and usage.
    pub(crate) admin_reads_visible: bool,
    /// The version of the notice of what administrators can read that is shown at sign-up.
    #[schema(minimum = 1, examples(1))]
    pub(crate) privacy_notice_version: i64,
    /// The zone in which days of usage are counted.
    #[schema(examples("Asia/Seoul"))]
    pub(crate) stats_timezone: String,
    /// Today in that zone.
    #[schema(format = Date, examples("2026-11-22"))]
    pub(crate) today: String,
}

/// The service is well.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthView {
    /// Always `ok`.
    #[schema(examples("ok"))]
    pub(crate) status: &'static str,
}
