//! Putting a reply together.

use lionrocket_domain::{
    chat::Role,
    prompt::{Prompt, PromptTurn},
};

use crate::{
    english,
    hearing::{Heard, Intent, Language, hear, language_of, told_name},
    korean,
};

/// Every so many replies the demo says in a full sentence that it is one; the others have a short mark.
const FULL_MARK_EVERY: usize = 4;

/// What a reply depends on.
pub(crate) struct Scene<'a> {
    /// The character's name.
    pub(crate) name: &'a str,
    /// What the person just said.
    pub(crate) heard: Heard,
    /// The person's name, if they told it.
    pub(crate) caller: Option<String>,
    /// Whether the character said nothing yet.
    pub(crate) is_first: bool,
}

/// A language as the demo model speaks it.
pub(crate) struct Tongue {
    /// Says in full that this is a demo.
    pub(crate) full_mark: &'static str,
    /// Says in short that this is a demo.
    pub(crate) short_mark: &'static str,
    /// Greets the person, by name if it is known.
    pub(crate) hello: fn(caller: Option<&str>) -> String,
    /// Says the character's name.
    pub(crate) i_am: fn(name: &str) -> String,
    /// All that fits the message, except for stories.
    pub(crate) answers: fn(&Scene<'_>) -> Vec<String>,
    /// Questions that begin a subject.
    pub(crate) opening_up: &'static [&'static str],
    /// Questions about what was just said.
    pub(crate) asking_on: &'static [&'static str],
    /// Tells a story.
    pub(crate) story: fn(&Scene<'_>, &mut Picker) -> String,
}

/// Chooses among prepared sentences: by all that was said, and what was said longest ago or never
/// before what was said lately.
pub(crate) struct Picker {
    seed: u64,
    said: String,
}

impl Picker {
    fn new(turns: &[PromptTurn]) -> Self {
        let bytes = turns
            .iter()
            .flat_map(|turn| turn.text.bytes().chain([u8::from(turn.role == Role::User)]));
        // FNV-1a: small, and the same on every machine for ever.
        let seed = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let said: Vec<&str> = turns
            .iter()
            .filter(|turn| turn.role == Role::Assistant)
            .map(|turn| turn.text.as_str())
            .collect();
        Self {
            seed,
            said: said.join("\n"),
        }
    }

    /// Picks one of the sentences; empty when there are none.
    pub(crate) fn pick<S: Into<String> + AsRef<str>>(
        &mut self,
        options: impl IntoIterator<Item = S>,
    ) -> String {
        let mut options: Vec<S> = options.into_iter().collect();
        self.seed = self
            .seed
            .rotate_left(23)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let number = usize::try_from(self.seed >> 33).unwrap_or_default();
        let start = number.checked_rem(options.len()).unwrap_or_default();
        options.rotate_left(start);
        // The first of several that were never said, or the one that was said longest ago.
        let picked = options
            .into_iter()
            .min_by_key(|option| self.said.rfind(option.as_ref()).map(|place| place + 1));
        picked.map(Into::into).unwrap_or_default()
    }
}

/// The reply to a conversation, never empty.
pub(crate) fn reply(prompt: &Prompt) -> String {
    let said_by = |role: Role| prompt.turns.iter().filter(move |turn| turn.role == role);
    let last = said_by(Role::User)
        .next_back()
        .map_or("", |turn| &turn.text);
    let language = language(prompt, last);
    let mut heard = hear(last, language);
    if heard.intent == Intent::MoreOfIt {
        // More of what was told last, if that was something to tell.
        let last_reply = said_by(Role::Assistant).next_back();
        heard.intent = match last_reply {
            Some(turn) if turn.text.split_whitespace().count() >= 60 => Intent::Story,
            _ => Intent::Statement,
        };
    }
    let scene = Scene {
        name: prompt.character_name.as_str(),
        heard,
        caller: said_by(Role::User)
            .rev()
            .find_map(|turn| told_name(&turn.text)),
        is_first: said_by(Role::Assistant).next().is_none(),
    };
    let tongue = match language {
        Language::Korean => &korean::TONGUE,
        Language::English => &english::TONGUE,
    };
    let body = body(tongue, &scene, &mut Picker::new(&prompt.turns));
    format!("{body}\n\n{}", mark(tongue, prompt))
}

/// The reply without its mark.
fn body(tongue: &Tongue, scene: &Scene<'_>, picker: &mut Picker) -> String {
    let intent = scene.heard.intent;
    let mut parts = Vec::new();
    if scene.heard.greets && intent != Intent::Greeting {
        parts.push((tongue.hello)(scene.caller.as_deref()));
    }
    if scene.is_first && !intent.is_answered_by_name() {
        parts.push((tongue.i_am)(scene.name));
    }
    if intent == Intent::Story {
        parts.push((tongue.story)(scene, picker));
    } else {
        parts.push(picker.pick((tongue.answers)(scene)));
    }
    let questions = match intent {
        Intent::Greeting
        | Intent::Thanks
        | Intent::TellsName
        | Intent::Laugh
        | Intent::Yes
        | Intent::No => tongue.opening_up,
        Intent::Statement | Intent::MoreOfIt | Intent::Glad => tongue.asking_on,
        _ => &[],
    };
    if !questions.is_empty() {
        parts.push(picker.pick(questions.iter().copied()));
    }
    parts.join(" ")
}

/// The language of the last message or, where it has no letters, of what was said before it or of
/// the instructions.
fn language(prompt: &Prompt, last: &str) -> Language {
    let before = prompt.turns.iter().rev().map(|turn| turn.text.as_str());
    let system = prompt.system.iter().rev().map(|block| block.text.as_str());
    std::iter::once(last)
        .chain(before)
        .chain(system)
        .find_map(language_of)
        .unwrap_or(Language::English)
}

/// The line that says what this is: in full unless a full one came lately. A greeting was written by
/// a person and has none, so the first reply has a full one in any case.
fn mark(tongue: &Tongue, prompt: &Prompt) -> &'static str {
    let lately = prompt.turns.iter().rev().take(2 * FULL_MARK_EVERY - 1);
    let was_marked = lately
        .filter(|turn| turn.role == Role::Assistant)
        .any(|turn| turn.text.contains(tongue.full_mark));
    if was_marked {
        tongue.short_mark
    } else {
        tongue.full_mark
    }
}
