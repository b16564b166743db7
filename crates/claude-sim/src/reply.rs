//! What the simulated models say: short, friendly, in the language of the last user text, and always the same for
//! the same seed and conversation.

use crate::digest::Draw;

struct Phrases {
    openings: &'static [&'static str],
    /// With `{}` for a word of the user's.
    topics: &'static [&'static str],
    thoughts: &'static [&'static str],
    closings: &'static [&'static str],
}

const ENGLISH: Phrases = Phrases {
    openings: &[
        "I'm glad you told me that.",
        "Ah, now that is a good place to begin.",
        "Let me put the kettle on while we talk about it.",
        "You have caught me at a quiet moment, so I have time.",
        "That made me smile.",
        "Hm, let me think about that for a moment.",
    ],
    topics: &[
        "When I hear \"{}\", I think of long evenings and a lamp by the window.",
        "There is more to \"{}\" than people usually say.",
        "I once kept a small notebook, and \"{}\" would have filled a whole page of it.",
        "If I had to explain \"{}\" to a stranger, I would start with the part that surprised me.",
        "Somebody asked me about \"{}\" not long ago, and I have been turning it over since.",
    ],
    thoughts: &[
        "What matters most, I find, is to take the first small step and see where it leads.",
        "The weather may change by noon, but a plan with some room in it survives that.",
        "I would not hurry; most good things around here were made slowly.",
        "Two things can be true at once, and this looks like one of those cases.",
        "It helps to say it out loud, even if the words are not perfect yet.",
        "An old friend used to say that a question honestly asked is half an answer.",
    ],
    closings: &[
        "What would you like to look at first?",
        "Tell me a little more, and we will work it out together.",
        "How does that sound to you?",
        "What made you think of it today?",
        "Shall we go on from there?",
    ],
};

const KOREAN: Phrases = Phrases {
    openings: &[
        "이야기해 줘서 고마워요.",
        "아, 그거 참 좋은 시작이네요.",
        "따뜻한 차 한 잔 내려놓고 천천히 이야기해 볼까요.",
        "마침 조용한 시간이라 여유가 있어요.",
        "그 말을 들으니 저도 모르게 웃음이 나네요.",
        "음, 잠깐만 생각해 볼게요.",
    ],
    topics: &[
        "‘{}’ 하면 저는 창가에 등불을 켜 둔 긴 저녁이 떠올라요.",
        "‘{}’ 이야기에는 사람들이 잘 말하지 않는 부분이 더 있어요.",
        "예전에 쓰던 작은 수첩이 있었다면 ‘{}’ 이야기만으로 한 쪽을 다 채웠을 거예요.",
        "처음 만난 사람에게 ‘{}’ 이야기를 들려준다면 저를 놀라게 한 대목부터 시작할래요.",
        "얼마 전에도 누가 ‘{}’ 이야기를 물어봐서 계속 생각하고 있었어요.",
    ],
    thoughts: &[
        "제 생각에는 작은 걸음을 먼저 떼어 보고 어디로 이어지는지 보는 게 중요해요.",
        "낮이 되면 날씨가 바뀔 수도 있지만, 여유가 있는 계획은 그래도 무너지지 않아요.",
        "서두를 필요는 없어요. 이 동네의 좋은 것들은 대부분 천천히 만들어졌거든요.",
        "두 가지가 동시에 맞을 수도 있는데, 이번이 꼭 그런 경우 같아요.",
        "말이 아직 다듬어지지 않았더라도 소리 내어 말해 보면 도움이 돼요.",
        "오랜 친구가 그러더군요. 솔직하게 던진 질문은 이미 절반의 대답이라고요.",
    ],
    closings: &[
        "무엇부터 살펴보고 싶으세요?",
        "조금만 더 들려주시면 같이 풀어 볼게요.",
        "어떻게 생각하세요?",
        "오늘 그 생각을 하게 된 계기가 있었나요?",
        "그럼 거기서부터 이어 가 볼까요?",
    ],
};

/// Writes the reply to a text. The digest stands for the seed and the whole conversation.
pub(crate) fn compose(user_text: &str, digest: u64) -> String {
    if let Some(summary) = sum_up(user_text) {
        return summary;
    }
    let mut draw = Draw::new(digest);
    let phrases = if user_text.chars().any(is_hangul) {
        &KOREAN
    } else {
        &ENGLISH
    };
    let mut sentences = vec![draw.pick(phrases.openings).to_owned()];
    if let Some(topic) = topic(user_text) {
        sentences.push(draw.pick(phrases.topics).replace("{}", &topic));
    }
    let first = draw.below(phrases.thoughts.len());
    let step = 1 + draw.below(phrases.thoughts.len() - 1);
    let second = (first + step) % phrases.thoughts.len();
    for at in [first, second].iter().take(1 + draw.below(2)) {
        sentences.extend(phrases.thoughts.get(*at).map(|&thought| thought.to_owned()));
    }
    sentences.push(draw.pick(phrases.closings).to_owned());
    sentences.join(" ")
}

/// Sums up a conversation that is quoted between marks, as somebody would who only reads its ends: what was
/// remembered before, then the first and the last thing that was said.
fn sum_up(user_text: &str) -> Option<String> {
    const LONGEST_MEMORY: usize = 300;
    const LONGEST_WORDS: usize = 40;
    let first_chars = |text: &str, most| text.chars().take(most).collect::<String>();
    let (before, rest) = user_text.split_once("<conversation>\n")?;
    let (conversation, _) = rest.rsplit_once("\n</conversation>")?;
    let remembered = before
        .split_once("<memory>\n")
        .and_then(|(_, rest)| rest.rsplit_once("\n</memory>"))
        .map_or("", |(memory, _)| memory);
    let lines: Vec<&str> = conversation.lines().collect();
    let first = first_chars(lines.first()?, LONGEST_WORDS);
    let last = first_chars(lines.last()?, LONGEST_WORDS);
    let told = if conversation.chars().any(is_hangul) {
        format!("처음에는 “{first}”, 마지막에는 “{last}” 이야기를 나눴다.")
    } else {
        format!("It began with “{first}” and came to “{last}” in the end.")
    };
    let memory = first_chars(remembered, LONGEST_MEMORY);
    Some(format!("{memory} {told}").trim().to_owned())
}

fn is_hangul(character: char) -> bool {
    matches!(character, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}')
}

/// Words too common to come back to.
const COMMON_WORDS: &[&str] = &[
    "about",
    "again",
    "anything",
    "because",
    "could",
    "going",
    "hello",
    "please",
    "really",
    "should",
    "something",
    "tell",
    "thanks",
    "that",
    "their",
    "there",
    "these",
    "they",
    "thing",
    "think",
    "this",
    "want",
    "what",
    "when",
    "where",
    "which",
    "with",
    "would",
    "your",
    "가르쳐줘",
    "궁금해",
    "그리고",
    "그런데",
    "들려줘",
    "들려주세요",
    "말해줘",
    "부탁해",
    "싶어",
    "싶어요",
    "싶은데",
    "안녕",
    "안녕하세요",
    "알려줘",
    "알려주세요",
    "어떻게",
    "이야기",
    "있어",
    "있어요",
    "해줘",
    "해주세요",
];

/// Particles that seldom end a word by themselves, longest first.
const PARTICLES: &[&str] = &[
    "에서는",
    "에서",
    "에게",
    "으로",
    "을",
    "를",
    "에",
    "은",
    "는",
];

/// Takes a particle off a Korean word, if something is left of it.
fn stem(word: &str) -> &str {
    let stems = PARTICLES
        .iter()
        .filter_map(|particle| word.strip_suffix(particle));
    let whole = |stem: &&str| stem.chars().count() > 1;
    stems.into_iter().find(whole).unwrap_or(word)
}

/// Chooses the word to come back to: the longest one, the first of several. Triggers are no words.
fn topic(text: &str) -> Option<String> {
    const LONGEST: usize = 24;
    let mut spoken = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[[sim:") {
        spoken.push_str(before);
        spoken.push(' ');
        rest = after.split_once("]]").map_or("", |(_, after)| after);
    }
    spoken.push_str(rest);
    let words = spoken.split(|character: char| !character.is_alphanumeric());
    let telling: Vec<&str> = words
        .map(stem)
        .filter(|word| (2..=LONGEST).contains(&word.chars().count()))
        .filter(|word| !COMMON_WORDS.contains(&word.to_lowercase().as_str()))
        .collect();
    // Of equals the last one would be taken, so the words are looked at backwards.
    let longest = telling.iter().rev().max_by_key(|word| word.chars().count());
    longest.map(|word| (*word).to_owned())
}

/// Cuts a reply into the pieces in which it is streamed: one or two words each.
pub(crate) fn pieces(text: &str, digest: u64) -> Vec<&str> {
    let mut draw = Draw::new(!digest);
    let mut words = text.split_inclusive(' ').map(str::len).peekable();
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(mut length) = words.next() {
        if draw.below(2) == 1
            && let Some(more) = words.next()
        {
            length += more;
        }
        let Some((piece, after)) = rest.split_at_checked(length) else {
            break;
        };
        pieces.push(piece);
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reply_speaks_the_language_of_the_last_text() {
        assert!(compose("등대에 가고 싶어", 1).chars().any(is_hangul));
        assert!(compose("the lighthouse please", 1).is_ascii());
    }

    #[test]
    fn the_reply_comes_back_to_a_word_of_the_user() {
        for digest in 0..20 {
            let reply = compose(
                "a [[sim:thinking;because=antidisestablish]] lighthouse",
                digest,
            );
            assert!(reply.contains("lighthouse"), "{reply}");
        }
    }

    #[test]
    fn the_word_to_come_back_to_is_a_telling_one() {
        for (text, word) in [
            ("tell me about boats", Some("boats")),
            ("등대에 가고 싶어요", Some("등대")),
            ("바다에서는 뭘 해?", Some("바다")),
            ("Hello there, what would you please", Some("you")),
            ("안녕하세요!", None),
            ("?", None),
        ] {
            assert_eq!(topic(text).as_deref(), word, "{text}");
        }
    }

    #[test]
    fn pieces_put_together_are_the_text_and_there_are_enough_of_them_for_faults() {
        for digest in 0..200 {
            for text in ["hello there", "안녕", "?"] {
                let reply = compose(text, digest);
                let pieces = pieces(&reply, digest);
                assert_eq!(pieces.concat(), reply);
                assert!(pieces.len() >= 5, "{reply}");
            }
        }
    }

    #[test]
    fn a_quoted_conversation_is_summed_up() {
        let text = "<memory>\nThey met.\n</memory>\n\n<conversation>\nMina: Hello\nHaru: Welcome\n\
                    Mina: Good night\n</conversation>\n\nWrite the new memory.";
        assert_eq!(
            compose(text, 1),
            "They met. It began with “Mina: Hello” and came to “Mina: Good night” in the end."
        );
        let korean = "<conversation>\n미나: 안녕\n</conversation>\n\nWrite the new memory.";
        assert!(compose(korean, 1).starts_with("처음에는"));
    }

    #[test]
    fn different_conversations_get_different_replies() {
        let replies: std::collections::HashSet<String> = (0..50)
            .map(|digest| compose("tell me about boats", digest))
            .collect();
        assert!(replies.len() > 20);
    }
}
