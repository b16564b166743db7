//! The record of what administrators do and of what touches somebody's account.
//!
//! Rows are chained: each one's hash covers the row and the hash before it, so that a row that was
//! changed or taken out is found. [`AuditEntry::canonical`] is what is hashed.

use jiff::Timestamp;

use crate::{
    ids::{AuditId, CharacterId, ChatId, InviteId, PromptId, SessionId, UserId},
    text::AuditReason,
};

/// From where an act came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The id under which the log has the request; `None` for a command.
    pub request_id: Option<String>,
    /// The client's address; `None` for a command.
    pub client_address: Option<String>,
}

/// Who does something, and from where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Performer {
    /// The person; `None` for the operator at the command line and for the service itself.
    pub actor: Option<UserId>,
    /// From where.
    pub origin: Origin,
}

impl Performer {
    /// A person who sent a request.
    #[must_use]
    pub const fn person(actor: UserId, origin: Origin) -> Self {
        Self {
            actor: Some(actor),
            origin,
        }
    }

    /// The operator at the command line.
    #[must_use]
    pub fn operator() -> Self {
        Self::default()
    }

    /// The record of an act, without a reason and without details.
    #[must_use]
    pub fn record(
        self,
        action: AuditAction,
        target: AuditTarget,
        subject: Option<UserId>,
    ) -> AuditRecord {
        AuditRecord {
            actor: self.actor,
            action,
            target,
            subject,
            reason: None,
            origin: self.origin,
            details: None,
        }
    }
}

macro_rules! audit_actions {
    ($($(#[$doc:meta])* $variant:ident $name:literal),+ $(,)?) => {
        /// What was done.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum AuditAction { $($(#[$doc])* $variant,)+ }

        impl AuditAction {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The action of a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

audit_actions! {
    /// An account was made by the operator.
    UserCreate "user.create",
    /// An account's state, rights, budget or name were changed.
    UserUpdate "user.update",
    /// The deletion of an account was begun.
    UserDelete "user.delete",
    /// An account was erased after its time of grace.
    UserErase "user.erase",
    /// A link for a new password was made.
    PasswordResetCreate "password_reset.create",
    /// Somebody's account was looked at.
    UserRead "user.read",
    /// A list of somebody's chats was read.
    ChatsRead "chats.read",
    /// Messages of somebody's chat were read.
    MessagesRead "messages.read",
    /// Somebody's usage was read.
    UsageRead "usage.read",
    /// The audit log was read.
    AuditRead "audit.read",
    /// A common prompt was made.
    PromptCreate "prompt.create",
    /// A common prompt was changed.
    PromptUpdate "prompt.update",
    /// A common prompt was deleted.
    PromptDelete "prompt.delete",
    /// Somebody else's character was changed.
    CharacterUpdate "character.update",
    /// Somebody else's character was deleted.
    CharacterDelete "character.delete",
    /// An invite was made.
    InviteCreate "invite.create",
    /// An invite was withdrawn.
    InviteRevoke "invite.revoke",
    /// A refresh secret that was used up came again: the session was ended.
    SessionReuse "session.reuse",
    /// What the service takes was switched.
    ServiceUpdate "service.update",
}

impl AuditAction {
    /// Whether what people said was read.
    #[must_use]
    pub const fn reads_chats(self) -> bool {
        matches!(self, Self::ChatsRead | Self::MessagesRead)
    }
}

/// To what it was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditTarget {
    /// An account.
    User(UserId),
    /// A chat.
    Chat(ChatId),
    /// A character.
    Character(CharacterId),
    /// A common prompt.
    Prompt(PromptId),
    /// An invite.
    Invite(InviteId),
    /// A login.
    Session(SessionId),
    /// The service as a whole.
    Service,
}

impl AuditTarget {
    /// The stable name of the kind of thing.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Chat(_) => "chat",
            Self::Character(_) => "character",
            Self::Prompt(_) => "prompt",
            Self::Invite(_) => "invite",
            Self::Session(_) => "session",
            Self::Service => "service",
        }
    }

    /// The id of the thing as text; empty for the service as a whole.
    #[must_use]
    pub fn id(&self) -> String {
        match self {
            Self::User(id) => id.to_string(),
            Self::Chat(id) => id.to_string(),
            Self::Character(id) => id.to_string(),
            Self::Prompt(id) => id.to_string(),
            Self::Invite(id) => id.to_string(),
            Self::Session(id) => id.to_string(),
            Self::Service => String::new(),
        }
    }
}

/// An act to be recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Who did it; `None` for the operator at the command line and for the service itself.
    pub actor: Option<UserId>,
    /// What was done.
    pub action: AuditAction,
    /// To what.
    pub target: AuditTarget,
    /// Whose data it was about.
    pub subject: Option<UserId>,
    /// Why, in the administrator's words.
    pub reason: Option<AuditReason>,
    /// From where.
    pub origin: Origin,
    /// What changed, as a JSON object without secrets and message text.
    pub details: Option<serde_json::Value>,
}

/// A row of the log as it is stored. Names are texts, since a row outlives the code that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// The row's id; ids rise by one.
    pub id: AuditId,
    /// When it was done.
    pub created_at: Timestamp,
    /// Who did it.
    pub actor: Option<UserId>,
    /// What was done, see [`AuditAction::as_str`].
    pub action: String,
    /// To what kind of thing, see [`AuditTarget::kind`].
    pub target_type: String,
    /// To which one.
    pub target_id: String,
    /// Whose data it was about.
    pub subject: Option<UserId>,
    /// Why.
    pub reason: Option<String>,
    /// From where.
    pub origin: Origin,
    /// What changed, as JSON text.
    pub details: Option<String>,
}

impl AuditEntry {
    /// The bytes that are hashed: every field, in one order, as a JSON array.
    #[must_use]
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::json!([
            self.id.get(),
            self.created_at.as_microsecond(),
            self.actor.map(UserId::get),
            self.action,
            self.target_type,
            self.target_id,
            self.subject.map(UserId::get),
            self.reason,
            self.origin.request_id,
            self.origin.client_address,
            self.details,
        ])
        .to_string()
        .into_bytes()
    }
}

/// A row together with its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedEntry {
    /// The row.
    pub entry: AuditEntry,
    /// The name of the key that sealed it.
    pub key_id: String,
    /// The hash of the row before; zeros for the first one.
    pub previous_hash: [u8; 32],
    /// The keyed hash over `previous_hash` and [`AuditEntry::canonical`].
    pub hash: [u8; 32],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_found_by_its_name() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.as_str()), Some(*action));
        }
        assert_eq!(AuditAction::parse("user.adore"), None);
    }

    #[test]
    fn names_of_actions_are_unique() {
        let mut names: Vec<_> = AuditAction::ALL
            .iter()
            .map(|action| action.as_str())
            .collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), AuditAction::ALL.len());
    }
}
