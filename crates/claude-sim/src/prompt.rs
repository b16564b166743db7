//! A checked request: what the model gets to read, and how it shall answer.

use std::ops::Range;

use lionrocket_claude_wire::request::{CacheTtl, Effort, ThinkingDisplay};
use serde_json::Value;

use crate::catalogue::Model;
use crate::digest::Fnv;
use crate::tokens;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    Tools,
    System,
    User,
    Assistant,
}

/// Content of a block.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Content<'a> {
    Text(&'a str),
    /// Thinking of an earlier turn: costs nothing and cannot end a cached prefix.
    Thinking {
        signature: &'a str,
    },
    /// Anything else, as it was sent.
    Other(&'a Value),
}

/// One position of the prompt.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    pub(crate) speaker: Speaker,
    pub(crate) content: Content<'a>,
    /// Tokens, the overhead of a turn that begins here included.
    pub(crate) tokens: u64,
    /// Whether and for how long the prefix up to here is cached.
    pub(crate) breakpoint: Option<CacheTtl>,
}

impl Block<'_> {
    /// Feeds everything that makes up the block; equal blocks feed equal bytes.
    pub(crate) fn feed(&self, mut sink: impl FnMut(&[u8])) {
        let speaker = match self.speaker {
            Speaker::Tools => b"t",
            Speaker::System => b"s",
            Speaker::User => b"u",
            Speaker::Assistant => b"a",
        };
        sink(speaker);
        match self.content {
            Content::Text(text) => sink(text.as_bytes()),
            Content::Thinking { signature } => sink(signature.as_bytes()),
            Content::Other(value) => {
                let mut value = value.clone();
                if let Some(fields) = value.as_object_mut() {
                    fields.shift_remove("cache_control");
                }
                sink(value.to_string().as_bytes());
            }
        }
    }

    pub(crate) fn is_cacheable(&self) -> bool {
        !matches!(self.content, Content::Thinking { .. })
    }
}

/// What the model reads, in the order of the cache: tools, system, messages.
#[derive(Debug)]
pub(crate) struct Prompt<'a> {
    pub(crate) blocks: Vec<Block<'a>>,
    /// Where each turn of the conversation lies in `blocks`.
    pub(crate) turns: Vec<(Speaker, Range<usize>)>,
}

/// A reply that was cut, as the conversation has it.
#[derive(Debug)]
pub(crate) struct CutReply {
    /// What it answers.
    pub(crate) question: String,
    /// The block after the question.
    pub(crate) question_end: usize,
    /// What there is of it.
    pub(crate) so_far: String,
}

impl Prompt<'_> {
    /// All input tokens, cached or not.
    pub(crate) fn tokens(&self) -> u64 {
        self.blocks.iter().map(|block| block.tokens).sum()
    }

    /// The texts of the last user turn, joined.
    pub(crate) fn last_user_text(&self) -> String {
        let last = self
            .turns
            .iter()
            .rev()
            .find(|(speaker, _)| *speaker == Speaker::User);
        last.map(|(_, range)| self.text_of(range))
            .unwrap_or_default()
    }

    /// The question and the cut reply before a last user turn that quotes how the reply ended: a
    /// model that reads that goes on where it was cut.
    pub(crate) fn cut_reply(&self) -> Option<CutReply> {
        const QUOTED_CHARS: usize = 24;
        let [
            ..,
            (Speaker::User, question),
            (Speaker::Assistant, reply),
            (Speaker::User, wish),
        ] = self.turns.as_slice()
        else {
            return None;
        };
        let so_far = self.text_of(reply);
        let skipped = so_far.chars().count().saturating_sub(QUOTED_CHARS);
        let quoted: String = so_far.chars().skip(skipped).chain(['\u{201d}']).collect();
        self.text_of(wish).contains(&quoted).then(|| CutReply {
            question: self.text_of(question),
            question_end: question.end,
            so_far,
        })
    }

    /// The texts of a turn, joined.
    fn text_of(&self, turn: &Range<usize>) -> String {
        let blocks = self.blocks.get(turn.clone());
        let texts = blocks
            .unwrap_or_default()
            .iter()
            .filter_map(|block| match block.content {
                Content::Text(text) => Some(text),
                _ => None,
            });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// A digest of everything before a block, thinking left out.
    pub(crate) fn digest_before(&self, model: &Model, end: usize) -> u64 {
        let mut digest = Fnv::new(0).add(model.id.as_bytes());
        for block in self.blocks.iter().take(end) {
            if block.is_cacheable() {
                block.feed(|bytes| digest = digest.add(bytes));
            }
        }
        digest.finish()
    }

    /// The signature that a thinking block of the answer carries.
    pub(crate) fn signature_before(&self, model: &Model, end: usize) -> String {
        format!("sim_{:016x}", self.digest_before(model, end))
    }
}

/// Counts a block; images and documents by a flat rate.
pub(crate) fn count_block(model: &Model, value: &Value) -> u64 {
    const PDF_TOKENS: u64 = 2_000;
    match value.get("type").and_then(Value::as_str) {
        Some("image") if model.has_new_tokenizer() => 4_784,
        Some("image") => 1_568,
        Some("document") => {
            let source = value.get("source");
            let text = source
                .filter(|source| source.get("type").and_then(Value::as_str) == Some("text"))
                .and_then(|source| source.get("data")?.as_str());
            text.map_or(PDF_TOKENS, |text| tokens::count(model, text))
        }
        _ => tokens::count(model, &value.to_string()),
    }
}

/// How the model thinks before this answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thought {
    None,
    Shown(ThinkingDisplay),
}

/// A checked request to answer.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) model: &'static Model,
    pub(crate) prompt: Prompt<'a>,
    pub(crate) max_tokens: u64,
    pub(crate) stream: bool,
    pub(crate) stop_sequences: Vec<&'a str>,
    pub(crate) thought: Thought,
    pub(crate) settings: CacheSettings,
    pub(crate) us_only: bool,
    pub(crate) user_id: Option<&'a str>,
}

/// Settings that a cached prefix is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CacheSettings {
    pub(crate) thought: Thought,
    pub(crate) effort: Effort,
}
