//! What a checked request is answered with, before it is put on the wire.

use lionrocket_claude_wire::request::ThinkingDisplay;
use lionrocket_claude_wire::response::{CacheCreation, OutputTokensDetails};
use lionrocket_claude_wire::{ContentBlock, MessageResponse, Role, StopDetails, StopReason, Usage};

use crate::cache::InputTokens;
use crate::catalogue::Model;
use crate::digest::{Draw, Fnv};
use crate::prompt::{Ask, Thought};
use crate::reply;
use crate::scenario::Scenario;
use crate::tokens::{self, Meter};

/// Shown when a scenario or the request asks for a summary.
const THINKING_SUMMARY: &str =
    "The person wants a short, warm answer. I will pick up their word and ask something back.";

/// Thinking before the text.
#[derive(Debug)]
pub(crate) struct Thinking {
    pub(crate) summary: Option<&'static str>,
    pub(crate) signature: String,
    pub(crate) tokens: u64,
}

/// A piece of the text, streamed as one delta.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Output tokens up to and including this piece, thinking included.
    pub(crate) output_tokens: u64,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) message_id: String,
    pub(crate) model: &'static Model,
    pub(crate) input: InputTokens,
    pub(crate) us_only: bool,
    pub(crate) thinking: Option<Thinking>,
    pub(crate) pieces: Vec<Piece>,
    pub(crate) stop_reason: StopReason,
    pub(crate) stop_sequence: Option<String>,
    pub(crate) stop_details: Option<StopDetails>,
}

/// Where a text ends, and why.
struct Ending<'t> {
    text: &'t str,
    reason: StopReason,
    sequence: Option<String>,
}

impl Answer {
    /// Writes the answer; the seed and the conversation decide it.
    pub(crate) fn compose(
        ask: &Ask<'_>,
        input: InputTokens,
        seed: u64,
        message_id: String,
        scenario: &Scenario,
    ) -> Self {
        let model = ask.model;
        let digest_before = |end| {
            let conversation = ask.prompt.digest_before(model, end);
            Fnv::new(seed).add(&conversation.to_le_bytes()).finish()
        };
        let digest = digest_before(ask.prompt.blocks.len());
        let room = model.window.saturating_sub(input.total());
        let limit = ask.max_tokens.min(room);
        let thinking = think(ask, digest, limit, scenario);
        let thought_tokens = thinking.as_ref().map_or(0, |thinking| thinking.tokens);
        let text = rest_of_cut_reply(ask, digest_before)
            .unwrap_or_else(|| reply::compose(&ask.prompt.last_user_text(), digest));
        let mut end = ending(ask, &text, limit - thought_tokens);
        if end.reason == StopReason::MaxTokens && room < ask.max_tokens {
            end.reason = StopReason::ModelContextWindowExceeded;
        }
        let mut meter = Meter::new(model);
        let pieces = reply::pieces(end.text, digest).into_iter();
        let pieces = pieces.map(|text| Piece {
            text: text.to_owned(),
            output_tokens: thought_tokens + meter.add(text),
        });
        let mut answer = Self {
            message_id,
            model,
            input,
            us_only: ask.us_only,
            thinking,
            pieces: pieces.collect(),
            stop_reason: end.reason,
            stop_sequence: end.sequence,
            stop_details: None,
        };
        answer.apply(scenario);
        answer
    }

    /// Ends the answer early where the scenario says so.
    fn apply(&mut self, scenario: &Scenario) {
        let (after, reason) = match scenario {
            Scenario::MaxTokens { after } => (*after, StopReason::MaxTokens),
            Scenario::Refusal { category, after } => {
                self.stop_details = Some(StopDetails {
                    kind: "refusal".to_owned(),
                    category: Some(category.as_str().into()),
                    explanation: None,
                });
                if *after == 0 {
                    self.thinking = None;
                }
                (*after, StopReason::Refusal)
            }
            _ => return,
        };
        self.pieces.truncate(after);
        self.stop_reason = reason;
        self.stop_sequence = None;
    }

    /// Output tokens of the whole answer.
    pub(crate) fn output_tokens(&self) -> u64 {
        let thought = self.thinking.as_ref().map_or(0, |thinking| thinking.tokens);
        self.pieces
            .last()
            .map_or(thought, |piece| piece.output_tokens)
    }

    /// Whether it costs anything: a refusal before any output does not.
    pub(crate) fn is_billed(&self) -> bool {
        self.stop_reason != StopReason::Refusal || self.output_tokens() > 0
    }

    /// The message as it begins: input counts are known, output is a placeholder.
    pub(crate) fn start(&self) -> MessageResponse {
        MessageResponse {
            id: self.message_id.clone(),
            kind: "message".to_owned(),
            role: Role::Assistant,
            model: self.model.id.to_owned(),
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            stop_details: None,
            usage: Usage {
                input_tokens: Some(self.input.uncached),
                cache_creation_input_tokens: Some(self.input.write_5m + self.input.write_1h),
                cache_read_input_tokens: Some(self.input.read),
                cache_creation: Some(CacheCreation {
                    ephemeral_5m_input_tokens: self.input.write_5m,
                    ephemeral_1h_input_tokens: self.input.write_1h,
                }),
                output_tokens: Some(1),
                output_tokens_details: None,
                service_tier: Some("standard".to_owned()),
                inference_geo: Some(if self.us_only { "us" } else { "global" }.to_owned()),
            },
        }
    }

    /// The finished message.
    pub(crate) fn finished(&self) -> MessageResponse {
        let mut message = self.start();
        if let Some(thinking) = &self.thinking {
            message.content.push(ContentBlock::Thinking {
                thinking: thinking.summary.unwrap_or_default().to_owned(),
                signature: thinking.signature.clone(),
            });
        }
        if !self.pieces.is_empty() {
            message.content.push(ContentBlock::Text {
                text: self
                    .pieces
                    .iter()
                    .map(|piece| piece.text.as_str())
                    .collect(),
            });
        }
        message.stop_reason = Some(self.stop_reason.clone());
        message.stop_sequence.clone_from(&self.stop_sequence);
        message.stop_details.clone_from(&self.stop_details);
        message.usage.output_tokens = Some(self.output_tokens());
        message.usage.output_tokens_details = Some(OutputTokensDetails {
            thinking_tokens: self.thinking.as_ref().map_or(0, |thinking| thinking.tokens),
        });
        message
    }
}

/// What is left to say of a reply that was cut and is to go on.
fn rest_of_cut_reply(ask: &Ask<'_>, digest_before: impl Fn(usize) -> u64) -> Option<String> {
    let cut = ask.prompt.cut_reply()?;
    let whole = reply::compose(&cut.question, digest_before(cut.question_end));
    whole.strip_prefix(&cut.so_far).map(str::to_owned)
}

fn think(ask: &Ask<'_>, digest: u64, limit: u64, scenario: &Scenario) -> Option<Thinking> {
    const FEWEST: u64 = 24;
    const SPREAD: u64 = 40;
    let display = match (ask.thought, scenario) {
        (Thought::Shown(display), _) => display,
        (Thought::None, Scenario::Thinking) => ThinkingDisplay::Summarized,
        (Thought::None, _) => return None,
    };
    // A request that only fills the cache generates nothing.
    if limit == 0 {
        return None;
    }
    let tokens = FEWEST + Draw::new(digest).next() % SPREAD;
    Some(Thinking {
        summary: (display == ThinkingDisplay::Summarized).then_some(THINKING_SUMMARY),
        signature: ask
            .prompt
            .signature_before(ask.model, ask.prompt.blocks.len()),
        tokens: tokens.min(limit),
    })
}

/// Cuts the text at the first stop sequence or at the limit, whatever comes first.
fn ending<'t>(ask: &Ask<'_>, text: &'t str, limit: u64) -> Ending<'t> {
    let cut = tokens::truncate(ask.model, text, limit);
    let matches = ask.stop_sequences.iter().filter_map(|sequence| {
        let at = cut.find(sequence)?;
        Some((at, *sequence))
    });
    if let Some((at, sequence)) = matches.min_by_key(|(at, _)| *at) {
        return Ending {
            text: cut.get(..at).unwrap_or_default(),
            reason: StopReason::StopSequence,
            sequence: Some(sequence.to_owned()),
        };
    }
    Ending {
        text: cut,
        reason: if cut.len() < text.len() {
            StopReason::MaxTokens
        } else {
            StopReason::EndTurn
        },
        sequence: None,
    }
}
