//! Turns what a model sends into a reply, its tokens and the way it ended. Pure: no waiting, no clock.

use jiff::Timestamp;
use lionrocket_domain::{
    catalog::ModelCatalog,
    turn::{StopReason, TurnEnd, TurnFailure},
    usage::{Attempt, TokenUsage, estimate_tokens},
};
use lionrocket_ports::{
    model::{ModelError, ModelEvent},
    reply_log::StartedAttempt,
};

use super::running::Cut;

/// A reply in the making.
#[derive(Debug, Default)]
pub(super) struct ReplyAssembler {
    text: String,
    /// How many bytes of the text the running attempt found there.
    found: usize,
    first_text_at: Option<Timestamp>,
    /// The request that upstream took last and what it told of tokens.
    running: Option<StartedAttempt>,
    /// The requests before it, which came to nothing.
    failed: Vec<Attempt>,
    stop_reason: Option<StopReason>,
    /// The most tokens that upstream may bill as output; `None` for no limit.
    max_output_tokens: Option<u32>,
}

/// How a reply ended and what is to be written of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ReplyEnd {
    pub(super) end: TurnEnd,
    pub(super) failure: Option<TurnFailure>,
    pub(super) text: String,
    pub(super) stop_reason: Option<StopReason>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) first_text_at: Option<Timestamp>,
}

/// What came instead of a reply's end.
#[derive(Debug)]
pub(super) enum Ending {
    /// The model's stream is over. The error says why, unless it simply ended.
    Stream(Option<ModelError>),
    /// Somebody ended it.
    Cut(Cut),
}

impl ReplyAssembler {
    /// Begins a reply with a text that is there, whose rest has at most so many tokens.
    pub(super) fn new(beginning: String, max_output_tokens: u32) -> Self {
        Self {
            found: beginning.len(),
            text: beginning,
            max_output_tokens: Some(max_output_tokens),
            ..Self::default()
        }
    }

    /// Takes the next event. `now` is when it came.
    pub(super) fn apply(&mut self, event: &ModelEvent, now: Timestamp, catalog: &ModelCatalog) {
        match event {
            ModelEvent::Retrying(_) => {
                let failed = self.close_attempt(catalog);
                self.failed.extend(failed);
            }
            ModelEvent::Started {
                model,
                tokens,
                request_id,
            } => {
                self.running = Some(StartedAttempt {
                    model: model.clone(),
                    tokens: *tokens,
                    request_id: request_id.clone(),
                });
            }
            ModelEvent::Text(text) => {
                self.first_text_at.get_or_insert(now);
                self.text.push_str(text);
            }
            ModelEvent::Finished {
                stop_reason,
                tokens,
            } => {
                if let Some(running) = &mut self.running {
                    running.tokens = *tokens;
                }
                self.stop_reason = Some(stop_reason.clone());
            }
        }
    }

    /// The whole text so far.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// When the first word came.
    pub(super) const fn first_text_at(&self) -> Option<Timestamp> {
        self.first_text_at
    }

    /// The request that upstream took last.
    pub(super) const fn running(&self) -> Option<&StartedAttempt> {
        self.running.as_ref()
    }

    /// Closes the reply. `ending` is what came instead of the end, if anything did.
    pub(super) fn finish(self, ending: &Ending, catalog: &ModelCatalog) -> ReplyEnd {
        match (&self.stop_reason, ending) {
            (Some(StopReason::Refusal), _) => self.refused(catalog),
            (Some(_), _) => self.completed(catalog),
            (None, Ending::Cut(Cut::Stopped)) => self.broken(TurnEnd::Stopped, None, catalog),
            (
                None,
                Ending::Cut(Cut::Shutdown) | Ending::Stream(Some(ModelError::Interrupted) | None),
            ) => {
                let failure = Some(TurnFailure::ReplyInterrupted);
                self.broken(TurnEnd::Interrupted, failure, catalog)
            }
            (None, Ending::Stream(Some(error))) => {
                let failure = Some(error.failure());
                self.broken(TurnEnd::Failed, failure, catalog)
            }
        }
    }

    fn completed(mut self, catalog: &ModelCatalog) -> ReplyEnd {
        let charged = self.charge_exactly(catalog);
        self.end(TurnEnd::Completed, None, charged)
    }

    /// A refusal takes back what was said. One that came before any output costs nothing, and then
    /// no tokens are told; whether there was any is not to be seen from the text.
    fn refused(mut self, catalog: &ModelCatalog) -> ReplyEnd {
        let charged = self
            .charge_exactly(catalog)
            .filter(|attempt| attempt.charge.tokens.total() > 0);
        self.text.clear();
        self.end(TurnEnd::Failed, Some(TurnFailure::Refused), charged)
    }

    /// A reply without its end keeps what was said, and its cost is estimated.
    fn broken(
        mut self,
        end: TurnEnd,
        failure: Option<TurnFailure>,
        catalog: &ModelCatalog,
    ) -> ReplyEnd {
        let charged = self.close_attempt(catalog);
        self.end(end, failure, charged)
    }

    fn end(
        mut self,
        end: TurnEnd,
        failure: Option<TurnFailure>,
        charged: Option<Attempt>,
    ) -> ReplyEnd {
        self.failed.extend(charged);
        ReplyEnd {
            end,
            failure,
            text: self.text,
            stop_reason: self.stop_reason,
            attempts: self.failed,
            first_text_at: self.first_text_at,
        }
    }

    /// The running attempt at what upstream told.
    fn charge_exactly(&mut self, catalog: &ModelCatalog) -> Option<Attempt> {
        let running = self.running.take()?;
        Some(Attempt {
            charge: catalog.charge(&running.model, running.tokens, false),
            upstream_request_id: running.request_id,
        })
    }

    /// The running attempt, of which upstream will tell no more.
    fn close_attempt(&mut self, catalog: &ModelCatalog) -> Option<Attempt> {
        let running = self.running.take()?;
        let most = self.max_output_tokens.unwrap_or(u32::MAX);
        let said = self.text.get(self.found..).unwrap_or_default();
        Some(estimated_attempt(catalog, running, said, most))
    }
}

/// An attempt whose exact output upstream never told: the input as told, the output from the text,
/// but no more than was asked for.
pub(super) fn estimated_attempt(
    catalog: &ModelCatalog,
    started: StartedAttempt,
    said: &str,
    max_output_tokens: u32,
) -> Attempt {
    let estimate = estimate_tokens(said).min(max_output_tokens.into());
    let tokens = TokenUsage {
        output: started.tokens.output.max(estimate),
        ..started.tokens
    };
    Attempt {
        charge: catalog.charge(&started.model, tokens, true),
        upstream_request_id: started.request_id,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn tokens(input: u64, output: u64) -> TokenUsage {
        TokenUsage {
            input,
            output,
            ..TokenUsage::default()
        }
    }

    fn assemble(events: &[ModelEvent]) -> ReplyAssembler {
        let mut assembler = ReplyAssembler::default();
        for event in events {
            assembler.apply(event, Timestamp::UNIX_EPOCH, &ModelCatalog::default());
        }
        assembler
    }

    fn started() -> ModelEvent {
        ModelEvent::Started {
            model: "m".to_owned(),
            tokens: tokens(10, 1),
            request_id: Some("req_1".to_owned()),
        }
    }

    fn only(end: &ReplyEnd) -> &lionrocket_domain::usage::Charge {
        match end.attempts.as_slice() {
            [attempt] => &attempt.charge,
            more => panic!("one attempt: {more:?}"),
        }
    }

    fn text(words: &str) -> ModelEvent {
        ModelEvent::Text(words.to_owned())
    }

    fn finished(stop_reason: StopReason) -> ModelEvent {
        ModelEvent::Finished {
            stop_reason,
            tokens: tokens(10, 7),
        }
    }

    #[test]
    fn a_reply_that_came_to_its_end_is_charged_exactly() {
        let end = assemble(&[
            started(),
            text("Good "),
            text("evening"),
            finished(StopReason::EndTurn),
        ])
        .finish(&Ending::Stream(None), &ModelCatalog::default());
        assert_eq!(
            (end.end, end.failure, end.text.as_str()),
            (TurnEnd::Completed, None, "Good evening")
        );
        let charge = only(&end);
        assert_eq!((charge.tokens, charge.estimated), (tokens(10, 7), false));
        assert_eq!(
            end.attempts[0].upstream_request_id.as_deref(),
            Some("req_1")
        );
    }

    #[test]
    fn a_reply_that_never_reached_upstream_is_not_charged() {
        let busy = ModelEvent::Retrying(Duration::from_secs(1));
        let end = assemble(&[busy]).finish(
            &Ending::Stream(Some(ModelError::Timeout)),
            &ModelCatalog::default(),
        );
        assert_eq!(
            (end.end, end.failure),
            (TurnEnd::Failed, Some(TurnFailure::UpstreamTimeout))
        );
        assert_eq!(end.attempts, []);
    }

    #[test]
    fn a_reply_that_broke_off_keeps_its_text_and_an_estimated_charge() {
        for error in [Some(ModelError::Interrupted), None] {
            let end = assemble(&[started(), text("안녕하세요")])
                .finish(&Ending::Stream(error), &ModelCatalog::default());
            assert_eq!(
                (end.end, end.text.as_str()),
                (TurnEnd::Interrupted, "안녕하세요")
            );
            let charge = only(&end);
            assert_eq!((charge.tokens.output, charge.estimated), (5, true));
        }
    }

    #[test]
    fn an_estimate_is_never_above_what_was_asked_for() {
        let mut assembler = ReplyAssembler::new(String::new(), 3);
        for event in [started(), text("안녕하세요")] {
            assembler.apply(&event, Timestamp::UNIX_EPOCH, &ModelCatalog::default());
        }
        let end = assembler.finish(&Ending::Stream(None), &ModelCatalog::default());
        assert_eq!(only(&end).tokens.output, 3);
    }

    #[test]
    fn a_refusal_takes_the_text_back_and_costs_only_what_was_said() {
        let free = ModelEvent::Finished {
            stop_reason: StopReason::Refusal,
            tokens: TokenUsage::default(),
        };
        let early =
            assemble(&[started(), free]).finish(&Ending::Stream(None), &ModelCatalog::default());
        assert_eq!(
            (early.failure, early.attempts),
            (Some(TurnFailure::Refused), Vec::new())
        );
        let thoughtful = assemble(&[started(), finished(StopReason::Refusal)])
            .finish(&Ending::Stream(None), &ModelCatalog::default());
        assert_eq!(only(&thoughtful).tokens, tokens(10, 7));
        let late = assemble(&[started(), text("I ca"), finished(StopReason::Refusal)])
            .finish(&Ending::Stream(None), &ModelCatalog::default());
        assert_eq!(
            (late.text.as_str(), late.stop_reason.as_ref()),
            ("", Some(&StopReason::Refusal))
        );
        assert_eq!(only(&late).tokens, tokens(10, 7));
    }

    #[test]
    fn an_attempt_that_came_to_nothing_is_charged_besides_the_one_that_followed() {
        let busy = ModelEvent::Retrying(Duration::from_secs(1));
        let end = assemble(&[
            started(),
            busy,
            started(),
            text("Hi"),
            finished(StopReason::EndTurn),
        ])
        .finish(&Ending::Stream(None), &ModelCatalog::default());
        let charges: Vec<_> = end
            .attempts
            .iter()
            .map(|attempt| (attempt.charge.tokens, attempt.charge.estimated))
            .collect();
        assert_eq!(charges, [(tokens(10, 1), true), (tokens(10, 7), false)]);
    }

    #[test]
    fn a_reply_that_is_stopped_keeps_its_text_and_is_no_failure() {
        let cut = |cut| {
            assemble(&[started(), text("안녕하세요")])
                .finish(&Ending::Cut(cut), &ModelCatalog::default())
        };
        let stopped = cut(Cut::Stopped);
        assert_eq!(
            (stopped.end, stopped.failure, stopped.text.as_str()),
            (TurnEnd::Stopped, None, "안녕하세요")
        );
        assert!(only(&stopped).estimated);
        let shut_down = cut(Cut::Shutdown);
        assert_eq!(
            (shut_down.end, shut_down.failure),
            (TurnEnd::Interrupted, Some(TurnFailure::ReplyInterrupted))
        );
    }

    #[test]
    fn a_reply_that_goes_on_is_charged_for_its_rest_only() {
        let mut assembler = ReplyAssembler::new("안녕하세요 ".to_owned(), 1024);
        for event in [started(), text("반가워")] {
            assembler.apply(&event, Timestamp::UNIX_EPOCH, &ModelCatalog::default());
        }
        let end = assembler.finish(&Ending::Stream(None), &ModelCatalog::default());
        assert_eq!(end.text, "안녕하세요 반가워");
        assert_eq!(only(&end).tokens.output, 3);
    }

    #[test]
    fn an_error_after_the_end_changes_nothing() {
        let end = assemble(&[started(), text("Hi"), finished(StopReason::EndTurn)]).finish(
            &Ending::Stream(Some(ModelError::Interrupted)),
            &ModelCatalog::default(),
        );
        assert_eq!(end.end, TurnEnd::Completed);
    }

    proptest! {
        #[test]
        fn the_text_is_what_came_in_whatever_its_pieces(pieces in proptest::collection::vec("\\PC{1,9}", 0..20)) {
            let events: Vec<ModelEvent> = pieces.iter().map(|piece| text(piece)).collect();
            let assembler = assemble(&events);
            prop_assert_eq!(assembler.text(), pieces.concat());
        }
    }
}
