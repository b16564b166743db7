//! What kind of message the demo model got.

mod signs;
mod topic;

use signs::Signs;
pub(crate) use topic::told_name;
use topic::topic;

/// A language that the demo model speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    Korean,
    English,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Story,
    MoreOfIt,
    /// "What is my name?"
    OwnName,
    /// "My name is …"
    TellsName,
    /// "What is your name?"
    AsksName,
    /// "Are you real?"
    AsksNature,
    Goodbye,
    Thanks,
    Sorry,
    Sad,
    Afraid,
    Angry,
    Love,
    Glad,
    Help,
    Laugh,
    Greeting,
    Question,
    Yes,
    No,
    Statement,
}

impl Intent {
    /// Whether the answer tells the character's name anyway, or has no need of it.
    pub(crate) const fn is_answered_by_name(self) -> bool {
        matches!(
            self,
            Self::Greeting | Self::AsksName | Self::TellsName | Self::AsksNature | Self::Story
        )
    }
}

/// A message as the demo model understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) intent: Intent,
    /// Whether it also greets.
    pub(crate) greets: bool,
    /// A word to come back to.
    pub(crate) topic: Option<String>,
}

/// The language of a text; `None` when it has no letters.
pub(crate) fn language_of(text: &str) -> Option<Language> {
    if text.chars().any(is_hangul) {
        Some(Language::Korean)
    } else if text.chars().any(char::is_alphabetic) {
        Some(Language::English)
    } else {
        None
    }
}

fn is_hangul(c: char) -> bool {
    matches!(c, '가'..='힣' | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}')
}

/// Listens to a message.
pub(crate) fn hear(text: &str, language: Language) -> Heard {
    let message = Message::new(text);
    let intent = match language {
        // English words are common in Korean messages as well.
        Language::Korean => message.korean_intent().or(message.english_intent()),
        Language::English => message.english_intent(),
    };
    let greets = match language {
        Language::Korean => message.shows_korean(Intent::Greeting),
        Language::English => message.shows_english(Intent::Greeting),
    };
    Heard {
        intent: intent.unwrap_or(Intent::Statement),
        greets,
        topic: topic(text, language),
    }
}

/// A message in the forms in which signs are looked for.
struct Message {
    words: Vec<String>,
    /// Without any white space.
    squeezed: String,
    /// The words alone with one space around each, then a question mark if there was one.
    spaced: String,
}

impl Message {
    fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let words: Vec<String> = split_words(&lower).map(str::to_owned).collect();
        let mark = if lower.contains('?') { " ?" } else { "" };
        Self {
            spaced: format!(" {}{mark} ", words.join(" ")),
            squeezed: lower.split_whitespace().collect(),
            words,
        }
    }

    fn korean_intent(&self) -> Option<Intent> {
        let mut intents = signs::KOREAN.iter().map(|signs| signs.intent);
        intents.find(|intent| self.shows_korean(*intent))
    }

    fn english_intent(&self) -> Option<Intent> {
        let mut intents = signs::ENGLISH.iter().map(|signs| signs.intent);
        intents.find(|intent| self.shows_english(*intent))
    }

    fn shows_korean(&self, intent: Intent) -> bool {
        let is_talk = signs::KOREAN_TALK
            .split('|')
            .any(|talk| self.squeezed.contains(talk));
        let has = |part: &str| self.squeezed.contains(part) && !(is_talk && part == "이야기");
        self.shows(signs::KOREAN, intent, has)
    }

    fn shows_english(&self, intent: Intent) -> bool {
        self.shows(signs::ENGLISH, intent, |part| {
            self.spaced.contains(&format!(" {part} "))
        })
    }

    fn shows(&self, signs: &[Signs], intent: Intent, has: impl Fn(&str) -> bool) -> bool {
        // In a longer message "right" and "좋아" are rarely an answer.
        if matches!(intent, Intent::Yes | Intent::No) && self.words.len() > 2 {
            return false;
        }
        let one_of = |list: &'static str| list.split('|').filter(|sign| !sign.is_empty());
        signs
            .iter()
            .filter(|signs| signs.intent == intent)
            .any(|signs| {
                one_of(signs.words).any(|sign| self.words.iter().any(|word| word == sign))
                    || one_of(signs.parts).any(&has)
            })
    }
}

fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(text: &str) -> Intent {
        hear(text, language_of(text).unwrap()).intent
    }

    #[test]
    fn korean_messages_are_told_apart() {
        for (text, expected) in [
            ("안녕!", Intent::Greeting),
            ("안녕하세요, 반가워요", Intent::Greeting),
            ("안녕히 계세요", Intent::Goodbye),
            ("잘 자", Intent::Goodbye),
            ("바이올린을 배워", Intent::Statement),
            ("정말 고마워", Intent::Thanks),
            ("이야기 하나 해 줘", Intent::Story),
            ("옛날 이야기 들려주세요", Intent::Story),
            ("어제 친구랑 이야기했어", Intent::Statement),
            ("하나 더!", Intent::MoreOfIt),
            ("이름이 뭐야?", Intent::AsksName),
            ("너는 누구야", Intent::AsksName),
            ("내 이름은 민수야", Intent::TellsName),
            ("내 이름이 뭐게?", Intent::OwnName),
            ("너 AI야?", Intent::AsksNature),
            ("오늘 너무 슬퍼", Intent::Sad),
            ("안녕, 요즘 너무 힘들어", Intent::Sad),
            ("내일 발표라 불안해", Intent::Afraid),
            ("진짜 짜증 나", Intent::Angry),
            ("시험에 합격했어!", Intent::Glad),
            ("사랑해", Intent::Love),
            ("ㅋㅋㅋㅋ", Intent::Laugh),
            ("바다는 왜 파란가요?", Intent::Question),
            ("응", Intent::Yes),
            ("아니", Intent::No),
            ("고양이를 키우고 있어", Intent::Statement),
            ("story 하나만", Intent::Story),
            ("나는 여름이 정말 좋아", Intent::Statement),
            ("우리 형은 좋은 사람이야", Intent::Statement),
            ("새 아파트로 이사했어", Intent::Statement),
            ("로봇 청소기를 샀어", Intent::Statement),
        ] {
            assert_eq!(intent(text), expected, "{text}");
        }
        assert!(hear("안녕, 요즘 너무 힘들어", Language::Korean).greets);
    }

    #[test]
    fn english_messages_are_told_apart() {
        for (text, expected) in [
            ("Hello!", Intent::Greeting),
            ("This is nothing", Intent::Statement),
            ("Good morning", Intent::Greeting),
            ("bye", Intent::Goodbye),
            ("Thank you so much", Intent::Thanks),
            ("Tell me a story", Intent::Story),
            ("One more, please", Intent::MoreOfIt),
            ("What's your name?", Intent::AsksName),
            ("Who are you", Intent::AsksName),
            ("My name is Tom", Intent::TellsName),
            ("What is my name?", Intent::OwnName),
            ("Are you real?", Intent::AsksNature),
            ("I feel so lonely", Intent::Sad),
            ("I am worried about tomorrow", Intent::Afraid),
            ("I am so angry", Intent::Angry),
            ("I am happy today", Intent::Glad),
            ("lol", Intent::Laugh),
            ("Why is the sky blue?", Intent::Question),
            ("yes", Intent::Yes),
            ("no", Intent::No),
            ("I planted tomatoes", Intent::Statement),
            ("I built a robot", Intent::Statement),
            ("That is the right word", Intent::Statement),
        ] {
            assert_eq!(intent(text), expected, "{text}");
        }
    }
}
