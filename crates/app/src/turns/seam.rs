//! Joins the rest of a reply to its beginning. Pure: no waiting, no clock.
//!
//! A model that is asked to go on sometimes says the last words once more. What it repeats is left
//! out: the longest end of the beginning with which the rest begins.

/// A shorter repetition may be meant.
const SHORTEST_REPETITION: usize = 8;

/// Looks at the first words of a rest and lets everything else through.
#[derive(Debug)]
pub(super) enum Seam {
    /// Words are held back while they may still turn out to be a repetition.
    Looking { beginning: String, held: String },
    /// Everything goes through.
    Closed,
}

impl Seam {
    /// A seam after such a beginning.
    pub(super) fn after(beginning: &str) -> Self {
        if beginning.trim().is_empty() {
            return Self::Closed;
        }
        Self::Looking {
            beginning: beginning.to_owned(),
            held: String::new(),
        }
    }

    /// Takes the next words in and answers those that can be shown now.
    pub(super) fn take(&mut self, words: String) -> String {
        let Self::Looking { beginning, held } = self else {
            return words;
        };
        held.push_str(&words);
        if may_go_on_repeating(beginning, held) {
            return String::new();
        }
        self.close()
    }

    /// Gives what is held back without a repetition: nothing more comes.
    pub(super) fn close(&mut self) -> String {
        match std::mem::replace(self, Self::Closed) {
            Self::Looking { beginning, held } => {
                let repeated = repetition(&beginning, &held);
                held.get(repeated..).unwrap_or_default().to_owned()
            }
            Self::Closed => String::new(),
        }
    }
}

/// The ends of a text, longest first.
fn ends(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().filter_map(|(at, _)| text.get(at..))
}

/// Whether all that was said is part of a repetition that is not yet complete.
fn may_go_on_repeating(beginning: &str, held: &str) -> bool {
    ends(beginning).any(|end| end.len() > held.len() && end.starts_with(held))
}

/// How many bytes of the words only repeat the end of the beginning.
fn repetition(beginning: &str, held: &str) -> usize {
    ends(beginning)
        .find(|end| held.starts_with(end) && end.chars().count() >= SHORTEST_REPETITION)
        .map_or(0, str::len)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(beginning: &str, pieces: &[&str]) -> String {
        let mut seam = Seam::after(beginning);
        let mut text = beginning.to_owned();
        for piece in pieces {
            text.push_str(&seam.take((*piece).to_owned()));
        }
        text.push_str(&seam.close());
        text
    }

    #[test]
    fn a_rest_is_joined_as_it_is() {
        assert_eq!(
            join("Good eve", &["ning", ", traveller."]),
            "Good evening, traveller."
        );
        assert_eq!(join("등대에 온 걸 ", &["환영해!"]), "등대에 온 걸 환영해!");
        assert_eq!(join("", &["Hello"]), "Hello");
    }

    #[test]
    fn what_is_said_twice_is_shown_once() {
        let whole = "The lamp burns all night long.";
        assert_eq!(
            join("The lamp burns all", &["burns all", " night long."]),
            whole
        );
        assert_eq!(
            join(
                "The lamp burns all",
                &["The lamp ", "burns all night long."]
            ),
            whole
        );
        assert_eq!(
            join("등대의 불빛은 밤새도록", &["불빛은 밤새도록 켜져 있어."]),
            "등대의 불빛은 밤새도록 켜져 있어."
        );
    }

    #[test]
    fn a_short_word_that_comes_twice_may_be_meant() {
        assert_eq!(join("ha ha", &[" ha!"]), "ha ha ha!");
        assert_eq!(join("아주 ", &["아주 좋아"]), "아주 아주 좋아");
    }

    #[test]
    fn the_first_words_are_shown_as_soon_as_they_are_no_repetition() {
        let mut seam = Seam::after("The lamp burns");
        assert_eq!(seam.take(" all".to_owned()), " all");
        let mut seam = Seam::after("The lamp burns");
        assert_eq!(seam.take("lamp ".to_owned()), "");
        assert_eq!(seam.take("burns".to_owned()), "");
        assert_eq!(seam.take(" all".to_owned()), " all");
    }

    proptest! {
        #[test]
        fn a_repetition_is_left_out_however_the_rest_is_cut_into_pieces(
            beginning in "[a-d가-라 ]{8,40}", rest in "[x-z]{1,20}", repeated in 8_usize..40, cut in 1_usize..5,
        ) {
            let count = beginning.chars().count();
            prop_assume!(!beginning.trim().is_empty());
            let end: String = beginning.chars().skip(count.saturating_sub(repeated)).collect();
            let said = format!("{end}{rest}");
            let pieces: Vec<String> = said
                .chars()
                .collect::<Vec<_>>()
                .chunks(cut)
                .map(|piece| piece.iter().collect())
                .collect();
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            prop_assert_eq!(join(&beginning, &pieces), format!("{beginning}{rest}"));
        }
    }
}
