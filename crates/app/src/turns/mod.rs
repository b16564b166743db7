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
    budget::{Amount, BudgetScope, DailyBudgets},
    calendar::StatsZone,
    catalog::ModelCatalog,
    ids::{ChatId, MessageId, NodeId, TurnId},
    prompt::{self, HistoryBudget},
    text::MessageText,
    turn::{TurnEnd, TurnFailure, TurnRecord},
    usage::ChargeAccount,
};
use lionrocket_ports::{
    StoreError,
    chats::{ChatRepository, ParentChoice, TurnCharacter, TurnContext, TurnContextOutcome},
    error::Chain,
    model::{LanguageModel, ModelRequest},
    reply_log::{ReplyLog, TextOffset},
    runtime::{Clock, IdGenerator, Spawner},
    turns::{
        BeginOutcome, BeginTurn, FinishTurn, Idempotency, OrphanedTurn, StartedTurn, TurnBudget,
        TurnStore,
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
    /// What may be used in a day.
    pub budgets: DailyBudgets,
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
    /// The message does not fit what is left of the day's budget.
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
            let request = self.engine.model_request(actor, &message, &context);
            let begin = self
                .engine
                .begin_request(actor, &message, idempotency.clone(), &context);
            let account = begin_account(&begin);
            match self.engine.begin(begin, request.as_ref()).await? {
                BeginOutcome::Started(started) => {
                    let record = self.start_reply(*started, account, request).await?;
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
                BeginOutcome::Paused => return Err(SendError::Paused),
                BeginOutcome::BudgetExhausted { scope, .. } => {
                    return Err(self.engine.exhausted(scope, &account));
                }
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
    /// its text, and gives back what was set aside for turns that are gone. For a process that has
    /// just started and serves the store alone. Answers how many it ended.
    ///
    /// # Errors
    /// The store failed.
    pub async fn recover_after_restart(&self) -> Result<usize, StoreError> {
        let ended = self.engine.end_orphans(Timestamp::MAX).await?;
        self.engine.ports.turns.give_back_leftovers().await?;
        Ok(ended)
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
        request: Option<ModelRequest>,
    ) -> Result<TurnRecord, SendError> {
        let StartedTurn {
            turn,
            user_message,
            assistant_message,
        } = started;
        // A turn without a character never starts.
        let request = request.ok_or(SendError::ChatReadOnly)?;
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
        context: &TurnContext,
    ) -> BeginTurn {
        let now = self.ports.clock.now();
        BeginTurn {
            turn_id: self.ports.ids.turn_id(),
            user_id: actor.user_id,
            chat_id: message.chat_id,
            parent_id: context.parent_id,
            parent_must_be_head: message.parent_id.is_none(),
            text: message.text.clone(),
            idempotency,
            node_id: self.settings.node_id,
            lease_until: lease_from(now),
            accepted_at: now,
            usage_date: self.settings.zone.day_of(now),
            max_running_per_user: self.settings.max_running_per_user,
            character_id: match &context.character {
                TurnCharacter::Available { id, .. } => Some(*id),
                TurnCharacter::Gone => None,
            },
            budget: TurnBudget::default(),
        }
    }

    /// What the model is asked; `None` when there is no character that could answer.
    fn model_request(
        &self,
        actor: Actor,
        message: &SendMessage,
        context: &TurnContext,
    ) -> Option<ModelRequest> {
        let TurnCharacter::Available {
            name,
            system_prompt,
            ..
        } = &context.character
        else {
            return None;
        };
        let prompt = prompt::compose(
            &context.common_prompts,
            name,
            system_prompt,
            &context.history,
            &message.text,
            self.settings.history,
        );
        Some(ModelRequest {
            prompt,
            max_output_tokens: self.settings.max_output_tokens,
            user_reference: format!("user-{}", actor.user_id),
        })
    }

    /// Begins a turn. What is set aside for it is a bound that is certain and costs nothing to know;
    /// only where that does not fit a budget, the model is asked how long the request really is.
    async fn begin(
        &self,
        begin: BeginTurn,
        request: Option<&ModelRequest>,
    ) -> Result<BeginOutcome, StoreError> {
        let Some(request) = request else {
            return self.ports.turns.begin(begin).await;
        };
        let bound = request.prompt.token_bound();
        let bounded = BeginTurn {
            budget: self.budget(request, bound),
            ..begin
        };
        let outcome = self.ports.turns.begin(bounded.clone()).await?;
        let may_fit = matches!(
            outcome,
            BeginOutcome::BudgetExhausted {
                is_certain: false,
                ..
            }
        );
        if !may_fit {
            return Ok(outcome);
        }
        match self.ports.model.count_tokens(request.clone()).await {
            Ok(counted) => {
                let counted = with_margin(counted).min(bound);
                let exact = BeginTurn {
                    budget: self.budget(request, counted),
                    ..bounded
                };
                self.ports.turns.begin(exact).await
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "a request could not be counted");
                Ok(outcome)
            }
        }
    }

    /// What a request may cost when its input has so many tokens at most.
    fn budget(&self, request: &ModelRequest, input_tokens: u64) -> TurnBudget {
        let model = self.ports.model.model_id();
        let output_tokens = u64::from(request.max_output_tokens);
        let amount = |input_tokens: u64| Amount {
            tokens: input_tokens.saturating_add(output_tokens),
            cost_micro_usd: self
                .settings
                .catalog
                .cost_bound(&model, input_tokens, output_tokens),
        };
        TurnBudget {
            limits: self.settings.budgets,
            most: amount(input_tokens),
            least: amount(request.prompt.token_floor().min(input_tokens)),
        }
    }

    /// Why a message does not fit, and when it may.
    fn exhausted(&self, scope: BudgetScope, account: &ChargeAccount) -> SendError {
        let resets_at = self.settings.zone.end_of(account.usage_date);
        let wait = resets_at.duration_since(self.ports.clock.now());
        // Whole seconds, rounded up: a client that waits them out is not too early.
        let seconds = (wait.as_millis().max(0) + 999) / 1000;
        SendError::BudgetExhausted {
            scope,
            resets_at,
            retry_after: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
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
            assembler::estimated_charge(
                &self.settings.catalog,
                model,
                orphan.tokens,
                &orphan.text,
                self.settings.max_output_tokens,
            )
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
const fn begin_account(begin: &BeginTurn) -> ChargeAccount {
    ChargeAccount {
        turn_id: begin.turn_id,
        user_id: begin.user_id,
        chat_id: begin.chat_id,
        character_id: begin.character_id,
        usage_date: begin.usage_date,
        accepted_at: begin.accepted_at,
    }
}

/// A count of the model's service with what the bill may be above it.
const fn with_margin(counted: u64) -> u64 {
    counted.saturating_add(counted / 16).saturating_add(16)
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
