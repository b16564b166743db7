//! What kind of message the demo model got.

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

/// The longest word that is repeated, in characters.
const MAX_TOPIC_CHARS: usize = 16;

/// How a message shows its intent: by words of its own, or by a part of the text without spaces
/// (Korean) or with exactly one space between words (English).
type Signs = (Intent, &'static [&'static str], &'static [&'static str]);

/// The first sign found decides.
const KOREAN_SIGNS: &[Signs] = &[
    (
        Intent::Story,
        &["동화", "옛날얘기"],
        &[
            "이야기",
            "얘기해줘",
            "얘기해줄",
            "얘기들려",
            "얘기하나",
            "동화하나",
            "동화들려",
        ],
    ),
    (
        Intent::MoreOfIt,
        &["더", "또", "계속", "다음"],
        &[
            "하나더",
            "더해줘",
            "더들려",
            "계속해",
            "또해줘",
            "그래서?",
            "그다음",
        ],
    ),
    (
        Intent::OwnName,
        &[],
        &[
            "내이름이뭐",
            "내이름뭐",
            "제이름이뭐",
            "내이름기억",
            "제이름기억",
            "내이름알",
            "제이름알",
            "내가누구",
        ],
    ),
    (Intent::TellsName, &[], &["내이름은", "제이름은"]),
    (
        Intent::AsksName,
        &["누구"],
        &[
            "이름이뭐",
            "이름뭐",
            "이름은뭐",
            "이름이어떻게",
            "성함",
            "누구야",
            "누구세요",
            "누구니",
            "누구예요",
            "누구신",
            "뭐라고불러",
        ],
    ),
    (
        Intent::AsksNature,
        &["ai", "챗봇", "로봇"],
        &[
            "인공지능",
            "ai야",
            "ai예요",
            "ai인",
            "ai니",
            "ai맞",
            "로봇이",
            "챗봇이",
            "진짜사람",
            "사람이야",
            "사람이에요",
            "사람인가",
            "사람맞",
            "데모",
        ],
    ),
    (
        Intent::Goodbye,
        &["바이", "바이바이", "빠이", "굿나잇", "굿나이트"],
        &[
            "안녕히",
            "잘가",
            "잘있어",
            "잘자",
            "또봐",
            "또만나",
            "다음에봐",
            "내일봐",
            "나중에봐",
            "이만갈",
            "가볼게",
            "갈게요",
            "자러갈",
        ],
    ),
    (Intent::Thanks, &["땡큐"], &["고마", "고맙", "감사"]),
    (Intent::Sorry, &[], &["미안", "죄송"]),
    (
        Intent::Sad,
        &[],
        &[
            "슬프",
            "슬퍼",
            "슬픈",
            "우울",
            "힘들",
            "힘드",
            "외로",
            "외롭",
            "눈물",
            "속상",
            "지쳤",
            "지친",
            "피곤",
            "괴로",
            "울고싶",
            "아파",
            "그리워",
            "싸웠",
            "다퉜",
            "헤어졌",
        ],
    ),
    (
        Intent::Afraid,
        &[],
        &[
            "무서", "무섭", "불안", "걱정", "두려", "두렵", "긴장", "떨려",
        ],
    ),
    (
        Intent::Angry,
        &[],
        &[
            "화나",
            "화났",
            "화가나",
            "화가났",
            "짜증",
            "열받",
            "억울",
            "분해",
        ],
    ),
    (
        Intent::Love,
        &[],
        &["사랑해", "좋아해요", "너좋아", "네가좋아", "보고싶었"],
    ),
    (
        Intent::Glad,
        &[],
        &[
            "기뻐",
            "기쁘",
            "기뻤",
            "행복",
            "신나",
            "신난",
            "즐거",
            "즐겁",
            "설레",
            "뿌듯",
            "합격",
            "최고야",
            "기분좋",
            "기분이좋",
        ],
    ),
    (
        Intent::Help,
        &[],
        &["도와", "도움이필요", "어떡해", "어떡하"],
    ),
    (Intent::Laugh, &[], &["ㅋㅋ", "ㅎㅎ", "푸하하", "하하하"]),
    (
        Intent::Greeting,
        &["하이", "헬로", "방가"],
        &["안녕", "반가", "반갑", "좋은아침", "처음뵙", "오랜만"],
    ),
    (
        Intent::Question,
        &[],
        &[
            "?",
            "？",
            "무엇",
            "뭐야",
            "뭐예요",
            "뭐니",
            "뭘까",
            "왜그",
            "어떻게",
            "언제",
            "어디",
            "누가",
            "몇시",
            "을까요",
            "ㄹ까",
            "알려줘",
            "알려주",
            "설명해",
            "궁금",
        ],
    ),
    (
        Intent::Yes,
        &[
            "응",
            "어",
            "네",
            "예",
            "그래",
            "좋아",
            "맞아",
            "ㅇㅇ",
            "ㅇㅋ",
            "오케이",
        ],
        &["그럼요", "물론"],
    ),
    (
        Intent::No,
        &["아니", "아니요", "아뇨", "싫어", "ㄴㄴ", "별로"],
        &["아니야", "아니에요"],
    ),
];

/// Talking that is not a wish for a story.
const KOREAN_TALK: &[&str] = &[
    "이야기했",
    "이야기를했",
    "이야기를나",
    "이야기나눴",
    "이야기하고있",
    "이야기중",
    "이야기하다가",
];

/// The first sign found decides.
const ENGLISH_SIGNS: &[Signs] = &[
    (
        Intent::Story,
        &["story", "stories", "tale", "tales", "fairytale"],
        &[],
    ),
    (
        Intent::MoreOfIt,
        &["more", "continue", "another"],
        &["go on", "and then", "what happened next", "one more"],
    ),
    (
        Intent::OwnName,
        &[],
        &[
            "my name ?",
            "what is my name",
            "whats my name",
            "remember my name",
            "know my name",
            "who am i",
        ],
    ),
    (
        Intent::TellsName,
        &[],
        &["my name is", "my names", "call me"],
    ),
    (
        Intent::AsksName,
        &[],
        &[
            "your name",
            "who are you",
            "who re you",
            "are you called",
            "introduce yourself",
            "call you",
        ],
    ),
    (
        Intent::AsksNature,
        &["ai", "robot", "bot", "chatbot", "demo"],
        &[
            "are you real",
            "are you human",
            "are you a person",
            "language model",
            "artificial intelligence",
        ],
    ),
    (
        Intent::Goodbye,
        &["bye", "goodbye", "farewell", "goodnight", "cya"],
        &[
            "good night",
            "see you",
            "have to go",
            "gotta go",
            "talk later",
            "take care",
        ],
    ),
    (
        Intent::Thanks,
        &["thanks", "thank", "thx", "ty", "cheers"],
        &["appreciate it"],
    ),
    (
        Intent::Sorry,
        &["sorry", "apologies", "apologise", "apologize"],
        &[],
    ),
    (
        Intent::Sad,
        &[
            "sad",
            "unhappy",
            "lonely",
            "depressed",
            "miserable",
            "crying",
            "cry",
            "tired",
            "exhausted",
            "heartbroken",
            "hurt",
            "miss",
        ],
        &[
            "feel down",
            "feeling down",
            "bad day",
            "hard day",
            "gave up",
        ],
    ),
    (
        Intent::Afraid,
        &[
            "afraid",
            "scared",
            "anxious",
            "worried",
            "worry",
            "nervous",
            "fear",
            "terrified",
        ],
        &[],
    ),
    (
        Intent::Angry,
        &[
            "angry", "mad", "furious", "annoyed", "annoying", "hate", "unfair",
        ],
        &["fed up"],
    ),
    (Intent::Love, &[], &["love you", "like you", "missed you"]),
    (
        Intent::Glad,
        &[
            "happy",
            "glad",
            "excited",
            "delighted",
            "joy",
            "wonderful",
            "amazing",
            "proud",
            "yay",
        ],
        &["good news", "great day", "feel great"],
    ),
    (
        Intent::Help,
        &["help", "advice", "stuck"],
        &["what should i do"],
    ),
    (
        Intent::Laugh,
        &["lol", "lmao", "haha", "hahaha", "hehe", "rofl"],
        &[],
    ),
    (
        Intent::Greeting,
        &["hello", "hi", "hey", "hiya", "greetings", "howdy"],
        &[
            "good morning",
            "good afternoon",
            "good evening",
            "nice to meet you",
            "what s up",
        ],
    ),
    (
        Intent::Question,
        &[
            "what", "why", "how", "when", "where", "who", "which", "explain",
        ],
        &[
            "?",
            "tell me",
            "do you",
            "can you",
            "could you",
            "would you",
            "is it",
            "are there",
            "should i",
        ],
    ),
    (
        Intent::Yes,
        &[
            "yes", "yeah", "yep", "ok", "okay", "sure", "right", "agreed",
        ],
        &["of course"],
    ),
    (Intent::No, &["no", "nope", "nah", "never"], &["not really"]),
];

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
        let mut intents = KOREAN_SIGNS.iter().map(|(intent, ..)| *intent);
        intents.find(|intent| self.shows_korean(*intent))
    }

    fn english_intent(&self) -> Option<Intent> {
        let mut intents = ENGLISH_SIGNS.iter().map(|(intent, ..)| *intent);
        intents.find(|intent| self.shows_english(*intent))
    }

    fn shows_korean(&self, intent: Intent) -> bool {
        let is_talk = KOREAN_TALK.iter().any(|talk| self.squeezed.contains(talk));
        let has = |part: &str| self.squeezed.contains(part) && !(is_talk && part == "이야기");
        self.shows(KOREAN_SIGNS, intent, has)
    }

    fn shows_english(&self, intent: Intent) -> bool {
        self.shows(ENGLISH_SIGNS, intent, |part| {
            self.spaced.contains(&format!(" {part} "))
        })
    }

    fn shows(&self, signs: &[Signs], intent: Intent, has: impl Fn(&str) -> bool) -> bool {
        signs
            .iter()
            .filter(|(found, ..)| *found == intent)
            .any(|(_, own, parts)| {
                let is_said = |word: &String| own.contains(&word.as_str());
                self.words.iter().any(is_said) || parts.iter().any(|part| has(part))
            })
    }
}

fn split_words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// The name that somebody gave themselves in a message.
pub(crate) fn told_name(text: &str) -> Option<String> {
    let squeezed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let after = |sign: &str| {
        let place = squeezed.to_ascii_lowercase().find(sign)? + sign.len();
        let rest = squeezed.get(place..)?.trim_start();
        let end = rest
            .find(|c: char| c.is_whitespace() || ",.!?~…".contains(c))
            .unwrap_or(rest.len());
        rest.get(..end)
    };
    let name = ["my name is ", "call me ", "이름은 "]
        .into_iter()
        .find_map(after)?;
    let name = without_copula(name);
    let is_name = (1..=MAX_TOPIC_CHARS).contains(&name.chars().count())
        && name.chars().all(char::is_alphanumeric)
        && !["뭐", "뭘까", "뭔지", "무엇", "뭐라고"].contains(&name);
    is_name.then(|| name.to_owned())
}

/// A Korean name without "is" at its end.
fn without_copula(name: &str) -> &str {
    [
        "이라고",
        "라고",
        "이에요",
        "예요",
        "이예요",
        "입니다",
        "이야",
        "야",
        "이란다",
    ]
    .into_iter()
    .find_map(|ending| name.strip_suffix(ending))
    .filter(|bare| !bare.is_empty())
    .unwrap_or(name)
}

/// A word of a message that is worth coming back to.
fn topic(text: &str, language: Language) -> Option<String> {
    let words = split_words(text);
    let best = match language {
        Language::Korean => words
            .filter_map(korean_noun)
            .first_max_by_key(|(weight, word)| (*weight, word.chars().count()))
            .map(|(_, word)| word),
        Language::English => words
            .filter(|word| word.chars().count() >= 4 && word.chars().all(char::is_alphabetic))
            .filter(|word| !ENGLISH_COMMON.contains(&word.to_lowercase().as_str()))
            .first_max_by_key(|word| {
                let is_verb = word.ends_with("ed") || word.ends_with("ing");
                (!is_verb, word.chars().count())
            }),
    };
    best.filter(|word| word.chars().count() <= MAX_TOPIC_CHARS)
        .map(str::to_owned)
}

/// `max_by_key` that takes the first of several equals.
trait FirstMax: Iterator + Sized {
    fn first_max_by_key<K: Ord>(self, key: impl Fn(&Self::Item) -> K) -> Option<Self::Item> {
        self.reduce(|best, item| if key(&item) > key(&best) { item } else { best })
    }
}

impl<I: Iterator> FirstMax for I {}

/// Particles that follow nouns only.
const SURE_PARTICLES: &[&str] = &[
    "에서는",
    "에서",
    "에게",
    "한테",
    "까지",
    "부터",
    "처럼",
    "이랑",
    "를",
    "와",
    "에",
];

/// Particles that may as well be a part of the word.
const LIKELY_PARTICLES: &[&str] = &["을", "은", "는", "가", "과", "의", "도", "로", "랑"];

/// Ends of verbs and adjectives.
const VERB_ENDS: &[&str] = &[
    "다", "요", "죠", "지", "까", "네", "니", "냐", "어", "아", "야", "해", "줘", "자", "게", "고",
    "며", "면", "서", "데", "던", "할", "한", "된", "될", "래", "라", "세", "함", "걸", "듯", "봐",
    "와", "돼", "워", "려", "겨", "켜", "쳐", "져", "여", "건", "군", "구나", "는", "은", "을",
    "게요",
];

/// Words that say nothing by themselves.
const KOREAN_COMMON: &[&str] = &[
    "오늘",
    "내일",
    "어제",
    "지금",
    "요즘",
    "그냥",
    "정말",
    "진짜",
    "너무",
    "아주",
    "매우",
    "조금",
    "많이",
    "우리",
    "당신",
    "나는",
    "저는",
    "너는",
    "내가",
    "제가",
    "네가",
    "그것",
    "이것",
    "저것",
    "이런",
    "그런",
    "저런",
    "무엇",
    "어떤",
    "누구",
    "언제",
    "어디",
    "하나",
    "그리고",
    "그런데",
    "하지만",
    "그래서",
    "그러면",
    "이야기",
    "얘기",
    "이름",
    "안녕",
    "생각",
    "때문",
    "사실",
    "약간",
    "다시",
    "계속",
    "빨리",
    "먼저",
    "혼자",
    "모두",
    "전부",
    "거기",
    "여기",
    "저기",
    "이제",
    "아까",
    "무슨",
    "한번",
    "옛날",
    "동화",
    "아무",
    "그거",
    "이거",
    "저거",
    "저희",
    "너희",
    "하이",
    "오랜만",
];

/// A noun, as far as can be told, with a weight for how sure that is.
fn korean_noun(word: &str) -> Option<(u8, &str)> {
    if !word.chars().any(is_hangul) {
        let is_name = word.chars().count() >= 2 && word.chars().any(char::is_alphabetic);
        return is_name.then_some((1, word));
    }
    let bare = |particles: &'static [&str]| {
        particles
            .iter()
            .find_map(|particle| word.strip_suffix(particle))
            .filter(|noun| noun.chars().count() >= 2 && !is_verb_stem(noun))
    };
    let (weight, noun) = if let Some(noun) = bare(SURE_PARTICLES) {
        (3, noun)
    } else if let Some(noun) = bare(LIKELY_PARTICLES) {
        (2, noun)
    } else {
        (1, word)
    };
    let is_noun = noun.chars().count() >= 2
        && noun
            .chars()
            .all(|c| matches!(c, '가'..='힣') || c.is_ascii_alphanumeric())
        && !KOREAN_COMMON.contains(&noun)
        && !KOREAN_COMMON.contains(&word)
        && (weight > 1 || !VERB_ENDS.iter().any(|end| noun.ends_with(end)));
    is_noun.then_some((weight, noun))
}

/// Whether what is left before 는, 을 and the like looks like a verb: 좋아하-, 갔-, 보고 싶-.
fn is_verb_stem(stem: &str) -> bool {
    let Some(last) = stem.chars().next_back() else {
        return true;
    };
    // The final consonants ㅆ and ㅄ are found at the end of verbs only.
    let final_consonant = u32::from(last).wrapping_sub(u32::from('가')) % 28;
    let is_past = matches!(last, '가'..='힣') && matches!(final_consonant, 18 | 20);
    is_past || "하되싶않겠해좋많같".contains(last)
}

/// English words that say little by themselves.
const ENGLISH_COMMON: &[&str] = &[
    "about",
    "after",
    "again",
    "also",
    "always",
    "another",
    "anything",
    "because",
    "been",
    "before",
    "being",
    "call",
    "called",
    "came",
    "come",
    "could",
    "didn",
    "does",
    "doesn",
    "doing",
    "done",
    "down",
    "even",
    "ever",
    "every",
    "feel",
    "feeling",
    "from",
    "give",
    "going",
    "gonna",
    "good",
    "goodbye",
    "great",
    "happened",
    "happy",
    "hard",
    "have",
    "haven",
    "having",
    "hello",
    "help",
    "here",
    "into",
    "isn",
    "just",
    "kind",
    "know",
    "like",
    "little",
    "long",
    "look",
    "made",
    "make",
    "many",
    "maybe",
    "mean",
    "more",
    "morning",
    "most",
    "much",
    "must",
    "name",
    "need",
    "never",
    "nice",
    "night",
    "nothing",
    "okay",
    "once",
    "only",
    "other",
    "over",
    "please",
    "quite",
    "rather",
    "really",
    "right",
    "said",
    "same",
    "should",
    "since",
    "some",
    "someone",
    "something",
    "soon",
    "sorry",
    "still",
    "stories",
    "story",
    "such",
    "sure",
    "take",
    "tale",
    "tales",
    "tell",
    "than",
    "thank",
    "thanks",
    "that",
    "their",
    "them",
    "then",
    "there",
    "these",
    "they",
    "thing",
    "things",
    "think",
    "this",
    "those",
    "through",
    "time",
    "today",
    "together",
    "told",
    "tomorrow",
    "tonight",
    "very",
    "want",
    "wanted",
    "wasn",
    "well",
    "went",
    "were",
    "what",
    "when",
    "where",
    "which",
    "while",
    "will",
    "with",
    "without",
    "would",
    "yeah",
    "yesterday",
    "your",
    "yours",
    "yourself",
];

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
        ] {
            assert_eq!(intent(text), expected, "{text}");
        }
    }

    #[test]
    fn a_noun_is_picked_up_without_its_particle() {
        for (text, expected) in [
            ("고양이를 키우고 있어", Some("고양이")),
            ("어제 바다에서 놀았어", Some("바다")),
            ("바다는 왜 파란가요?", Some("바다")),
            ("나는 등산을 좋아하는 사람이야", Some("등산")),
            ("응", None),
            ("그냥 그래", None),
            ("ㅋㅋㅋ", None),
            ("Rust를 배우고 싶어", Some("Rust")),
        ] {
            assert_eq!(topic(text, Language::Korean).as_deref(), expected, "{text}");
        }
        for (text, expected) in [
            ("I planted tomatoes", Some("tomatoes")),
            ("I walked through the woods", Some("woods")),
            ("what is that", None),
            ("!!!", None),
        ] {
            assert_eq!(
                topic(text, Language::English).as_deref(),
                expected,
                "{text}"
            );
        }
        let endless = "가".repeat(150) + "를";
        assert_eq!(topic(&endless, Language::Korean), None);
    }

    #[test]
    fn a_name_that_was_told_is_kept() {
        for (text, expected) in [
            ("내 이름은 민수야", Some("민수")),
            ("제 이름은 지영입니다.", Some("지영")),
            ("Hi, my name is Tom!", Some("Tom")),
            ("Call me Ishmael.", Some("Ishmael")),
            ("내 이름은 뭐야?", None),
            ("이름은", None),
            ("nothing", None),
        ] {
            assert_eq!(told_name(text).as_deref(), expected, "{text}");
        }
    }
}
