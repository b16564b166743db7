//! Search in folded text.

use lionrocket_domain::text::fold;

/// A `LIKE` pattern (with `ESCAPE '\'`) for folded texts that contain what a person typed, taken
/// literally.
#[must_use]
pub fn contains_pattern(typed: &str) -> String {
    let folded = fold(typed.trim());
    let mut pattern = String::with_capacity(folded.len() + 2);
    pattern.push('%');
    for c in folded.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_typed_is_taken_literally() {
        assert_eq!(contains_pattern(" 100%_\\A "), r"%100\%\_\\a%");
    }
}
