//! What can be asked of a character, and why it may not be.

use std::time::Duration;

use jiff::Timestamp;
use lionrocket_domain::{
    budget::BudgetScope,
    ids::{ChatId, MessageId, TurnId},
    text::MessageText,
    turn::TurnRecord,
};
use lionrocket_ports::{
    StoreError,
    chats::TurnPlace,
    turns::{BeginOutcome, Idempotency},
};
use sha2::{Digest, Sha256};

/// A wish for a reply in a chat.
#[derive(Clone, Debug)]
pub struct TurnRequest {
    /// The chat.
    pub chat_id: ChatId,
    /// What is asked.
    pub ask: Ask,
    /// The client's key: two requests with one key are one turn.
    pub idempotency_key: Option<String>,
}

/// What is asked of a character.
#[derive(Clone, Debug)]
pub enum Ask {
    /// An answer to a new message.
    Say {
        /// The words.
        text: MessageText,
        /// The reply after which it comes; the end of the branch that is shown when it is `None`.
        after: Option<MessageId>,
    },
    /// An answer to other words instead of a message. Both stay.
    Edit {
        /// The person's own message.
        message_id: MessageId,
        /// The new words.
        text: MessageText,
    },
    /// Another answer. All stay.
    Regenerate {
        /// A reply, or the person's own message.
        message_id: MessageId,
    },
    /// That a reply that was cut goes on, as another answer that begins with its text. Both stay.
    Continue {
        /// The reply.
        message_id: MessageId,
    },
}

impl Ask {
    /// Where the reply stands.
    pub(super) fn place(&self) -> TurnPlace {
        match *self {
            Self::Say { after, .. } => after.map_or(TurnPlace::Head, TurnPlace::After),
            Self::Edit { message_id, .. } => TurnPlace::InsteadOf(message_id),
            Self::Regenerate { message_id } => TurnPlace::Again(message_id),
            Self::Continue { message_id } => TurnPlace::Onward(message_id),
        }
    }

    /// The new words, if there are any.
    pub(super) const fn text(&self) -> Option<&MessageText> {
        match self {
            Self::Say { text, .. } | Self::Edit { text, .. } => Some(text),
            Self::Regenerate { .. } | Self::Continue { .. } => None,
        }
    }
}

impl TurnRequest {
    /// The client's key with what makes two requests the same.
    pub(super) fn idempotency(&self) -> Option<Idempotency> {
        Some(Idempotency {
            key: self.idempotency_key.clone()?,
            request_hash: self.hash(),
        })
    }

    fn hash(&self) -> [u8; 32] {
        let (kind, message_id) = match self.ask {
            Ask::Say { after, .. } => (0, after),
            Ask::Edit { message_id, .. } => (1, Some(message_id)),
            Ask::Regenerate { message_id } => (2, Some(message_id)),
            Ask::Continue { message_id } => (3, Some(message_id)),
        };
        let mut hasher = Sha256::new();
        hasher.update(self.chat_id.get().to_be_bytes());
        hasher.update([kind]);
        hasher.update(message_id.map_or(0, MessageId::get).to_be_bytes());
        hasher.update(self.ask.text().map_or("", MessageText::as_str));
        hasher.finalize().into()
    }
}

/// A turn that was begun: what was asked is durable, and the reply is on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunTurn {
    /// The turn as it was begun, or as it is now when the key was used before.
    pub record: TurnRecord,
    /// Whether the key was used before.
    pub replayed: bool,
}

/// Why a turn was not begun. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// The person has no such chat.
    #[error("not found")]
    NotFound,
    /// The chat's character is gone; the chat can be read only.
    #[error("the chat's character is gone")]
    ChatReadOnly,
    /// The chat has no such message, or it went on while the message was taken.
    #[error("there is no such message")]
    NoMessage,
    /// That cannot be done with such a message: a reply cannot be edited, a greeting not be given
    /// again, a whole reply not go on.
    #[error("that cannot be done with such a message")]
    Unsuitable,
    /// The chat has a turn under way.
    #[error("a reply is being written in this chat")]
    ChatBusy(TurnId),
    /// The person has as many turns under way as allowed.
    #[error("too many replies are being written for this person")]
    UserBusy,
    /// As many replies are under way or waiting as the service can take.
    #[error("too many replies are being written")]
    Overloaded,
    /// The key was used before for something else.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// The reply does not fit what is left of the day's budget.
    #[error("the day's budget is used up")]
    BudgetExhausted {
        /// Whose budget it is.
        scope: BudgetScope,
        /// When the next day begins.
        resets_at: Timestamp,
        /// How long it is until then.
        retry_after: Duration,
    },
    /// An administrator has stopped new messages.
    #[error("no new messages are taken at the moment")]
    Paused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The error of an outcome that is one and says all by itself; the others are given back.
pub(super) fn refusal(outcome: BeginOutcome) -> Result<BeginOutcome, BeginError> {
    match outcome {
        BeginOutcome::KeyReused => Err(BeginError::KeyReused),
        BeginOutcome::ChatBusy(turn_id) => Err(BeginError::ChatBusy(turn_id)),
        BeginOutcome::UserBusy => Err(BeginError::UserBusy),
        BeginOutcome::NoChat => Err(BeginError::NotFound),
        BeginOutcome::ChatReadOnly => Err(BeginError::ChatReadOnly),
        BeginOutcome::Paused => Err(BeginError::Paused),
        other => Ok(other),
    }
}
