//! Placeholders in what a character says and is told: `{{char}}` is the character, `{{user}}` the
//! person. The names are those of the character cards that people share.

use crate::text::{CharacterName, DisplayName};

/// What a person is called who has not chosen a name. A user name is part of a login, so it is not
/// handed to a model.
const SOMEBODY: &str = "User";

/// What the placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The character's name.
    pub character: &'a CharacterName,
    /// The name that the person wants to be called by.
    pub person: Option<&'a DisplayName>,
}

impl Names<'_> {
    /// Puts the names in place of the placeholders, whatever their case and with or without spaces
    /// inside the braces. What a name itself looks like does not matter: it is not read again.
    #[must_use]
    pub fn fill_in(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let found = after
                .split_once("}}")
                .and_then(|(word, after)| Some((self.name(word)?, after)));
            if let Some((name, after)) = found {
                filled.push_str(name);
                rest = after;
            } else {
                filled.push_str("{{");
                rest = after;
            }
        }
        filled + rest
    }

    /// What a placeholder stands for, if it is one.
    fn name(&self, word: &str) -> Option<&str> {
        let word = word.trim();
        if word.eq_ignore_ascii_case("char") {
            Some(self.character.as_str())
        } else if word.eq_ignore_ascii_case("user") {
            Some(self.person.map_or(SOMEBODY, DisplayName::as_str))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill_in(text: &str, person: Option<&str>) -> String {
        let character = CharacterName::parse("하루").unwrap();
        let person = person.map(|name| DisplayName::parse(name).unwrap());
        let names = Names {
            character: &character,
            person: person.as_ref(),
        };
        names.fill_in(text)
    }

    #[test]
    fn the_names_come_in_place_of_the_placeholders() {
        let text = "{{char}} greets {{user}}. {{ CHAR }}: 안녕, {{User}}!";
        assert_eq!(
            fill_in(text, Some("미나")),
            "하루 greets 미나. 하루: 안녕, 미나!"
        );
        assert_eq!(fill_in("{{user}}?", None), "User?");
    }

    #[test]
    fn what_is_no_placeholder_stays_as_it_is() {
        for text in [
            "{char}",
            "{{other}} {{}} {{",
            "}} {{char",
            "{{char} }",
            "{{ {{x}}",
        ] {
            assert_eq!(fill_in(text, Some("미나")), text);
        }
        assert_eq!(fill_in("{{{{char}}", None), "{{하루");
    }

    #[test]
    fn a_name_that_looks_like_a_placeholder_is_a_name() {
        assert_eq!(fill_in("{{user}}", Some("{{char}}")), "{{char}}");
    }

    proptest! {
        #[test]
        fn a_text_without_braces_is_not_changed(text in "[^{}]{0,60}") {
            prop_assert_eq!(fill_in(&text, None), text);
        }
    }
}
