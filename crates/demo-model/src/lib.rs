//! A small scripted language model, so that LionRocket runs without a key or a network.
//!
//! It answers in the language it is spoken to in, Korean or English, under the character's name, and
//! says of itself that it is a demo. It follows no instructions and knows nothing: it recognises what
//! kind of message it got, picks a word out of it, and chooses among prepared sentences by what was
//! said before. The same conversation always gets the same answer.

mod english;
mod hearing;
mod josa;
mod korean;
mod script;
mod summary;

use std::time::Duration;

use async_trait::async_trait;
use lionrocket_domain::{
    prompt::{Prompt, Wish},
    turn::StopReason,
    usage::{TokenUsage, estimate_tokens},
};
use lionrocket_ports::model::{LanguageModel, ModelError, ModelEvent, ModelRequest, ReplyStream};

/// The id of the demo model.
pub const MODEL_ID: &str = "lionrocket-demo";

/// The demo model.
#[derive(Clone, Copy, Debug)]
pub struct DemoModel {
    delay_per_word: Duration,
}

impl DemoModel {
    /// Makes a model that pauses this long between two words.
    #[must_use]
    pub const fn new(delay_per_word: Duration) -> Self {
        Self { delay_per_word }
    }
}

#[async_trait]
impl LanguageModel for DemoModel {
    async fn stream(&self, request: ModelRequest) -> ReplyStream {
        let full = whole_or_rest(&request.prompt);
        let text = fit(&full, request.max_output_tokens).to_owned();
        let stop_reason = if text.len() < full.len() {
            StopReason::MaxTokens
        } else {
            StopReason::EndTurn
        };
        let mut tokens = TokenUsage {
            input: input_tokens(&request.prompt),
            ..TokenUsage::default()
        };
        let delay = self.delay_per_word;
        Box::pin(async_stream::stream! {
            yield Ok(ModelEvent::Started { model: MODEL_ID.to_owned(), tokens, request_id: None });
            for (number, word) in words(&text).enumerate() {
                if number > 0 && !delay.is_zero() {
                    tokio::time::sleep(delay).await;
                }
                yield Ok(ModelEvent::Text(word.to_owned()));
            }
            tokens.output = estimate_tokens(&text);
            yield Ok(ModelEvent::Finished { stop_reason, tokens });
        })
    }

    async fn count_tokens(&self, request: ModelRequest) -> Result<u64, ModelError> {
        Ok(input_tokens(&request.prompt))
    }

    fn model_id(&self) -> String {
        MODEL_ID.to_owned()
    }
}

/// The reply, or what is left of it when its beginning was said already, or a summary.
fn whole_or_rest(prompt: &Prompt) -> String {
    if prompt.wish == Wish::Summary {
        return summary::summary(prompt);
    }
    let goes_on = prompt.wish == Wish::GoOn;
    let Some([question @ .., so_far, _wish]) = goes_on.then_some(prompt.turns.as_slice()) else {
        return script::reply(prompt);
    };
    let asked_first = Prompt {
        turns: question.to_vec(),
        ..prompt.clone()
    };
    let whole = script::reply(&asked_first);
    whole
        .strip_prefix(&so_far.text)
        .unwrap_or_default()
        .to_owned()
}

fn input_tokens(prompt: &Prompt) -> u64 {
    let system = prompt.system.iter().map(|block| block.text.as_str());
    let turns = prompt.turns.iter().map(|turn| turn.text.as_str());
    system.chain(turns).map(estimate_tokens).sum()
}

/// The words of a text, each with the white space after it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word_end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let space = rest.get(word_end..)?;
        let length = word_end + space.len() - space.trim_start().len();
        let (word, after) = rest.split_at_checked(length)?;
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// The beginning of a text that has at most so many tokens, and one character at least.
fn fit(text: &str, max_tokens: u32) -> &str {
    let max_tokens = u64::from(max_tokens);
    if estimate_tokens(text) <= max_tokens {
        return text;
    }
    let ends = text.char_indices().map(|(start, c)| start + c.len_utf8());
    let ends: Vec<usize> = ends.collect();
    let fits = |end: &usize| text.get(..*end).map_or(0, estimate_tokens) <= max_tokens;
    let count = ends.partition_point(fits).max(1);
    let end = ends.get(count - 1).copied().unwrap_or_default();
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_all_white_space() {
        let text = "한 마디\n\n두 마디.  세";
        let found: Vec<&str> = words(text).collect();
        assert_eq!(found, ["한 ", "마디\n\n", "두 ", "마디.  ", "세"]);
        assert_eq!(words("").count(), 0);
    }

    #[test]
    fn a_text_is_cut_at_the_last_character_that_fits() {
        assert_eq!(fit("가나다라", 3), "가나다");
        assert_eq!(fit("가나다라", 4), "가나다라");
        assert_eq!(fit("hello world", 2), "hello");
        assert_eq!(fit("가나", 0), "가");
    }
}
