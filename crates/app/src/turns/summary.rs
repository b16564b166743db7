//! Summing up what the next request will leave out, in the background and after a turn.
//!
//! A summary is a convenience: it never holds a turn up and never makes one fail. Where the service
//! has no room for one more reply, where the day's budget has none, or where the model does not
//! manage, there is none, and a later turn tries again. What cost something and gave nothing is tried
//! again only when more is left out: else a model that refuses would be paid after every turn.

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    ids::{ChatId, MessageId, TurnId, UserId},
    macros::Names,
    summary,
    text::SummaryText,
    turn::{StopReason, TurnRecord, TurnState},
    usage::{Attempt, ChargeAccount, estimate_tokens},
    window::Outlook,
};
use lionrocket_ports::{
    StoreError,
    chats::{TurnCharacter, TurnContext, TurnContextOutcome, TurnPlace},
    error::Chain,
    model::{ModelError, ModelEvent, ModelRequest},
    summaries::{BeginSummary, BeginSummaryOutcome, FinishSummary},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{
    Engine,
    assembler::{Ending, ReplyAssembler, ReplyEnd},
    recovery::LEFT_AT_A_TIME,
    running::{Cut, wait_for_cut},
};

/// The largest summary in tokens. What the model is asked for is shorter.
const MAX_OUTPUT_TOKENS: u32 = 700;
/// The longest that a model may take for a summary.
const LONGEST: Duration = Duration::from_mins(4);
/// How long a process may be silent about a summary before it is taken for dead.
const LEASE: SignedDuration = SignedDuration::from_secs(600);
/// How many chats are remembered that could not be summed up. With more, all are forgotten, which costs
/// one more attempt each.
const MOST_FRUITLESS: usize = 4096;
/// The longest wait before the end is written again when the store is away.
const FINISH_LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The chats that could not be summed up though it cost something, each with the message up to which
/// that was tried.
#[derive(Default)]
pub(super) struct Fruitless(Mutex<HashMap<ChatId, MessageId>>);

impl Fruitless {
    fn note(&self, chat_id: ChatId, covers_up_to: MessageId) {
        let mut chats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.len() >= MOST_FRUITLESS {
            chats.clear();
        }
        chats.insert(chat_id, covers_up_to);
    }

    fn holds(&self, chat_id: ChatId, covers_up_to: MessageId) -> bool {
        let chats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        chats.get(&chat_id) == Some(&covers_up_to)
    }
}

impl Engine {
    /// Sees in the background to a summary, if the next request may leave out what none tells of.
    pub(super) fn sum_up_after(self: &Arc<Self>, record: &TurnRecord, outlook: Outlook) {
        let told = [&record.user_message, &record.assistant_message];
        let tokens = told.iter().map(|m| estimate_tokens(&m.content)).sum();
        let went_well = matches!(record.turn.state, TurnState::Completed | TurnState::Stopped);
        if !went_well || !outlook.is_due(tokens) {
            return;
        }
        let (engine, turn) = (Arc::clone(self), record.turn.clone());
        let work = async move {
            if let Err(error) = engine.sum_up(turn.user_id, turn.chat_id).await {
                tracing::warn!(error = %Chain(&error), "a chat could not be summed up");
            }
        };
        self.ports.spawner.spawn("summary", Box::pin(work));
    }

    /// Sums up what the next request of a chat will leave out, if anything.
    async fn sum_up(&self, user_id: UserId, chat_id: ChatId) -> Result<(), StoreError> {
        // Held to the end: a summary is a reply that the model writes. It does not wait for its turn.
        let Some(_permit) = self.running.write_at_once() else {
            return Ok(());
        };
        let messages = self.settings.history.max_messages.saturating_mul(2);
        let chats = &self.ports.chats;
        let outcome = chats
            .turn_context(user_id, chat_id, TurnPlace::Head, messages)
            .await?;
        let TurnContextOutcome::Found(context) = outcome else {
            return Ok(());
        };
        let Some((begin, request)) = self.plan_summary(user_id, chat_id, &context) else {
            return Ok(());
        };
        let (account, covers_up_to) = (begin.account, begin.covers_up_to);
        if self.fruitless.holds(chat_id, covers_up_to) {
            return Ok(());
        }
        match self.ports.summaries.begin(begin).await? {
            BeginSummaryOutcome::Started => {
                self.write_summary(account, covers_up_to, request).await;
            }
            outcome => tracing::debug!(?outcome, "a chat is not summed up now"),
        }
        Ok(())
    }

    /// What is to be summed up and what the model is asked; `None` when every message is sent or told of.
    fn plan_summary(
        &self,
        user_id: UserId,
        chat_id: ChatId,
        context: &TurnContext,
    ) -> Option<(BeginSummary, ModelRequest)> {
        let TurnCharacter::Available { id, name, .. } = &context.character else {
            return None;
        };
        let plan = summary::plan(&context.history, &context.past, self.settings.history)?;
        let names = Names {
            character: name,
            person: context.person.as_ref(),
        };
        let request = ModelRequest {
            prompt: summary::compose_summary(&plan, names),
            max_output_tokens: MAX_OUTPUT_TOKENS.min(self.settings.max_output_tokens),
            user_reference: format!("user-{user_id}"),
        };
        let now = self.ports.clock.now();
        let begin = BeginSummary {
            account: ChargeAccount {
                turn_id: self.ports.ids.turn_id(),
                user_id,
                chat_id,
                character_id: Some(*id),
                usage_date: self.settings.zone.day_of(now),
                accepted_at: now,
            },
            covers_up_to: plan.covers_up_to,
            version: context.past.version,
            node_id: self.settings.node_id,
            lease_until: now.saturating_add(LEASE).unwrap_or(Timestamp::MAX),
            budget: self.budget(&request, request.prompt.token_bound()),
        };
        Some((begin, request))
    }

    /// Lets the model write a summary that was begun, to its end, whatever happens on the way.
    async fn write_summary(
        &self,
        account: ChargeAccount,
        covers_up_to: MessageId,
        request: ModelRequest,
    ) {
        let id = account.turn_id;
        // Nobody reads there, but what upstream took is known when this process dies.
        self.ports.log.open(id, String::new()).await;
        let cut = self.running.enter(id);
        let work = async {
            let end = self.read_summary(id, request, cut).await;
            let text = accepted(&end);
            if text.is_none() && !end.attempts.is_empty() {
                self.fruitless.note(account.chat_id, covers_up_to);
            }
            self.finish_summary(account, text, end.attempts).await
        };
        let ended = AssertUnwindSafe(work).catch_unwind().await;
        self.running.leave(id);
        match ended {
            Ok(true) => self.ports.log.abandon(id).await,
            // The lease runs out, and what upstream took is charged.
            Ok(false) => self.ports.log.break_off(id).await,
            Err(_) => {
                tracing::error!("writing a summary panicked");
                self.ports.log.break_off(id).await;
            }
        }
    }

    /// Reads the model's stream to its end.
    async fn read_summary(
        &self,
        id: TurnId,
        request: ModelRequest,
        mut cut: watch::Receiver<Option<Cut>>,
    ) -> ReplyEnd {
        let mut assembler = ReplyAssembler::new(String::new(), request.max_output_tokens);
        let reading = async {
            let mut events = self.ports.model.stream(request).await;
            loop {
                tokio::select! {
                    biased;
                    cut = wait_for_cut(&mut cut) => return Ending::Cut(cut),
                    event = events.next() => match event {
                        Some(Ok(event)) => {
                            self.take_in(id, &mut assembler, &event).await;
                            if matches!(event, ModelEvent::Finished { .. }) {
                                return Ending::Stream(None);
                            }
                        }
                        Some(Err(error)) => return Ending::Stream(Some(error)),
                        None => return Ending::Stream(None),
                    },
                }
            }
        };
        let ending = timeout(LONGEST, reading)
            .await
            .unwrap_or(Ending::Stream(Some(ModelError::Timeout)));
        if let Ending::Stream(Some(error)) = &ending {
            tracing::warn!(error = %Chain(error), "a summary did not come to its end");
        }
        assembler.finish(&ending, &self.settings.catalog)
    }

    /// Takes an event of the model in and notes what would be needed if this process died.
    async fn take_in(&self, id: TurnId, assembler: &mut ReplyAssembler, event: &ModelEvent) {
        let log = &self.ports.log;
        assembler.apply(event, self.ports.clock.now(), &self.settings.catalog);
        match event {
            ModelEvent::Text(words) => log.append(id, words.clone()).await,
            ModelEvent::Started { .. } => {
                if let Some(attempt) = assembler.running() {
                    log.started(id, attempt.clone()).await;
                }
            }
            ModelEvent::Retrying(_) | ModelEvent::Finished { .. } => {}
        }
    }

    /// Writes the end of a summary, again and again while the store is away. `false` when that is not
    /// possible.
    async fn finish_summary(
        &self,
        account: ChargeAccount,
        text: Option<SummaryText>,
        attempts: Vec<Attempt>,
    ) -> bool {
        let request = FinishSummary {
            account,
            text,
            attempts,
            ended_at: self.ports.clock.now(),
        };
        let mut wait = Duration::from_millis(50);
        loop {
            match self.ports.summaries.finish(request.clone()).await {
                Ok(_) => return true,
                Err(error @ (StoreError::Unavailable(_) | StoreError::Full)) => {
                    tracing::warn!(error = %Chain(&error), "the end of a summary is written again");
                    sleep(wait).await;
                    wait = (wait * 2).min(FINISH_LONGEST_WAIT);
                }
                Err(error) => {
                    tracing::error!(error = %Chain(&error), "the end of a summary could not be written");
                    return false;
                }
            }
        }
    }

    /// Ends the summaries whose process died: what upstream took is charged, and there are no words.
    pub(super) async fn close_left_over_summaries(
        &self,
        lease_before: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        loop {
            let summaries = &self.ports.summaries;
            let node_id = self.settings.node_id;
            let at_work = self.running.at_work();
            let left = summaries
                .left_over(node_id, lease_before, LEFT_AT_A_TIME, at_work)
                .await?;
            if left.is_empty() {
                return Ok(());
            }
            for account in left {
                let noted = self.ports.log.left_over(account.turn_id, 0).await;
                let most = MAX_OUTPUT_TOKENS.min(self.settings.max_output_tokens);
                let finish = FinishSummary {
                    account,
                    text: None,
                    attempts: self.estimate(noted.attempts, &noted.text, most),
                    ended_at: self.ports.clock.now(),
                };
                summaries.finish(finish).await?;
                self.ports.log.abandon(account.turn_id).await;
            }
        }
    }
}

/// The words of a summary that came to a good end. One that was cut loses its last sentence.
fn accepted(end: &ReplyEnd) -> Option<SummaryText> {
    let is_whole = match &end.stop_reason {
        Some(StopReason::EndTurn | StopReason::StopSequence) => true,
        Some(reason) if reason.is_cut() => false,
        _ => return None,
    };
    let accepted = summary::accept(&end.text, is_whole);
    accepted
        .map_err(|error| tracing::warn!(code = error.code(), "a summary could not be used"))
        .ok()
}
