//! Checked text: values that were parsed once and are right from then on.
//!
//! Every text is brought to NFC with `\n` line ends and without white space at its ends; its length
//! counts code points. Control characters other than `\n` and `\t` are refused, and so is a text in
//! which nothing can be seen.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use unicode_security::confusable_detection::skeleton;

/// Why a text is refused. The message is fit for the person who wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing, or white space only.
    #[error("must not be empty")]
    Required,
    /// Too few characters.
    #[error("must have at least {limit} characters; this has {actual}")]
    TooShort {
        /// The least number of characters.
        limit: usize,
        /// The number found.
        actual: usize,
    },
    /// Too many characters.
    #[error("must have at most {limit} characters; this has {actual}")]
    TooLong {
        /// The largest number of characters.
        limit: usize,
        /// The number found.
        actual: usize,
    },
    /// A control character other than a line break or a tab.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Only characters that show nothing, such as U+200B.
    #[error("must contain something visible")]
    NothingVisible,
    /// A line break where one line is asked for.
    #[error("must be a single line")]
    LineBreak,
    /// Not of the form that the field asks for.
    #[error("{0}")]
    Form(&'static str),
}

impl TextError {
    /// A stable code for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } => "too_long",
            Self::ControlCharacter => "control_character",
            Self::NothingVisible => "nothing_visible",
            Self::LineBreak => "line_break",
            Self::Form(_) => "invalid_format",
        }
    }

    /// The limit and the number found, where the length was at fault.
    #[must_use]
    pub const fn lengths(&self) -> Option<(usize, usize)> {
        match self {
            Self::TooShort { limit, actual } | Self::TooLong { limit, actual } => {
                Some((*limit, *actual))
            }
            _ => None,
        }
    }
}

/// Unicode white space and the byte order mark: what `String.prototype.trim` takes away as well.
fn is_edge_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Characters that show nothing by themselves (Unicode's default ignorables and the braille blank).
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Brings a text to the form in which it is counted and stored.
fn normalise(raw: &str) -> String {
    let unified = raw.replace("\r\n", "\n").replace('\r', "\n");
    unified.trim_matches(is_edge_space).nfc().collect()
}

/// Checks a normalised text against a length and the rules that hold for every text.
fn check(text: &str, min: usize, max: usize) -> Result<(), TextError> {
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t')
    {
        return Err(TextError::ControlCharacter);
    }
    let actual = text.chars().count();
    if actual == 0 && min > 0 {
        return Err(TextError::Required);
    }
    if actual > max {
        return Err(TextError::TooLong { limit: max, actual });
    }
    if actual > 0 && text.chars().all(|c| is_invisible(c) || c.is_whitespace()) {
        return Err(TextError::NothingVisible);
    }
    if actual < min {
        return Err(TextError::TooShort { limit: min, actual });
    }
    Ok(())
}

fn parse_text(raw: &str, min: usize, max: usize) -> Result<String, TextError> {
    let text = normalise(raw);
    check(&text, min, max)?;
    Ok(text)
}

fn parse_line(raw: &str, min: usize, max: usize) -> Result<String, TextError> {
    let text = parse_text(raw, min, max)?;
    if text.contains(['\n', '\t']) {
        return Err(TextError::LineBreak);
    }
    Ok(text)
}

/// Folds a text for comparison and search: NFKC, lower case, NFKC again.
///
/// Two texts that a person would call the same name fold to the same key.
#[must_use]
pub fn fold(text: &str) -> String {
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    lower.nfkc().collect()
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $parse:ident, $min:literal ..= $max:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The largest number of characters (code points after NFC).
            pub const MAX_CHARS: usize = $max;

            /// Normalises and checks a text.
            ///
            /// # Errors
            /// The rule that the text breaks.
            pub fn parse(raw: &str) -> Result<Self, TextError> {
                $parse(raw, $min, $max).map(Self)
            }
        }

        checked_text!(@access $name);
    };
    (@access $name:ident) => {
        impl $name {
            /// Takes a text that was checked before it was stored.
            #[must_use]
            pub fn from_stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            #[must_use]
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // People's words must not reach a log by way of `{:?}`.
                write!(f, concat!(stringify!($name), "({} chars)"), self.0.chars().count())
            }
        }
    };
}

checked_text!(
    /// A character's name: one line of 1 to 80 characters.
    CharacterName, parse_line, 1..=80
);
checked_text!(
    /// What a character is told to be: 1 to 8,000 characters.
    SystemPrompt, parse_text, 1..=8000
);
checked_text!(
    /// The first thing a character says in a new chat: up to 2,000 characters, or nothing.
    Greeting, parse_text, 0..=2000
);
checked_text!(
    /// What a character is, told to those who choose: up to 500 characters, or nothing.
    Description, parse_text, 0..=500
);
checked_text!(
    /// The title of a chat: one line of 1 to 120 characters.
    ChatTitle, parse_line, 1..=120
);
checked_text!(
    /// The name of a common prompt: one line of 1 to 80 characters.
    PromptName, parse_line, 1..=80
);
checked_text!(
    /// Why an administrator reads what is somebody's: one line of 5 to 200 characters.
    AuditReason, parse_line, 5..=200
);
checked_text!(
    /// What an invite is for: one line of up to 200 characters, or nothing.
    InviteNote, parse_line, 0..=200
);
checked_text!(
    /// The name that others see: one line of 1 to 60 characters.
    DisplayName, parse_line, 1..=60
);
checked_text!(
    /// The text of a common prompt: 1 to 8,000 characters.
    PromptContent, parse_text, 1..=8000
);

checked_text!(
    /// What a chat said before what a model is sent: 1 to 4,000 characters.
    SummaryText, parse_text, 1..=4000
);

/// What a person says to a character: 1 to `MESSAGE_MAX_CHARS` characters.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MessageText(String);

impl MessageText {
    /// Normalises and checks a message against the operator's limit.
    ///
    /// # Errors
    /// The rule that the text breaks; [`TextError::TooLong`] says how many characters there were.
    pub fn parse(raw: &str, max_chars: usize) -> Result<Self, TextError> {
        parse_text(raw, 1, max_chars).map(Self)
    }
}

checked_text!(@access MessageText);

/// A name to sign in with: 3 to 32 letters and digits of any script, `_`, `.` and `-`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

impl Username {
    /// Normalises and checks a user name.
    ///
    /// # Errors
    /// The rule that the name breaks.
    pub fn parse(raw: &str) -> Result<Self, TextError> {
        let name = parse_line(raw, 3, 32)?;
        let allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !name.chars().all(allowed) || !name.chars().any(char::is_alphanumeric) {
            return Err(TextError::Form(
                "must consist of letters, digits, '_', '.' and '-', with a letter or digit among them",
            ));
        }
        Ok(Self(name))
    }

    /// The key under which the name is unique.
    #[must_use]
    pub fn key(&self) -> String {
        fold(&self.0)
    }

    /// Whether a person may take one name for the other: they are drawn alike, such as Latin and
    /// Cyrillic letters, or a capital I and a small l.
    #[must_use]
    pub fn looks_like(&self, other: &Self) -> bool {
        let shapes = |name: &Self| [shape(&name.0), shape(&name.key())];
        let own = shapes(self);
        shapes(other).iter().any(|shape| own.contains(shape))
    }
}

/// What is left of a name when signs that are drawn alike are one.
fn shape(name: &str) -> String {
    fold(&skeleton(name).collect::<String>())
}

checked_text!(@access Username);

/// An e-mail address, checked for its form only.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Normalises and checks an address.
    ///
    /// # Errors
    /// The rule that the address breaks.
    pub fn parse(raw: &str) -> Result<Self, TextError> {
        const FORM: TextError =
            TextError::Form("must be an e-mail address such as name@example.com");
        let address = parse_line(raw, 1, 254)?;
        let (local, host) = address.rsplit_once('@').ok_or(FORM)?;
        let local_ok = (1..=64).contains(&local.len())
            && !local.contains('@')
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local
                .chars()
                .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c));
        let label_ok = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        if local_ok && host.contains('.') && host.split('.').all(label_ok) {
            Ok(Self(address))
        } else {
            Err(FORM)
        }
    }

    /// The key under which the address is unique.
    #[must_use]
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

checked_text!(@access EmailAddress);

/// Bounds on passwords.
pub mod password_limits {
    /// The lowest minimum that an operator may set.
    pub const FLOOR_CHARS: usize = 8;
    /// The largest number of code points after NFKC.
    pub const MAX_CHARS: usize = 128;
    /// The largest number of bytes after NFKC.
    pub const MAX_BYTES: usize = 512;
}

/// A password in the form in which it is hashed: NFKC, so that every keyboard gives the same bytes.
#[derive(Clone)]
pub struct Password(SecretString);

impl Password {
    /// Checks a password that somebody chooses.
    ///
    /// # Errors
    /// [`TextError::TooShort`] or [`TextError::TooLong`] in code points after NFKC.
    pub fn choose(raw: &str, min_chars: usize) -> Result<Self, TextError> {
        let password: String = raw.nfkc().collect();
        let actual = password.chars().count();
        if actual < min_chars {
            return Err(TextError::TooShort {
                limit: min_chars,
                actual,
            });
        }
        if actual > password_limits::MAX_CHARS || password.len() > password_limits::MAX_BYTES {
            return Err(TextError::TooLong {
                limit: password_limits::MAX_CHARS,
                actual,
            });
        }
        if password.chars().any(char::is_control) {
            return Err(TextError::ControlCharacter);
        }
        Ok(Self(SecretString::from(password)))
    }

    /// Takes what somebody types at a login; `None` when no account can have such a password.
    #[must_use]
    pub fn attempt(raw: &str) -> Option<Self> {
        Self::choose(raw, 1).ok()
    }

    /// The bytes to hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn two_hundred_characters_pass_and_one_more_is_refused_with_its_count() {
        assert!(MessageText::parse(&"가".repeat(200), 200).is_ok());
        assert_eq!(
            MessageText::parse(&"가".repeat(201), 200),
            Err(TextError::TooLong {
                limit: 200,
                actual: 201
            })
        );
    }

    #[test]
    fn decomposed_hangul_counts_by_syllable() {
        let text: String = "각".repeat(200).nfd().collect();
        assert_eq!(text.chars().count(), 600);
        assert_eq!(
            MessageText::parse(&text, 200).unwrap().as_str(),
            "각".repeat(200)
        );
    }

    #[test]
    fn white_space_around_a_text_does_not_count() {
        let text = MessageText::parse("\u{feff} \n 안녕 \t\r\n", 2).unwrap();
        assert_eq!(text.as_str(), "안녕");
    }

    #[test]
    fn a_text_in_which_nothing_can_be_seen_is_refused() {
        for text in ["\u{200b}", "\u{3164}\u{3164}", "\u{200d} \u{2060}"] {
            assert_eq!(
                MessageText::parse(text, 200),
                Err(TextError::NothingVisible),
                "{text:?}"
            );
        }
        for text in ["", "   ", "\n\n"] {
            assert_eq!(
                MessageText::parse(text, 200),
                Err(TextError::Required),
                "{text:?}"
            );
        }
    }

    #[test]
    fn joiners_inside_an_emoji_are_kept() {
        let family = "👩\u{200d}👧";
        assert_eq!(MessageText::parse(family, 200).unwrap().as_str(), family);
    }

    #[test]
    fn control_characters_are_refused_but_line_breaks_stay() {
        assert_eq!(
            MessageText::parse("a\0b", 200),
            Err(TextError::ControlCharacter)
        );
        assert_eq!(
            MessageText::parse("a\u{1b}b", 200),
            Err(TextError::ControlCharacter)
        );
        assert_eq!(
            MessageText::parse("a\r\nb\tc", 200).unwrap().as_str(),
            "a\nb\tc"
        );
        assert_eq!(CharacterName::parse("a\nb"), Err(TextError::LineBreak));
    }

    #[test]
    fn user_names_fold_to_one_key() {
        let plain = Username::parse("Lion_Rocket").unwrap();
        let wide = Username::parse("ｌｉｏｎ_rocket").unwrap();
        assert_eq!(plain.key(), wide.key());
        assert!(Username::parse("사자로켓").is_ok());
        for bad in ["ab", "a b c", "a@b.c", "___", "name\u{202e}"] {
            assert!(Username::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn names_that_are_drawn_alike_look_like_each_other() {
        let name = |text| Username::parse(text).unwrap();
        for alike in ["admin", "ADMIN", "аdmin", "ａdmin", "adrnin", "αdmin"] {
            assert!(name("admin").looks_like(&name(alike)), "{alike}");
            assert!(name(alike).looks_like(&name("admin")), "{alike}");
        }
        assert!(name("lion").looks_like(&name("Iion")));
        for other in ["administrator", "adnin", "관리자", "admin2"] {
            assert!(!name("admin").looks_like(&name(other)), "{other}");
        }
    }

    #[test]
    fn an_email_address_needs_a_local_part_and_a_host_with_a_dot() {
        for good in [
            "a@b.co",
            "first.last+tag@mail.example.com",
            "사자@예시.한국",
        ] {
            assert!(EmailAddress::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "a", "@b.co", "a@b", "a@@b.co", "a@b..co", "a b@c.de", ".a@b.co", "a@-b.co", "a@b.co\n",
        ] {
            assert_eq!(
                EmailAddress::parse(bad).is_ok(),
                bad == "a@b.co\n",
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_password_is_measured_in_code_points_and_never_shown() {
        assert!(Password::choose(&"가".repeat(10), 10).is_ok());
        assert_eq!(
            Password::choose("short", 10).unwrap_err(),
            TextError::TooShort {
                limit: 10,
                actual: 5
            }
        );
        assert!(Password::choose(&"a".repeat(129), 10).is_err());
        assert!(Password::choose(&"a".repeat(128), 10).is_ok());
        assert_eq!(
            format!("{:?}", Password::choose("correct horse", 10).unwrap()),
            "Password(…)"
        );
    }

    proptest! {
        #[test]
        fn parsing_is_idempotent_and_within_the_limit(raw in "\\PC{0,260}") {
            if let Ok(text) = MessageText::parse(&raw, 200) {
                prop_assert!((1..=200).contains(&text.as_str().chars().count()));
                prop_assert_eq!(MessageText::parse(text.as_str(), 200).unwrap(), text);
            }
        }

        #[test]
        fn composed_and_decomposed_forms_are_the_same_text(raw in "[가-힣a-z ]{1,200}") {
            let composed = MessageText::parse(&raw.nfc().collect::<String>(), 200);
            let decomposed = MessageText::parse(&raw.nfd().collect::<String>(), 200);
            prop_assert_eq!(composed, decomposed);
        }

        #[test]
        fn folding_is_idempotent(raw in "\\PC{0,60}") {
            let once = fold(&raw);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
