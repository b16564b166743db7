//! Summing up: the demo model quotes what the person said last, after what was remembered before.

use lionrocket_domain::prompt::Prompt;

use crate::{
    hearing::{Language, language_of},
    josa::{Josa, with},
};

/// How many of the person's messages are quoted.
const QUOTED_MESSAGES: usize = 5;
/// How much of each.
const QUOTED_CHARS: usize = 50;
/// How much of what was remembered before is kept.
const REMEMBERED_CHARS: usize = 250;

/// A summary of the conversation that the last turn quotes, never empty.
pub(crate) fn summary(prompt: &Prompt) -> String {
    let text = prompt.turns.last().map_or("", |turn| &turn.text);
    let name = prompt.character_name.as_str();
    let conversation = between(text, "<conversation>\n", "\n</conversation>");
    let said: Vec<(&str, &str)> = conversation
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(speaker, _)| *speaker != name)
        .collect();
    let skipped = said.len().saturating_sub(QUOTED_MESSAGES);
    let last = said.get(skipped..).unwrap_or_default();
    let person = last.last().map_or("User", |(speaker, _)| speaker);
    let quotes: Vec<String> = last
        .iter()
        .map(|(_, words)| format!("“{}”", beginning(words)))
        .collect();
    let quotes = quotes.join(", ");
    let told = match language_of(conversation).unwrap_or(Language::English) {
        Language::Korean => format!(
            "{} {}에게 이런 말을 했다: {quotes}.",
            with(person, Josa::Topic),
            name
        ),
        Language::English => format!("{person} told {name}: {quotes}."),
    };
    let remembered = ending(between(text, "<memory>\n", "\n</memory>"));
    format!("{remembered}\n{told}").trim().to_owned()
}

/// What stands between two marks; nothing when they are not there.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let inside = text
        .split_once(start)
        .and_then(|(_, rest)| rest.rsplit_once(end));
    inside.map_or("", |(inside, _)| inside)
}

fn beginning(words: &str) -> String {
    words.chars().take(QUOTED_CHARS).collect()
}

/// The last lines that are not too long together.
fn ending(text: &str) -> &str {
    let skipped = text.chars().count().saturating_sub(REMEMBERED_CHARS);
    if skipped == 0 {
        return text;
    }
    let start = text.char_indices().nth(skipped).map_or(0, |(at, _)| at);
    let rest = text.get(start..).unwrap_or_default();
    rest.split_once('\n').map_or(rest, |(_, whole)| whole)
}
