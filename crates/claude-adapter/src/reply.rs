//! From upstream's events to the port's, without any waiting.

use lionrocket_claude_wire::{
    Delta, MessageResponse, StopReason as WireStopReason, StreamEvent, Usage,
    response::CacheCreation,
};
use lionrocket_domain::{turn::StopReason, usage::TokenUsage};
use lionrocket_ports::model::ModelEvent;

use crate::failure::{Failure, Fault, plain_name};

/// A reply that is being read.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    started: bool,
    /// Something was generated, be it thinking.
    has_output: bool,
    usage: Usage,
    stop_reason: Option<WireStopReason>,
}

impl Reply {
    /// Takes the next event in; most mean nothing to the port.
    pub(crate) fn take(&mut self, event: StreamEvent) -> Result<Option<ModelEvent>, Failure> {
        match event {
            StreamEvent::Error { error, .. } => Err(Failure::from_event(&error)),
            StreamEvent::MessageStart { message } => self.start(message).map(Some),
            StreamEvent::Ping | StreamEvent::Unknown => Ok(None),
            _ if !self.started => Err(Failure::unreadable(Fault::Protocol(
                "a reply went on before it began",
            ))),
            StreamEvent::ContentBlockDelta { delta, .. } => Ok(self.go_on(delta)),
            StreamEvent::MessageDelta { delta, usage } => {
                if let Some(usage) = usage {
                    self.usage.update(&usage);
                }
                self.stop_reason = delta.stop_reason.or(self.stop_reason.take());
                Ok(None)
            }
            StreamEvent::MessageStop => self.finish().map(Some),
            _ => Ok(None),
        }
    }

    fn start(&mut self, message: MessageResponse) -> Result<ModelEvent, Failure> {
        if self.started {
            return Err(Failure::unreadable(Fault::Protocol("a reply began twice")));
        }
        self.started = true;
        self.usage = message.usage;
        Ok(ModelEvent::Started {
            model: message.model,
            tokens: tokens(&self.usage),
            request_id: None,
        })
    }

    fn go_on(&mut self, delta: Delta) -> Option<ModelEvent> {
        self.has_output = true;
        match delta {
            Delta::Text { text } if !text.is_empty() => Some(ModelEvent::Text(text)),
            _ => None,
        }
    }

    fn finish(&mut self) -> Result<ModelEvent, Failure> {
        let stop_reason = match self.stop_reason.take() {
            Some(WireStopReason::ToolUse | WireStopReason::PauseTurn) => {
                return Err(Failure::unreadable(Fault::Protocol(
                    "the model waits for a tool, and was given none",
                )));
            }
            Some(reason) => StopReason::from(reason.as_str().to_owned()),
            // The service gives none while it goes on; a reply that ended has ended.
            None => StopReason::EndTurn,
        };
        if let StopReason::Other(reason) = &stop_reason {
            tracing::warn!(
                stop_reason = plain_name(reason),
                "the model stopped for an unknown reason"
            );
        }
        // A reply that was refused before its first token shows counts, but is not billed.
        let free = stop_reason == StopReason::Refusal && !self.has_output;
        Ok(ModelEvent::Finished {
            stop_reason,
            tokens: if free {
                TokenUsage::default()
            } else {
                tokens(&self.usage)
            },
        })
    }

    /// Whether something was generated: from there on another attempt would say it twice.
    pub(crate) const fn has_output(&self) -> bool {
        self.has_output
    }
}

fn tokens(usage: &Usage) -> TokenUsage {
    let parts = usage.cache_creation.unwrap_or_default();
    let CacheCreation {
        ephemeral_5m_input_tokens: short,
        ephemeral_1h_input_tokens: long,
    } = parts;
    // The sum is told more often than the parts. What they do not cover has the default lifetime.
    let written = usage
        .cache_creation_input_tokens
        .unwrap_or(short.saturating_add(long));
    let cache_write_1h = long.min(written);
    TokenUsage {
        input: usage.input_tokens.unwrap_or_default(),
        output: usage.output_tokens.unwrap_or_default(),
        cache_read: usage.cache_read_input_tokens.unwrap_or_default(),
        cache_write_5m: written - cache_write_1h,
        cache_write_1h,
    }
}

#[cfg(test)]
mod tests {
    use lionrocket_ports::model::ModelError;
    use serde_json::json;

    use super::*;

    fn event(json: serde_json::Value) -> StreamEvent {
        serde_json::from_value(json).unwrap()
    }

    fn start(usage: &serde_json::Value) -> StreamEvent {
        let message = json!({"id": "msg_1", "model": "claude-haiku-5-5", "usage": usage});
        event(json!({"type": "message_start", "message": message}))
    }

    fn delta(delta: &serde_json::Value) -> StreamEvent {
        event(json!({"type": "content_block_delta", "index": 0, "delta": delta}))
    }

    fn end(stop_reason: &serde_json::Value, usage: &serde_json::Value) -> StreamEvent {
        let delta = json!({"stop_reason": stop_reason});
        event(json!({"type": "message_delta", "delta": delta, "usage": usage}))
    }

    fn stop() -> StreamEvent {
        event(json!({"type": "message_stop"}))
    }

    fn read(events: Vec<StreamEvent>) -> Result<Vec<ModelEvent>, Failure> {
        let mut reply = Reply::default();
        let taken = events.into_iter().map(|event| reply.take(event));
        Ok(taken
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .flatten()
            .collect())
    }

    #[test]
    fn counts_overwrite_and_absent_or_null_ones_leave_what_was_known() {
        let events = read(vec![
            start(&json!({"input_tokens": 38, "cache_read_input_tokens": 1450,
                "cache_creation_input_tokens": 30,
                "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
                "output_tokens": 1})),
            end(&json!(null), &json!({"output_tokens": 5})),
            end(&json!("end_turn"), &json!({"output_tokens": 14, "input_tokens": null})),
            stop(),
        ])
        .unwrap();
        let expected = TokenUsage {
            input: 38,
            output: 14,
            cache_read: 1450,
            cache_write_5m: 10,
            cache_write_1h: 20,
        };
        assert_eq!(
            events.last(),
            Some(&ModelEvent::Finished {
                stop_reason: StopReason::EndTurn,
                tokens: expected
            })
        );
    }

    #[test]
    fn cache_writes_without_a_lifetime_are_taken_for_short_ones() {
        let usage = |json| tokens(&serde_json::from_value::<Usage>(json).unwrap());
        let only_sum = usage(json!({"cache_creation_input_tokens": 7}));
        assert_eq!((only_sum.cache_write_5m, only_sum.cache_write_1h), (7, 0));
        let only_parts = usage(json!({"cache_creation": {"ephemeral_1h_input_tokens": 7}}));
        assert_eq!(
            (only_parts.cache_write_5m, only_parts.cache_write_1h),
            (0, 7)
        );
    }

    #[test]
    fn only_text_becomes_text() {
        let events = read(vec![
            start(&json!({})),
            event(json!({"type": "ping"})),
            event(json!({"type": "content_block_start", "index": 0,
                "content_block": {"type": "thinking", "thinking": "", "signature": ""}})),
            delta(&json!({"type": "thinking_delta", "thinking": "hidden"})),
            delta(&json!({"type": "signature_delta", "signature": "c2ln"})),
            delta(&json!({"type": "hologram_delta", "beams": 3})),
            event(json!({"type": "sunset", "colour": "red"})),
            delta(&json!({"type": "text_delta", "text": ""})),
            delta(&json!({"type": "text_delta", "text": "환영해!"})),
            event(json!({"type": "content_block_stop", "index": 0})),
        ])
        .unwrap();
        assert_eq!(events[1..], [ModelEvent::Text("환영해!".to_owned())]);
    }

    #[test]
    fn every_reason_to_stop_is_kept_and_none_is_the_end() {
        let reason = |reason| match read(vec![start(&json!({})), end(&reason, &json!({})), stop()])
            .unwrap()
            .pop()
        {
            Some(ModelEvent::Finished { stop_reason, .. }) => stop_reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(reason(json!("max_tokens")), StopReason::MaxTokens);
        assert_eq!(reason(json!("refusal")), StopReason::Refusal);
        assert_eq!(
            reason(json!("model_context_window_exceeded")),
            StopReason::ContextWindowExceeded
        );
        assert_eq!(
            reason(json!("sunset")),
            StopReason::Other("sunset".to_owned())
        );
        assert_eq!(reason(json!(null)), StopReason::EndTurn);
    }

    #[test]
    fn a_later_count_without_a_reason_leaves_the_reason() {
        let events = read(vec![
            start(&json!({})),
            end(&json!("max_tokens"), &json!({})),
            end(&json!(null), &json!({"output_tokens": 2})),
            stop(),
        ])
        .unwrap();
        assert!(matches!(
            events.last(),
            Some(ModelEvent::Finished { stop_reason: StopReason::MaxTokens, tokens }) if tokens.output == 2
        ));
    }

    #[test]
    fn a_model_that_waits_for_a_tool_has_failed() {
        let failure = read(vec![
            start(&json!({})),
            end(&json!("tool_use"), &json!({})),
            stop(),
        ])
        .unwrap_err();
        assert!(matches!(failure.error, ModelError::Failed(_)));
    }

    #[test]
    fn a_refusal_costs_nothing_unless_something_was_generated() {
        let usage = || json!({"input_tokens": 40, "output_tokens": 3});
        let cost = |mut events: Vec<StreamEvent>| {
            events.extend([end(&json!("refusal"), &json!({})), stop()]);
            match read(events).unwrap().pop() {
                Some(ModelEvent::Finished { tokens, .. }) => tokens.total(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(cost(vec![start(&usage())]), 0);
        let text = delta(&json!({"type": "text_delta", "text": "I"}));
        assert_eq!(cost(vec![start(&usage()), text]), 43);
    }

    #[test]
    fn events_out_of_order_are_a_failure_that_is_not_repeated() {
        let text = || delta(&json!({"type": "text_delta", "text": "a"}));
        for events in [
            vec![text()],
            vec![stop()],
            vec![start(&json!({})), start(&json!({}))],
        ] {
            let failure = read(events).unwrap_err();
            assert!(matches!(failure.error, ModelError::Failed(_)));
            assert_eq!(failure.retry, crate::failure::Retry::Never);
        }
    }
}
