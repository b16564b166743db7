//! Taking up turns whose process died.

use std::{
    collections::VecDeque,
    sync::{Arc, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use lionrocket_domain::{
    prompt::Question,
    turn::{TurnEnd, TurnFailure},
    usage::Attempt,
};
use lionrocket_ports::{
    StoreError,
    chats::{TurnContext, TurnContextOutcome, TurnPlace},
    reply_log::StartedAttempt,
    turns::{FinishTurn, OrphanedTurn, ResumeOutcome, ResumeTurn},
};

use super::{Engine, assembler::estimated_attempt, begin::Asked, lease_from};

/// How much of what was left behind is taken up at a time.
pub(super) const LEFT_AT_A_TIME: u32 = 100;

/// What became of turns whose process died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// They go on here.
    pub resumed: usize,
    /// They were ended with what there was of their text.
    pub ended: usize,
}

impl Engine {
    /// Takes up the turns whose lease ended before a moment, or all that another process has.
    pub(super) async fn take_up_orphans(
        self: &Arc<Self>,
        lease_before: Option<Timestamp>,
    ) -> Result<Recovered, StoreError> {
        let mut recovered = Recovered::default();
        loop {
            let mut orphans = std::mem::take(&mut *self.claimed());
            if orphans.is_empty() {
                orphans = self.claim(lease_before).await?.into();
            }
            if orphans.is_empty() {
                return Ok(recovered);
            }
            while let Some(orphan) = orphans.front() {
                match self.take_up(orphan.clone()).await {
                    Ok(true) => recovered.resumed += 1,
                    Ok(false) => recovered.ended += 1,
                    Err(error) => {
                        *self.claimed() = orphans;
                        return Err(error);
                    }
                }
                orphans.pop_front();
            }
        }
    }

    async fn claim(
        &self,
        lease_before: Option<Timestamp>,
    ) -> Result<Vec<OrphanedTurn>, StoreError> {
        let lease_until = lease_from(self.ports.clock.now());
        self.ports
            .turns
            .claim_orphans(
                self.settings.node_id,
                lease_before,
                lease_until,
                LEFT_AT_A_TIME,
                self.running.at_work(),
            )
            .await
    }

    /// The turns that were claimed and could not be taken up, since the store was away. Nobody else will
    /// find them before their lease is over, and what was noted of them must not be forgotten until then.
    fn claimed(&self) -> MutexGuard<'_, VecDeque<OrphanedTurn>> {
        self.claimed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a turn go on, or ends it; answers whether it goes on.
    async fn take_up(self: &Arc<Self>, orphan: OrphanedTurn) -> Result<bool, StoreError> {
        let orphan = self.with_left_over(orphan).await;
        if self.resume(&orphan).await? {
            return Ok(true);
        }
        let turn_id = orphan.turn.account.turn_id;
        self.ports.turns.finish(self.end_of(orphan)).await?;
        self.ports.log.abandon(turn_id).await;
        Ok(false)
    }

    /// Adds to a turn what its process had noted after it saved it last.
    async fn with_left_over(&self, orphan: OrphanedTurn) -> Orphan {
        let saved = orphan.text.len();
        let noted = self
            .ports
            .log
            .left_over(orphan.account.turn_id, saved)
            .await;
        let checkpointed = orphan.model.clone().map(|model| StartedAttempt {
            model,
            tokens: orphan.tokens,
            request_id: orphan.upstream_request_id.clone(),
        });
        let mut started = noted.attempts;
        if let Some(attempt) = checkpointed {
            let is_noted = |noted: &StartedAttempt| noted.request_id == attempt.request_id;
            if !started.iter().any(is_noted) {
                started.push(attempt);
            }
        }
        let text = orphan.text.clone() + &noted.text;
        let said = text.get(orphan.resumed_from..).unwrap_or_default();
        Orphan {
            attempts: self.estimate(started, said, self.settings.max_output_tokens),
            text,
            turn: orphan,
        }
    }

    /// What upstream charges for requests that broke off. Only the last one can have said anything.
    pub(super) fn estimate(
        &self,
        started: Vec<StartedAttempt>,
        said: &str,
        most: u32,
    ) -> Vec<Attempt> {
        let last = started.len().saturating_sub(1);
        let attempts = started.into_iter().enumerate().map(|(number, attempt)| {
            let said = if number == last { said } else { "" };
            estimated_attempt(&self.settings.catalog, attempt, said, most)
        });
        attempts.collect()
    }

    /// Lets a turn go on, if it may. `false` when it is to be ended.
    async fn resume(self: &Arc<Self>, orphan: &Orphan) -> Result<bool, StoreError> {
        let turn = &orphan.turn;
        let now = self.ports.clock.now();
        let on_interrupt = self.settings.on_interrupt;
        let may_go_on = !turn.stop_requested
            && on_interrupt.lets_go_on(turn.attempts, turn.account.accepted_at, now);
        if !may_go_on {
            return Ok(false);
        }
        let Some(asked) = self.request_for_rest(orphan).await? else {
            return Ok(false);
        };
        let request = &asked.request;
        let resume = ResumeTurn {
            account: turn.account,
            text: orphan.text.clone(),
            attempts: orphan.attempts.clone(),
            first_text_at: turn.first_text_at,
            budget: self.budget(request, request.prompt.token_bound()),
            lease_until: lease_from(now),
            now,
        };
        match self.ports.turns.resume(resume).await? {
            ResumeOutcome::Resumed => {
                let text = orphan.text.clone();
                self.write_in_background(turn.account, asked, text, None)
                    .await;
                Ok(true)
            }
            ResumeOutcome::BudgetExhausted | ResumeOutcome::Paused | ResumeOutcome::Over => {
                Ok(false)
            }
        }
    }

    /// What the model is asked for the rest of a turn; `None` when its character is gone.
    async fn request_for_rest(&self, orphan: &Orphan) -> Result<Option<Asked>, StoreError> {
        let turn = &orphan.turn;
        let (user_id, chat_id) = (turn.account.user_id, turn.account.chat_id);
        let place = TurnPlace::Onward(turn.assistant_message_id);
        let outcome = self
            .ports
            .chats
            .turn_context(user_id, chat_id, place, self.settings.history.max_messages)
            .await?;
        let TurnContextOutcome::Found(context) = outcome else {
            return Ok(None);
        };
        let TurnContext {
            asked: Some(asked), ..
        } = &*context
        else {
            return Ok(None);
        };
        let question = Question {
            message: &asked.content,
            so_far: Some(&orphan.text),
        };
        Ok(self.model_request(user_id, &context, question))
    }

    /// The end of a turn that does not go on.
    fn end_of(&self, orphan: Orphan) -> FinishTurn {
        let (end, failure) = if orphan.turn.stop_requested {
            (TurnEnd::Stopped, None)
        } else {
            (TurnEnd::Interrupted, Some(TurnFailure::ReplyInterrupted))
        };
        FinishTurn {
            account: orphan.turn.account,
            end,
            failure,
            text: orphan.text,
            is_left_over: true,
            stop_reason: None,
            attempts: orphan.attempts,
            first_text_at: orphan.turn.first_text_at,
            ended_at: self.ports.clock.now(),
        }
    }
}

/// A turn whose process died, with all that is left of it.
struct Orphan {
    turn: OrphanedTurn,
    /// The whole text.
    text: String,
    /// The requests that upstream took and that are not written down yet.
    attempts: Vec<Attempt>,
}
