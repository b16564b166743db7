//! Korean particles, which depend on how the word before them sounds at its end.

/// A particle by its use; named by the form after a final consonant and the one without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Josa {
    /// 은/는
    Topic,
    /// 이/가
    Subject,
    /// 을/를
    Object,
    /// 과/와
    With,
    /// 이에요/예요
    Is,
    /// 이라고/라고
    Called,
    /// 이라는/라는
    Named,
    /// 이라면/라면
    If,
    /// 으로/로
    Toward,
}

impl Josa {
    const fn forms(self) -> (&'static str, &'static str) {
        match self {
            Self::Topic => ("은", "는"),
            Self::Subject => ("이", "가"),
            Self::Object => ("을", "를"),
            Self::With => ("과", "와"),
            Self::Is => ("이에요", "예요"),
            Self::Called => ("이라고", "라고"),
            Self::Named => ("이라는", "라는"),
            Self::If => ("이라면", "라면"),
            Self::Toward => ("으로", "로"),
        }
    }
}

/// How a word sounds at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Vowel,
    /// ㄹ, which 로 follows as if it were a vowel.
    Rieul,
    Consonant,
}

/// A word with the particle after it.
pub(crate) fn with(word: &str, josa: Josa) -> String {
    format!("{word}{}", particle(word, josa))
}

/// A word in quotation marks with the particle after them.
pub(crate) fn quoted(word: &str, josa: Josa) -> String {
    format!("‘{word}’{}", particle(word, josa))
}

/// The particle that fits a word. Where nobody can tell how the word sounds, both, as in 은(는).
fn particle(word: &str, josa: Josa) -> String {
    let (after_consonant, after_vowel) = josa.forms();
    match ending(word) {
        Some(Ending::Rieul) if josa == Josa::Toward => after_vowel.to_owned(),
        Some(Ending::Vowel) => after_vowel.to_owned(),
        Some(Ending::Consonant | Ending::Rieul) => after_consonant.to_owned(),
        // 이(라고) where the one form is the other with a syllable in front.
        None if after_consonant.ends_with(after_vowel) => {
            let extra = after_consonant.trim_end_matches(after_vowel);
            format!("({extra}){after_vowel}")
        }
        None => format!("{after_consonant}({after_vowel})"),
    }
}

fn ending(word: &str) -> Option<Ending> {
    let last = word.chars().rev().find(|c| c.is_alphanumeric())?;
    match last {
        '가'..='힣' => Some(match (u32::from(last) - u32::from('가')) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        }),
        // Digits are read 영, 일, 이, 삼, 사, 오, 육, 칠, 팔, 구.
        '0' | '3' | '6' | 'ㄱ'..='ㅎ' | 'ん' | 'ン' => Some(Ending::Consonant),
        '1' | '7' | '8' => Some(Ending::Rieul),
        '2' | '4' | '5' | '9' | 'ㅏ'..='ㅣ' | 'ぁ'..='ゖ' | 'ァ'..='ヺ' => {
            Some(Ending::Vowel)
        }
        c if c.is_ascii_alphabetic() => Some(latin_ending(word)),
        _ => None,
    }
}

/// How a word in Latin letters sounds when a Korean reads it: Tom and Jack end in a consonant, Max
/// (맥스) and Kate (케이트) in a vowel. Words all in capitals are read letter by letter.
fn latin_ending(word: &str) -> Ending {
    let mut letters = word.chars().rev().filter(char::is_ascii_alphabetic);
    let (last, before) = (letters.next().unwrap_or('a'), letters.next());
    let is_capital = |c: char| c.is_ascii_uppercase();
    if is_capital(last) && before.is_none_or(is_capital) {
        return match last {
            'L' | 'R' => Ending::Rieul,
            'M' | 'N' => Ending::Consonant,
            _ => Ending::Vowel,
        };
    }
    let last = last.to_ascii_lowercase();
    let before = before.map_or('a', |c| c.to_ascii_lowercase());
    let is_vowel = |c: char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y');
    match last {
        'l' => Ending::Rieul,
        'm' | 'n' => Ending::Consonant,
        'g' if before == 'n' => Ending::Consonant,
        'b' | 'c' | 'k' | 'p' | 't' if is_vowel(before) || before == 'c' || before == last => {
            Ending::Consonant
        }
        _ => Ending::Vowel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_particle_fits_the_sound_before_it() {
        for (word, josa, expected) in [
            ("하루", Josa::Topic, "하루는"),
            ("수진", Josa::Topic, "수진은"),
            ("하루", Josa::Subject, "하루가"),
            ("별", Josa::Subject, "별이"),
            ("바다", Josa::Object, "바다를"),
            ("산", Josa::Object, "산을"),
            ("친구", Josa::With, "친구와"),
            ("책", Josa::With, "책과"),
            ("하루", Josa::Is, "하루예요"),
            ("수진", Josa::Is, "수진이에요"),
            ("하루", Josa::Called, "하루라고"),
            ("수진", Josa::Called, "수진이라고"),
            ("서울", Josa::Toward, "서울로"),
            ("바다", Josa::Toward, "바다로"),
            ("산", Josa::Toward, "산으로"),
            ("서울", Josa::Topic, "서울은"),
        ] {
            assert_eq!(with(word, josa), expected);
        }
    }

    #[test]
    fn numbers_and_foreign_words_are_read_as_a_korean_reads_them() {
        for (word, expected) in [
            ("2026", "2026은"),
            ("2025", "2025는"),
            ("Haru", "Haru는"),
            ("Tom", "Tom은"),
            ("Jack", "Jack은"),
            ("Kate", "Kate는"),
            ("Max", "Max는"),
            ("Mark", "Mark는"),
            ("Jiyoung", "Jiyoung은"),
            ("AI", "AI는"),
            ("CCTV", "CCTV는"),
            ("URL", "URL은"),
            ("ㅋㅋ", "ㅋㅋ은"),
            ("さくら", "さくら는"),
        ] {
            assert_eq!(with(word, Josa::Topic), expected);
        }
    }

    #[test]
    fn both_forms_stand_where_the_sound_is_not_known() {
        assert_eq!(with("🦁", Josa::Topic), "🦁은(는)");
        assert_eq!(with("日本", Josa::Called), "日本(이)라고");
        assert_eq!(with("", Josa::Subject), "이(가)");
    }

    #[test]
    fn quotation_marks_do_not_change_the_particle() {
        assert_eq!(quoted("바다", Josa::Named), "‘바다’라는");
        assert_eq!(quoted("산", Josa::Object), "‘산’을");
        assert_eq!(with("하루!", Josa::Topic), "하루!는");
    }
}
