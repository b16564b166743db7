//! Turns what a model sends into a reply, its tokens and the way it ended. Pure: no waiting, no clock.

use jiff::Timestamp;
use lionrocket_domain::{
    catalog::ModelCatalog,
    turn::{StopReason, TurnEnd, TurnFailure},
    usage::{Charge, TokenUsage, estimate_tokens},
};
use lionrocket_ports::model::{ModelError, ModelEvent};

/// A reply in the making.
#[derive(Debug, Default)]
pub(super) struct ReplyAssembler {
    text: String,
    first_text_at: Option<Timestamp>,
    /// The model and what it told of tokens, once upstream took the request.
    started: Option<(String, TokenUsage)>,
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
    pub(super) charge: Option<Charge>,
    pub(super) first_text_at: Option<Timestamp>,
}

impl ReplyAssembler {
    /// Begins a reply of at most so many tokens.
    pub(super) fn limited(max_output_tokens: u32) -> Self {
        Self {
            max_output_tokens: Some(max_output_tokens),
            ..Self::default()
        }
    }

    /// Takes the next event. `now` is when it came.
    pub(super) fn apply(&mut self, event: &ModelEvent, now: Timestamp) {
        match event {
            ModelEvent::Retrying(_) => {}
            ModelEvent::Started { model, tokens } => self.started = Some((model.clone(), *tokens)),
            ModelEvent::Text(text) => {
                self.first_text_at.get_or_insert(now);
                self.text.push_str(text);
            }
            ModelEvent::Finished {
                stop_reason,
                tokens,
            } => {
                if let Some((_, told)) = &mut self.started {
                    *told = *tokens;
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

    /// The model's name, once upstream took the request.
    pub(super) fn model(&self) -> Option<&str> {
        self.started.as_ref().map(|(model, _)| model.as_str())
    }

    /// The tokens that upstream told so far.
    pub(super) fn tokens(&self) -> TokenUsage {
        self.started
            .as_ref()
            .map(|(_, tokens)| *tokens)
            .unwrap_or_default()
    }

    /// Closes the reply. `error` is what came instead of the end, if anything did.
    pub(super) fn finish(self, error: Option<&ModelError>, catalog: &ModelCatalog) -> ReplyEnd {
        match (&self.stop_reason, error) {
            (Some(StopReason::Refusal), _) => self.refused(catalog),
            (Some(_), _) => self.completed(catalog),
            (None, Some(ModelError::Interrupted) | None) => {
                self.broken(TurnEnd::Interrupted, TurnFailure::ReplyInterrupted, catalog)
            }
            (None, Some(error)) => self.broken(TurnEnd::Failed, error.failure(), catalog),
        }
    }

    fn completed(self, catalog: &ModelCatalog) -> ReplyEnd {
        let charge = self
            .started
            .map(|(model, tokens)| catalog.charge(&model, tokens, false));
        ReplyEnd {
            end: TurnEnd::Completed,
            failure: None,
            text: self.text,
            stop_reason: self.stop_reason,
            charge,
            first_text_at: self.first_text_at,
        }
    }

    /// A refusal takes back what was said. One that came before any output costs nothing, although
    /// upstream shows counts (Messages API: "refused before any output, not billed").
    fn refused(self, catalog: &ModelCatalog) -> ReplyEnd {
        let said_something = !self.text.is_empty();
        let charge = self
            .started
            .filter(|_| said_something)
            .map(|(model, tokens)| catalog.charge(&model, tokens, false));
        ReplyEnd {
            end: TurnEnd::Failed,
            failure: Some(TurnFailure::Refused),
            text: String::new(),
            stop_reason: Some(StopReason::Refusal),
            charge,
            first_text_at: self.first_text_at,
        }
    }

    /// A reply without its end keeps what was said, and its cost is estimated.
    fn broken(self, end: TurnEnd, failure: TurnFailure, catalog: &ModelCatalog) -> ReplyEnd {
        let most = self.max_output_tokens.unwrap_or(u32::MAX);
        let charge = self
            .started
            .map(|(model, tokens)| estimated_charge(catalog, &model, tokens, &self.text, most));
        ReplyEnd {
            end,
            failure: Some(failure),
            text: self.text,
            stop_reason: None,
            charge,
            first_text_at: self.first_text_at,
        }
    }
}

/// The charge of a reply whose exact output upstream never told: the input as told, the output from
/// the text, but no more than was asked for.
pub(super) fn estimated_charge(
    catalog: &ModelCatalog,
    model: &str,
    told: TokenUsage,
    text: &str,
    max_output_tokens: u32,
) -> Charge {
    let estimate = estimate_tokens(text).min(max_output_tokens.into());
    let tokens = TokenUsage {
        output: told.output.max(estimate),
        ..told
    };
    catalog.charge(model, tokens, true)
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
            assembler.apply(event, Timestamp::UNIX_EPOCH);
        }
        assembler
    }

    fn started() -> ModelEvent {
        ModelEvent::Started {
            model: "m".to_owned(),
            tokens: tokens(10, 1),
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
        .finish(None, &ModelCatalog::default());
        assert_eq!(
            (end.end, end.failure, end.text.as_str()),
            (TurnEnd::Completed, None, "Good evening")
        );
        let charge = end.charge.unwrap();
        assert_eq!((charge.tokens, charge.estimated), (tokens(10, 7), false));
    }

    #[test]
    fn a_reply_that_never_reached_upstream_is_not_charged() {
        let busy = ModelEvent::Retrying(Duration::from_secs(1));
        let end = assemble(&[busy]).finish(Some(&ModelError::Timeout), &ModelCatalog::default());
        assert_eq!(
            (end.end, end.failure),
            (TurnEnd::Failed, Some(TurnFailure::UpstreamTimeout))
        );
        assert_eq!(end.charge, None);
    }

    #[test]
    fn a_reply_that_broke_off_keeps_its_text_and_an_estimated_charge() {
        for error in [Some(ModelError::Interrupted), None] {
            let end = assemble(&[started(), text("안녕하세요")])
                .finish(error.as_ref(), &ModelCatalog::default());
            assert_eq!(
                (end.end, end.text.as_str()),
                (TurnEnd::Interrupted, "안녕하세요")
            );
            let charge = end.charge.unwrap();
            assert_eq!((charge.tokens.output, charge.estimated), (5, true));
        }
    }

    #[test]
    fn an_estimate_is_never_above_what_was_asked_for() {
        let mut assembler = ReplyAssembler::limited(3);
        for event in [started(), text("안녕하세요")] {
            assembler.apply(&event, Timestamp::UNIX_EPOCH);
        }
        let end = assembler.finish(None, &ModelCatalog::default());
        assert_eq!(end.charge.unwrap().tokens.output, 3);
    }

    #[test]
    fn a_refusal_takes_the_text_back_and_costs_only_what_was_said() {
        let early = assemble(&[started(), finished(StopReason::Refusal)])
            .finish(None, &ModelCatalog::default());
        assert_eq!(
            (early.failure, early.charge),
            (Some(TurnFailure::Refused), None)
        );
        let late = assemble(&[started(), text("I ca"), finished(StopReason::Refusal)])
            .finish(None, &ModelCatalog::default());
        assert_eq!(
            (late.text.as_str(), late.stop_reason),
            ("", Some(StopReason::Refusal))
        );
        assert_eq!(late.charge.unwrap().tokens, tokens(10, 7));
    }

    #[test]
    fn an_error_after_the_end_changes_nothing() {
        let end = assemble(&[started(), text("Hi"), finished(StopReason::EndTurn)])
            .finish(Some(&ModelError::Interrupted), &ModelCatalog::default());
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
