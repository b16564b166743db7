//! The turn engine: from a person's message to the stored and counted reply.
//!
//! A turn is begun by one durable write and then belongs to the service, not to the connection that
//! asked for it: a background task reads the model's reply into the reply log, saves it now and
//! then, and ends the turn by one more write. Any number of readers may follow from any place, also
//! after the end.

mod assembler;
mod follow;
mod reply;

use std::{pin::Pin, sync::Arc, time::Duration};

use futures_util::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    access::Actor,
    calendar::StatsZone,
    catalog::ModelCatalog,
    ids::{ChatId, MessageId, NodeId, TurnId},
    prompt::{self, HistoryBudget, Prompt},
    text::MessageText,
    turn::{TurnEnd, TurnFailure, TurnRecord},
    usage::ChargeAccount,
};
use lionrocket_ports::{
    StoreError,
    chats::{ChatRepository, ParentChoice, TurnCharacter, TurnContext, TurnContextOutcome},
    model::{LanguageModel, ModelRequest},
    reply_log::{ReplyLog, TextOffset},
    runtime::{Clock, IdGenerator, Spawner},
    turns::{
        BeginOutcome, BeginTurn, FinishTurn, Idempotency, OrphanedTurn, StartedTurn, TurnStore,
    },
};
use sha2::{Digest, Sha256};

use crate::ServiceError;

/// The ports that turns need.
#[derive(Clone)]
#[expect(missing_docs, reason = "each field is the port that its type names")]
pub struct TurnPorts {
    pub chats: Arc<dyn ChatRepository>,
    pub turns: Arc<dyn TurnStore>,
    pub model: Arc<dyn LanguageModel>,
    pub log: Arc<dyn ReplyLog>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGenerator>,
    pub spawner: Arc<dyn Spawner>,
}

/// How turns are done.
#[derive(Clone, Debug)]
pub struct TurnSettings {
    /// This process.
    pub node_id: NodeId,
    /// Prices and other facts of the models.
    pub catalog: ModelCatalog,
    /// The largest reply in tokens (`CLAUDE_MAX_TOKENS`).
    pub max_output_tokens: u32,
    /// The zone that decides to which day a turn counts.
    pub zone: StatsZone,
    /// How much of the conversation a model is sent.
    pub history: HistoryBudget,
    /// How many turns a person may have under way.
    pub max_running_per_user: u32,
}

/// A message on its way to a character.
#[derive(Clone, Debug)]
pub struct SendMessage {
    /// The chat.
    pub chat_id: ChatId,
    /// The reply after which it comes; the end of the branch that is shown when it is `None`.
    pub parent_id: Option<MessageId>,
    /// The words.
    pub text: MessageText,
    /// The client's key: two requests with one key are one message.
    pub idempotency_key: Option<String>,
}

/// A message that was accepted: it is durable, and its reply is on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentTurn {
    /// The turn as it was begun, or as it is now when the key was used before.
    pub record: TurnRecord,
    /// Whether the key was used before.
    pub replayed: bool,
}

/// Why a message was not accepted. Nothing was written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The person has no such chat.
    #[error("not found")]
    NotFound,
    /// The chat's character is gone; the chat can be read only.
    #[error("the chat's character is gone")]
    ChatReadOnly,
    /// The chat has no such reply to go on from.
    #[error("there is no such reply to go on from")]
    NoParent,
    /// The chat has a turn under way.
    #[error("a reply is being written in this chat")]
    ChatBusy(TurnId),
    /// The person has as many turns under way as allowed.
    #[error("too many replies are being written for this person")]
    UserBusy,
    /// The key was used before for another message.
    #[error("the idempotency key was used for another message")]
    KeyReused,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a reader of a turn sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnEvent {
    /// The reply goes on.
    Text {
        /// The text, never empty.
        text: String,
        /// The place after it, in bytes from the reply's beginning.
        end: TextOffset,
    },
    /// The model is busy and will be asked again after this time.
    Busy(Duration),
    /// The turn is over, and this is how it was saved. Nothing follows.
    Ended(Arc<TurnRecord>),
}

/// A turn as it goes on. Ends after [`TurnEvent::Ended`]; without it only when the store failed or the
/// chat was deleted meanwhile.
pub type TurnEvents = Pin<Box<dyn Stream<Item = TurnEvent> + Send>>;

/// Turns.
#[derive(Clone)]
pub struct TurnService {
    engine: Arc<Engine>,
}

/// What the service and its background tasks share.
struct Engine {
    ports: TurnPorts,
    settings: TurnSettings,
}

/// How long a process may be silent about a turn before it is taken for dead.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// The most messages of history that are read for one request.
const MAX_HISTORY_MESSAGES: u32 = 192;
/// How often a message is put together anew because the chat went on meanwhile.
const MAX_BEGIN_ATTEMPTS: usize = 3;
/// How many orphaned turns are ended at a time.
const ORPHANS_AT_A_TIME: u32 = 100;

impl TurnService {
    /// Puts the service together.
    #[must_use]
    pub fn new(ports: TurnPorts, settings: TurnSettings) -> Self {
        Self {
            engine: Arc::new(Engine { ports, settings }),
        }
    }

    /// Accepts a message and sets the reply going. When this answers, the message is durable.
    ///
    /// # Errors
    /// Why the message was not accepted.
    pub async fn send(&self, actor: Actor, message: SendMessage) -> Result<SentTurn, SendError> {
        let idempotency = message.idempotency_key.as_ref().map(|key| Idempotency {
            key: key.clone(),
            request_hash: request_hash(&message),
        });
        for _ in 0..MAX_BEGIN_ATTEMPTS {
            let context = self.context(actor, &message).await?;
            let begin =
                self.engine
                    .begin_request(actor, &message, idempotency.clone(), context.parent_id);
            let account = begin_account(&begin, &context.character);
            match self.engine.ports.turns.begin(begin).await? {
                BeginOutcome::Started(started) => {
                    let record = self
                        .start_reply(*started, account, context, &message.text)
                        .await?;
                    return Ok(SentTurn {
                        record,
                        replayed: false,
                    });
                }
                BeginOutcome::Replayed(turn) => {
                    let record = self
                        .engine
                        .ports
                        .turns
                        .get(actor.user_id, turn.chat_id, turn.id)
                        .await?;
                    let record = record.ok_or(SendError::NotFound)?;
                    return Ok(SentTurn {
                        record,
                        replayed: true,
                    });
                }
                BeginOutcome::KeyReused => return Err(SendError::KeyReused),
                BeginOutcome::ChatBusy(turn_id) => return Err(SendError::ChatBusy(turn_id)),
                BeginOutcome::UserBusy => return Err(SendError::UserBusy),
                BeginOutcome::NoChat => return Err(SendError::NotFound),
                BeginOutcome::ChatReadOnly => return Err(SendError::ChatReadOnly),
                // The chat went on between reading and writing: read again.
                BeginOutcome::ParentMoved => {}
            }
        }
        Err(SendError::NoParent)
    }

    /// Finds a turn.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn get(
        &self,
        actor: Actor,
        chat_id: ChatId,
        turn_id: TurnId,
    ) -> Result<TurnRecord, ServiceError> {
        let record = self
            .engine
            .ports
            .turns
            .get(actor.user_id, chat_id, turn_id)
            .await?;
        record.ok_or(ServiceError::NotFound)
    }

    /// Follows a turn from a place in its reply's text to its end, whether it runs or is over.
    ///
    /// # Errors
    /// [`ServiceError::NotFound`], or the store failed.
    pub async fn follow(
        &self,
        actor: Actor,
        chat_id: ChatId,
        turn_id: TurnId,
        after: TextOffset,
    ) -> Result<TurnEvents, ServiceError> {
        let record = self.get(actor, chat_id, turn_id).await?;
        Ok(self.engine.clone().follow(record, after))
    }

    /// Follows a turn that [`send`](Self::send) has just answered, from its beginning.
    #[must_use]
    pub fn follow_sent(&self, sent: &SentTurn) -> TurnEvents {
        self.engine.clone().follow(sent.record.clone(), 0)
    }

    /// Waits for the end of a turn that [`send`](Self::send) has just answered. `None` when the store
    /// failed.
    pub async fn wait_sent(&self, sent: &SentTurn) -> Option<Arc<TurnRecord>> {
        let mut events = self
            .engine
            .clone()
            .follow(sent.record.clone(), TextOffset::MAX);
        while let Some(event) = events.next().await {
            if let TurnEvent::Ended(record) = event {
                return Some(record);
            }
        }
        None
    }

    /// Ends every turn that another process left behind, as `interrupted` and with what was saved of
    /// its text. For a process that has just started and serves the store alone. Answers how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recover_after_restart(&self) -> Result<usize, StoreError> {
        self.engine.end_orphans(Timestamp::MAX).await
    }

    /// Ends the turns whose process has given no sign for too long. Answers how many.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recover_expired(&self) -> Result<usize, StoreError> {
        self.engine.end_orphans(self.engine.ports.clock.now()).await
    }

    /// Reads what the request to the model needs.
    async fn context(
        &self,
        actor: Actor,
        message: &SendMessage,
    ) -> Result<Box<TurnContext>, SendError> {
        let parent = message
            .parent_id
            .map_or(ParentChoice::Head, ParentChoice::After);
        let chats = &self.engine.ports.chats;
        match chats
            .turn_context(actor, message.chat_id, parent, MAX_HISTORY_MESSAGES)
            .await?
        {
            TurnContextOutcome::Found(context) => Ok(context),
            TurnContextOutcome::NoChat => Err(SendError::NotFound),
            TurnContextOutcome::NoParent => Err(SendError::NoParent),
        }
    }

    /// Opens the reply log and starts the task that writes the reply.
    async fn start_reply(
        &self,
        started: StartedTurn,
        account: ChargeAccount,
        context: Box<TurnContext>,
        text: &MessageText,
    ) -> Result<TurnRecord, SendError> {
        let StartedTurn {
            turn,
            user_message,
            assistant_message,
        } = started;
        let TurnCharacter::Available {
            name,
            system_prompt,
            ..
        } = &context.character
        else {
            return Err(SendError::ChatReadOnly);
        };
        let prompt = prompt::compose(
            &context.common_prompts,
            name,
            system_prompt,
            &context.history,
            text,
            self.engine.settings.history,
        );
        let request = self.engine.model_request(prompt, account);
        self.engine.ports.log.open(turn.id).await;
        let task = reply::run(self.engine.clone(), account, request);
        self.engine.ports.spawner.spawn("reply", Box::pin(task));
        Ok(TurnRecord {
            turn,
            user_message,
            assistant_message,
            charge: None,
        })
    }
}

impl Engine {
    /// Everything that the first write of a turn needs.
    fn begin_request(
        &self,
        actor: Actor,
        message: &SendMessage,
        idempotency: Option<Idempotency>,
        parent_id: Option<MessageId>,
    ) -> BeginTurn {
        let now = self.ports.clock.now();
        BeginTurn {
            turn_id: self.ports.ids.turn_id(),
            user_id: actor.user_id,
            chat_id: message.chat_id,
            parent_id,
            parent_must_be_head: message.parent_id.is_none(),
            text: message.text.clone(),
            idempotency,
            node_id: self.settings.node_id,
            lease_until: lease_from(now),
            accepted_at: now,
            usage_date: self.settings.zone.day_of(now),
            max_running_per_user: self.settings.max_running_per_user,
        }
    }

    fn model_request(&self, prompt: Prompt, account: ChargeAccount) -> ModelRequest {
        ModelRequest {
            prompt,
            max_output_tokens: self.settings.max_output_tokens,
            user_reference: format!("user-{}", account.user_id),
        }
    }

    /// Ends the turns whose lease ended before a moment.
    async fn end_orphans(&self, lease_before: Timestamp) -> Result<usize, StoreError> {
        let mut ended = 0;
        loop {
            let lease_until = lease_from(self.ports.clock.now());
            let orphans = self
                .ports
                .turns
                .claim_orphans(
                    self.settings.node_id,
                    lease_before,
                    lease_until,
                    ORPHANS_AT_A_TIME,
                )
                .await?;
            if orphans.is_empty() {
                return Ok(ended);
            }
            for orphan in orphans {
                self.ports.turns.finish(self.interrupted(orphan)).await?;
                ended += 1;
            }
        }
    }

    /// The end of a turn whose process is gone.
    fn interrupted(&self, orphan: OrphanedTurn) -> FinishTurn {
        let charge = orphan.model.as_deref().map(|model| {
            assembler::estimated_charge(&self.settings.catalog, model, orphan.tokens, &orphan.text)
        });
        FinishTurn {
            account: orphan.account,
            end: TurnEnd::Interrupted,
            failure: Some(TurnFailure::ReplyInterrupted),
            text: orphan.text,
            stop_reason: None,
            charge,
            first_text_at: orphan.first_text_at,
            ended_at: self.ports.clock.now(),
        }
    }
}

/// To whom and to which day a turn that is about to begin is counted.
fn begin_account(begin: &BeginTurn, character: &TurnCharacter) -> ChargeAccount {
    ChargeAccount {
        turn_id: begin.turn_id,
        user_id: begin.user_id,
        chat_id: begin.chat_id,
        character_id: match character {
            TurnCharacter::Available { id, .. } => Some(*id),
            TurnCharacter::Gone => None,
        },
        usage_date: begin.usage_date,
        accepted_at: begin.accepted_at,
    }
}

/// Until when a process is taken to be alive after a sign of life at `now`.
fn lease_from(now: Timestamp) -> Timestamp {
    now.saturating_add(LEASE).unwrap_or(Timestamp::MAX)
}

/// What makes two requests with one key the same request.
fn request_hash(message: &SendMessage) -> [u8; 32] {
    let parent = message.parent_id.map_or(0, MessageId::get);
    let mut hasher = Sha256::new();
    hasher.update(message.chat_id.get().to_be_bytes());
    hasher.update(parent.to_be_bytes());
    hasher.update(message.text.as_str());
    hasher.finalize().into()
}
