//! Words of a message that are worth repeating.

use super::{Language, is_hangul, split_words};

/// The longest word that is repeated, in characters.
const MAX_TOPIC_CHARS: usize = 16;

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
pub(super) fn topic(text: &str, language: Language) -> Option<String> {
    let words = split_words(text);
    let best = match language {
        Language::Korean => words
            .filter_map(korean_noun)
            .first_max_by_key(|(weight, word)| (*weight, word.chars().count()))
            .map(|(_, word)| word),
        Language::English => words
            .filter(|word| word.chars().count() >= 4 && word.chars().all(char::is_alphabetic))
            .filter(|word| !is_common_english(word))
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
const SURE_PARTICLES: &str = "에서는|에서|에게|한테|까지|부터|처럼|이랑|를|와|에";

/// Particles that may as well be a part of the word.
const LIKELY_PARTICLES: &str = "을|은|는|가|과|의|도|로|랑";

/// Ends of verbs and adjectives.
const VERB_ENDS: &str = "\
    다|요|죠|지|까|네|니|냐|어|아|야|해|줘|자|게|고|며|면|서|데|던|할|한|된|될|래|라|세|함|\
    걸|듯|봐|와|돼|워|려|겨|켜|쳐|져|여|건|군|구나|는|은|을|게요";

/// Words that say nothing by themselves.
const KOREAN_COMMON: &str = "\
    오늘|내일|어제|지금|요즘|그냥|정말|진짜|너무|아주|매우|조금|많이|우리|당신|나는|저는|\
    너는|내가|제가|네가|그것|이것|저것|이런|그런|저런|무엇|어떤|누구|언제|어디|하나|그리고|\
    그런데|하지만|그래서|그러면|이야기|얘기|이름|안녕|생각|때문|사실|약간|다시|계속|빨리|\
    먼저|혼자|모두|전부|거기|여기|저기|이제|아까|무슨|한번|옛날|동화|아무|그거|이거|저거|\
    저희|너희|하이|오랜만";

/// A noun, as far as can be told, with a weight for how sure that is.
fn korean_noun(word: &str) -> Option<(u8, &str)> {
    if !word.chars().any(is_hangul) {
        let is_name = word.chars().count() >= 2 && word.chars().any(char::is_alphabetic);
        return is_name.then_some((1, word));
    }
    let bare = |particles: &'static str| {
        particles
            .split('|')
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
        && !KOREAN_COMMON
            .split('|')
            .any(|common| common == noun || common == word)
        && (weight > 1 || !VERB_ENDS.split('|').any(|end| noun.ends_with(end)));
    is_noun.then_some((weight, noun))
}

/// Whether what is left before 는, 을 and the like looks like a verb: 좋아하-, 갔-, 보고 싶-.
fn is_verb_stem(stem: &str) -> bool {
    let Some(last) = stem.chars().next_back() else {
        return true;
    };
    // The final consonants ㅆ and ㅄ are hardly ever found at the end of a noun.
    let final_consonant = u32::from(last).wrapping_sub(u32::from('가')) % 28;
    let is_past = matches!(last, '가'..='힣') && matches!(final_consonant, 18 | 20);
    is_past || "하되싶않겠해좋많같".contains(last)
}

fn is_common_english(word: &str) -> bool {
    let lower = word.to_lowercase();
    ENGLISH_COMMON.split('|').any(|common| common == lower)
}

/// English words that say little by themselves.
const ENGLISH_COMMON: &str = "\
    about|after|again|also|always|another|anything|because|been|before|being|call|called|\
    came|come|could|didn|does|doesn|doing|done|down|even|ever|every|feel|feeling|from|give|\
    going|gonna|good|goodbye|great|happened|happy|hard|have|haven|having|hello|help|here|\
    into|isn|just|kind|know|like|little|long|look|made|make|many|maybe|mean|more|morning|\
    most|much|must|name|need|never|nice|night|nothing|okay|once|only|other|over|please|\
    quite|rather|really|right|said|same|should|since|some|someone|something|soon|sorry|\
    still|stories|story|such|sure|take|tale|tales|tell|than|thank|thanks|that|their|them|\
    then|there|these|they|thing|things|think|this|those|through|time|today|together|told|\
    tomorrow|tonight|very|want|wanted|wasn|well|went|were|what|when|where|which|while|will|\
    with|without|would|yeah|yesterday|your|yours|yourself";

#[cfg(test)]
mod tests {
    use super::*;

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
