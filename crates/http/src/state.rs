//! What the handlers work with.

use std::sync::Arc;

use async_trait::async_trait;
use ipnet::IpNet;
use lionrocket_app::{
    accounts::AccountService, admin::AdminService, audit::AuditService,
    characters::CharacterService, chats::ChatService, export::ExportService,
    invites::InviteService, prompts::PromptService, resets::ResetService,
    service_control::ServiceControl, sessions::SessionService, stats::StatsService,
    summaries::SummaryService, turns::TurnService, usage::UsageService,
};
use lionrocket_ports::{crypto::TextSeal, error::Cause, events::EventBus, limits::RateLimiter};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::RememberedAnswers;

/// Everything that the handlers need; cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    /// Accounts.
    pub accounts: Arc<AccountService>,
    /// Logins.
    pub sessions: Arc<SessionService>,
    /// Looking after accounts.
    pub admin: Arc<AdminService>,
    /// The audit log.
    pub audit: Arc<AuditService>,
    /// Invites.
    pub invites: Arc<InviteService>,
    /// Links for new passwords.
    pub resets: Arc<ResetService>,
    /// Characters.
    pub characters: Arc<CharacterService>,
    /// Common prompts.
    pub prompts: Arc<PromptService>,
    /// Chats.
    pub chats: Arc<ChatService>,
    /// Summaries of what chats said before.
    pub summaries: Arc<SummaryService>,
    /// Answers about people's own chats that still hold.
    pub answers: Arc<RememberedAnswers>,
    /// Everything that is kept of a person.
    pub export: Arc<ExportService>,
    /// Turns.
    pub turns: Arc<TurnService>,
    /// What people use.
    pub usage: Arc<UsageService>,
    /// What the whole service is used for.
    pub stats: Arc<StatsService>,
    /// The switch of the service.
    pub control: Arc<ServiceControl>,
    /// Tells open streams that their session has ended.
    pub events: Arc<dyn EventBus>,
    /// Seals the places in lists that clients are given.
    pub cursors: Arc<dyn TextSeal>,
    /// Limits on how often something may be done.
    pub limits: Arc<dyn RateLimiter>,
    /// Whose word counts in the network.
    pub network: Arc<NetworkRules>,
    /// Whether the service can do its work.
    pub readiness: Arc<dyn Readiness>,
    /// What the service says of itself.
    pub info: Arc<ServiceInfo>,
}

/// Whose word counts in the network.
#[derive(Clone, Debug, Default)]
pub struct NetworkRules {
    /// Origins of other web applications that may call the API, in the form in which browsers send
    /// them.
    pub cors_origins: Vec<String>,
    /// Proxies whose word on the client's address is believed.
    pub trusted_proxies: Vec<IpNet>,
}

/// What the service says of itself, and the settings that its clients feel.
#[derive(Clone, Debug)]
pub struct ServiceInfo {
    /// The version of the service.
    pub version: String,
    /// Where people reach the service, in the form in which browsers send origins. Links begin with
    /// the first; nothing that a request says takes its place.
    pub public_origins: Vec<String>,
    /// Which kind of model answers.
    pub language_model: LanguageModelKind,
    /// The model's id, such as `claude-haiku-5-5`.
    pub model: String,
    /// The longest message in characters (code points after NFC).
    pub message_max_chars: usize,
    /// The shortest password in characters (code points after NFKC).
    pub password_min_length: usize,
    /// Who may make an account.
    pub registration: Registration,
    /// Whether people see when administrators read their data.
    pub admin_reads_visible: bool,
    /// The IANA name of the zone in which days of usage are counted.
    pub stats_timezone: String,
    /// Whether people come by TLS only, so that browsers are told to insist on it.
    pub strict_transport_security: bool,
}

impl ServiceInfo {
    /// Whether cookies are bound to TLS. They are, unless people come without it.
    pub(crate) fn cookies_need_tls(&self) -> bool {
        let first = self.public_origins.first();
        let comes_without = first.is_some_and(|origin| origin.starts_with("http://"));
        self.strict_transport_security || !comes_without
    }
}

/// Which kind of model answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LanguageModelKind {
    /// The Claude API.
    Claude,
    /// The built-in model that only shows how the service works.
    Demo,
}

/// Who may make an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// Everybody.
    Open,
    /// People who were invited.
    Invite,
    /// Nobody; the operator makes accounts.
    Closed,
}

/// Why the service cannot do its work at the moment. The cause goes to the log.
#[derive(Debug, thiserror::Error)]
#[error("not ready")]
pub struct NotReady(#[source] pub Cause);

/// Tells whether the service can do its work.
#[async_trait]
pub trait Readiness: Send + Sync {
    /// Checks what the service depends on.
    ///
    /// # Errors
    /// [`NotReady`] while it starts, shuts down or misses its database.
    async fn check(&self) -> Result<(), NotReady>;
}
