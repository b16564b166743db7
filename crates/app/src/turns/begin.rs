//! Beginning a turn.

use std::{sync::Arc, time::Duration};

use lionrocket_domain::{
    access::Actor,
    budget::{Amount, BudgetScope},
    calendar::Day,
    chat::{Message, MessageStatus},
    ids::UserId,
    macros::Names,
    prompt::{self, Question},
    text::MessageText,
    turn::{StopReason, Turn, TurnRecord},
    usage::ChargeAccount,
    window::{Outlook, window},
};
use lionrocket_ports::{
    StoreError,
    chats::{TurnCharacter, TurnContext, TurnContextOutcome},
    error::Chain,
    model::ModelRequest,
    turns::{BeginOutcome, BeginTurn, NewMessages, StartedTurn, TurnBudget},
};
use tokio::sync::OwnedSemaphorePermit;

use super::{
    Ask, BeginError, BegunTurn, Engine, TurnRequest, lease_from,
    reply::{self, ReplyTask},
    request::refusal,
};

/// What the model is asked for a reply.
pub(super) struct Asked {
    /// The request.
    pub(super) request: ModelRequest,
    /// When a summary is due of what the next one leaves out.
    pub(super) outlook: Outlook,
}

/// How often a turn is put together anew because the chat went on meanwhile.
const MAX_BEGIN_ATTEMPTS: usize = 3;

impl Engine {
    /// Takes a wish for a reply and sets the reply going.
    pub(super) async fn begin(
        self: &Arc<Self>,
        actor: Actor,
        request: TurnRequest,
    ) -> Result<BegunTurn, BeginError> {
        // Told before anything is read: a service that is full must not be made busier.
        let place = self.running.admit().ok_or(BeginError::Overloaded)?;
        for _ in 0..MAX_BEGIN_ATTEMPTS {
            let context = self.context(actor, &request).await?;
            let messages = new_messages(&request.ask, &context)?;
            let question = self.question(actor.user_id, &context, &messages);
            let begin = self.begin_turn(actor, &request, messages, &context);
            let account = account_of(&begin);
            let asked = question.as_ref().map(|question| &question.request);
            match refusal(self.reserve_and_begin(begin, asked).await?)? {
                BeginOutcome::Started(started) => {
                    // A turn without a character never starts.
                    let question = question.ok_or(BeginError::ChatReadOnly)?;
                    let record = self.start_reply(*started, account, question, place).await;
                    return Ok(BegunTurn {
                        record,
                        replayed: false,
                    });
                }
                BeginOutcome::Replayed(turn) => return self.replay(&turn).await,
                BeginOutcome::BudgetExhausted { scope, .. } => {
                    return Err(self.exhausted(scope, account.usage_date));
                }
                // The chat went on between reading and writing: read again.
                _ => {}
            }
        }
        Err(BeginError::NoMessage)
    }

    /// The turn of a key that was used before, as it is now.
    async fn replay(&self, turn: &Turn) -> Result<BegunTurn, BeginError> {
        let turns = &self.ports.turns;
        let record = turns.get(turn.user_id, turn.chat_id, turn.id).await?;
        Ok(BegunTurn {
            record: record.ok_or(BeginError::NotFound)?,
            replayed: true,
        })
    }

    /// Reads what the request to the model needs.
    async fn context(
        &self,
        actor: Actor,
        request: &TurnRequest,
    ) -> Result<Box<TurnContext>, BeginError> {
        let place = request.ask.place();
        let messages = self.settings.history.max_messages;
        let outcome = self
            .ports
            .chats
            .turn_context(actor.user_id, request.chat_id, place, messages)
            .await?;
        match (outcome, &request.ask) {
            (TurnContextOutcome::Found(context), _) => Ok(context),
            (TurnContextOutcome::NoChat, _) => Err(BeginError::NotFound),
            (TurnContextOutcome::NoMessage, _) | (_, Ask::Say { .. }) => Err(BeginError::NoMessage),
            (TurnContextOutcome::Unsuitable, _) => Err(BeginError::Unsuitable),
        }
    }

    /// Opens the reply log and starts the task that writes the reply.
    async fn start_reply(
        self: &Arc<Self>,
        started: StartedTurn,
        account: ChargeAccount,
        asked: Asked,
        place: OwnedSemaphorePermit,
    ) -> TurnRecord {
        let StartedTurn {
            turn,
            user_message,
            assistant_message,
        } = started;
        let beginning = assistant_message.content.clone();
        self.write_in_background(account, asked, beginning, Some(place))
            .await;
        TurnRecord {
            turn,
            user_message,
            assistant_message,
            charge: None,
        }
    }

    /// Opens the reply log and starts the task that writes a reply, or the rest of one.
    pub(super) async fn write_in_background(
        self: &Arc<Self>,
        account: ChargeAccount,
        asked: Asked,
        beginning: String,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let Asked { request, outlook } = asked;
        let turn_id = account.turn_id;
        self.ports.log.open(turn_id, beginning.clone()).await;
        let task = ReplyTask {
            account,
            request,
            outlook,
            beginning,
            cut: self.running.enter(turn_id),
            place,
        };
        let work = reply::run(self.clone(), task);
        self.ports.spawner.spawn("reply", Box::pin(work));
    }

    /// Everything that the first write of a turn needs, but for its budget.
    fn begin_turn(
        &self,
        actor: Actor,
        request: &TurnRequest,
        messages: NewMessages,
        context: &TurnContext,
    ) -> BeginTurn {
        let now = self.ports.clock.now();
        BeginTurn {
            turn_id: self.ports.ids.turn_id(),
            user_id: actor.user_id,
            chat_id: request.chat_id,
            messages,
            idempotency: request.idempotency(),
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
    fn question(
        &self,
        user_id: UserId,
        context: &TurnContext,
        messages: &NewMessages,
    ) -> Option<Asked> {
        let asked = context.asked.as_ref();
        let question = match messages {
            NewMessages::Exchange { text, .. } => Question {
                message: text.as_str(),
                so_far: None,
            },
            NewMessages::Reply { beginning, .. } => Question {
                message: asked.map_or("", |message| &message.content),
                so_far: Some(beginning),
            },
        };
        self.model_request(user_id, context, question)
    }

    /// What the model is asked; `None` when there is no character that could answer.
    pub(super) fn model_request(
        &self,
        user_id: UserId,
        context: &TurnContext,
        question: Question<'_>,
    ) -> Option<Asked> {
        let TurnCharacter::Available {
            name,
            system_prompt,
            ..
        } = &context.character
        else {
            return None;
        };
        let names = Names {
            character: name,
            person: context.person.as_ref(),
        };
        let window = window(&context.history, &context.past, self.settings.history);
        let prompt = prompt::compose(
            &context.common_prompts,
            names,
            system_prompt,
            &window,
            question,
        );
        Some(Asked {
            request: ModelRequest {
                prompt,
                max_output_tokens: self.settings.max_output_tokens,
                user_reference: format!("user-{user_id}"),
            },
            outlook: window.outlook,
        })
    }

    /// Begins a turn. What is set aside for it is a bound that is certain and costs nothing to know;
    /// only where that does not fit a budget, the model is asked how long the request really is.
    async fn reserve_and_begin(
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
    pub(super) fn budget(&self, request: &ModelRequest, input_tokens: u64) -> TurnBudget {
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

    /// Why a reply does not fit, and when it may.
    fn exhausted(&self, scope: BudgetScope, usage_date: Day) -> BeginError {
        let resets_at = self.settings.zone.end_of(usage_date);
        let wait = resets_at.duration_since(self.ports.clock.now());
        // Whole seconds, rounded up: a client that waits them out is not too early.
        let seconds = (wait.as_millis().max(0) + 999) / 1000;
        BeginError::BudgetExhausted {
            scope,
            resets_at,
            retry_after: Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
        }
    }
}

/// What a turn adds to the chat.
fn new_messages(ask: &Ask, context: &TurnContext) -> Result<NewMessages, BeginError> {
    let exchange = |text: &MessageText, parent_must_be_head| NewMessages::Exchange {
        parent_id: context.parent_id,
        parent_must_be_head,
        text: text.clone(),
    };
    let reply = |beginning| match &context.asked {
        Some(asked) => Ok(NewMessages::Reply {
            user_message_id: asked.id,
            beginning,
        }),
        None => Err(BeginError::Unsuitable),
    };
    match ask {
        Ask::Say { text, after } => Ok(exchange(text, after.is_none())),
        Ask::Edit { text, .. } => Ok(exchange(text, false)),
        Ask::Regenerate { .. } => reply(String::new()),
        Ask::Continue { .. } => match &context.cut_reply {
            Some(cut) if is_cut(cut) => reply(cut.content.clone()),
            _ => Err(BeginError::Unsuitable),
        },
    }
}

/// Whether a reply has words, and there were more to come.
fn is_cut(reply: &Message) -> bool {
    let ended_early = match reply.status {
        MessageStatus::Stopped | MessageStatus::Failed | MessageStatus::Interrupted => true,
        MessageStatus::Complete => reply.stop_reason.as_ref().is_some_and(StopReason::is_cut),
        MessageStatus::Streaming => false,
    };
    ended_early && !reply.content.trim().is_empty()
}

/// To whom and to which day a turn that is about to begin is counted.
const fn account_of(begin: &BeginTurn) -> ChargeAccount {
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
