//! How the simulated models count.
//!
//! No real tokenizer: each character weighs something, and a text is as many tokens as its weight, rounded up. That
//! keeps the published rules of thumb (2.5 or 3.4 English characters a token, about one token a Hangul syllable) and
//! makes counts exact for any part of a text, which the bill of an interrupted reply needs.

use crate::catalogue::Model;

/// Tokens around every turn of the conversation.
pub(crate) const TURN_OVERHEAD: u64 = 4;

/// Thousandths of a token.
fn weight(model: &Model, character: char) -> u64 {
    let (ascii, wide) = if model.has_new_tokenizer() {
        (400, 1_000)
    } else {
        (294, 770)
    };
    match character {
        '\0'..='\x7f' => ascii,
        '\u{10000}'.. => 2 * wide,
        _ => wide,
    }
}

/// Counts the tokens of a text.
pub(crate) fn count(model: &Model, text: &str) -> u64 {
    let total: u64 = text.chars().map(|character| weight(model, character)).sum();
    total.div_ceil(1_000)
}

/// Counts a text that arrives in pieces.
#[derive(Debug)]
pub(crate) struct Meter {
    model: &'static Model,
    weight: u64,
}

impl Meter {
    pub(crate) fn new(model: &'static Model) -> Self {
        Self { model, weight: 0 }
    }

    /// Adds a piece, and returns the tokens of everything so far.
    pub(crate) fn add(&mut self, piece: &str) -> u64 {
        let more = piece.chars().map(|character| weight(self.model, character));
        self.weight += more.sum::<u64>();
        self.weight.div_ceil(1_000)
    }
}

/// Returns the longest beginning of a text that has at most `limit` tokens.
pub(crate) fn truncate<'a>(model: &Model, text: &'a str, limit: u64) -> &'a str {
    let mut total = 0;
    for (at, character) in text.char_indices() {
        total += weight(model, character);
        if total > limit.saturating_mul(1_000) {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::find;

    #[test]
    fn counts_follow_the_published_rules_of_thumb() {
        let new = find("claude-haiku-5-5").unwrap();
        let old = find("claude-haiku-4-5").unwrap();
        assert_eq!(count(new, &"a".repeat(250)), 100);
        assert_eq!(count(old, &"a".repeat(340)), 100);
        assert_eq!(count(new, "등대"), 2);
        assert_eq!(count(new, ""), 0);
    }

    #[test]
    fn a_truncated_text_keeps_the_limit_and_loses_no_more_than_needed() {
        let model = find("claude-haiku-5-5").unwrap();
        let text = "등대 light 🦁 바다";
        for limit in 0..=count(model, text) {
            let cut = truncate(model, text, limit);
            assert!(count(model, cut) <= limit);
            if let Some(next) = text[cut.len()..].chars().next() {
                assert!(count(model, &format!("{cut}{next}")) > limit);
            }
        }
        assert_eq!(truncate(model, text, count(model, text)), text);
    }
}
