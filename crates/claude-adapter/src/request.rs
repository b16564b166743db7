//! What upstream is sent.

use lionrocket_claude_wire::{
    CacheControl, CountTokensRequest, InputMessage, MessagesRequest, TextBlock,
    Thinking as WireThinking, request::Metadata,
};
use lionrocket_domain::{
    catalog::{ModelFacts, Thinking},
    chat::Role,
    prompt::{Prompt, SystemBlock},
};
use lionrocket_ports::model::{ModelError, ModelRequest};

use crate::failure::Fault;

/// Upstream takes four cache breakpoints; the automatic one at the end of the history is one of them.
const MAX_SYSTEM_BREAKPOINTS: usize = 3;

/// The longest `metadata.user_id` that upstream takes, in characters.
const MAX_USER_ID_CHARS: usize = 512;

/// Puts the body together, as JSON.
///
/// # Errors
/// [`ModelError::Invalid`] when the conversation does not end with the person's turn: some models
/// would take the last turn for the beginning of their reply.
pub(crate) fn body(
    model: &str,
    facts: Option<&ModelFacts>,
    request: ModelRequest,
) -> Result<Vec<u8>, ModelError> {
    if request.prompt.turns.last().map(|turn| turn.role) != Some(Role::User) {
        return Err(ModelError::Invalid(Box::new(Fault::NoQuestion)));
    }
    let message = messages_request(model, facts, request);
    serde_json::to_vec(&message).map_err(|error| ModelError::Failed(Box::new(Fault::json(&error))))
}

/// The same for a count of its tokens.
/// Nothing in it can fail but its form.
pub(crate) fn count_body(
    model: &str,
    facts: Option<&ModelFacts>,
    request: ModelRequest,
) -> Result<Vec<u8>, ModelError> {
    let message = messages_request(model, facts, request);
    serde_json::to_vec(&CountTokensRequest::from(&message))
        .map_err(|error| ModelError::Failed(Box::new(Fault::json(&error))))
}

fn messages_request(
    model: &str,
    facts: Option<&ModelFacts>,
    request: ModelRequest,
) -> MessagesRequest {
    let most = facts.map_or(u32::MAX, |facts| facts.max_output_tokens);
    let Prompt { system, turns, .. } = request.prompt;
    let messages = turns
        .into_iter()
        .map(|turn| match turn.role {
            Role::User => InputMessage::user(turn.text),
            Role::Assistant => InputMessage::assistant(turn.text),
        })
        .collect();
    let max_tokens = request.max_output_tokens.min(most);
    let mut message = MessagesRequest::new(model, max_tokens, messages);
    // What marks nothing in its instructions is sent once: nobody would read what it writes to the cache.
    let is_cached = system.iter().any(|block| block.cache_breakpoint);
    message.system = system_blocks(system);
    message.cache_control = is_cached.then(CacheControl::ephemeral);
    message.thinking = facts.and_then(|facts| thinking(facts.thinking));
    message.metadata = metadata(&request.user_reference);
    message.stream = true;
    message
}

/// The instructions. Of too many breakpoints the last ones stay: each covers all that is before it.
fn system_blocks(blocks: Vec<SystemBlock>) -> Vec<TextBlock> {
    let mut breakpoints_left = MAX_SYSTEM_BREAKPOINTS;
    let mut sent: Vec<TextBlock> = blocks
        .into_iter()
        .rev()
        .map(|block| {
            let text = TextBlock::new(block.text);
            if block.cache_breakpoint && breakpoints_left > 0 {
                breakpoints_left -= 1;
                text.cached(CacheControl::ephemeral())
            } else {
                text
            }
        })
        .collect();
    sent.reverse();
    sent
}

const fn thinking(thinking: Thinking) -> Option<WireThinking> {
    match thinking {
        Thinking::Unset => None,
        Thinking::Disabled => Some(WireThinking::Disabled),
        Thinking::BetweenTools => Some(WireThinking::BetweenTools),
        Thinking::Adaptive => Some(WireThinking::Adaptive { display: None }),
    }
}

fn metadata(user_reference: &str) -> Option<Metadata> {
    let user_id: String = user_reference.chars().take(MAX_USER_ID_CHARS).collect();
    (!user_id.is_empty()).then_some(Metadata {
        user_id: Some(user_id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(breakpoints: &[bool]) -> Vec<SystemBlock> {
        breakpoints
            .iter()
            .map(|&cache_breakpoint| SystemBlock {
                text: "rule".to_owned(),
                cache_breakpoint,
            })
            .collect()
    }

    #[test]
    fn only_the_last_three_breakpoints_of_the_instructions_are_sent() {
        let marked = |breakpoints: &[bool]| -> Vec<bool> {
            system_blocks(blocks(breakpoints))
                .iter()
                .map(|block| block.cache_control.is_some())
                .collect()
        };
        assert_eq!(
            marked(&[true, true, false, true, true]),
            [false, true, false, true, true]
        );
        assert_eq!(marked(&[false, true]), [false, true]);
    }

    #[test]
    fn every_setting_for_thinking_is_sent_as_upstream_names_it() {
        let sent = |setting| serde_json::to_value(thinking(setting)).unwrap();
        assert_eq!(sent(Thinking::Unset), serde_json::Value::Null);
        assert_eq!(sent(Thinking::Disabled)["type"], "disabled");
        assert_eq!(sent(Thinking::BetweenTools)["type"], "between_tools");
        assert_eq!(
            sent(Thinking::Adaptive),
            serde_json::json!({"type": "adaptive"})
        );
    }

    #[test]
    fn a_reference_that_is_too_long_is_cut_and_an_empty_one_left_out() {
        let sent = |reference: &str| metadata(reference).and_then(|metadata| metadata.user_id);
        assert_eq!(sent(""), None);
        assert_eq!(sent(&"가".repeat(600)).unwrap().chars().count(), 512);
    }
}
