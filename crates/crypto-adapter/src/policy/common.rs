//! The passwords that everybody knows, built in.

use std::cmp::Ordering;

/// One a line, folded, sorted by bytes. A page of it is in memory only once it was looked at.
const LIST: &[u8] = include_bytes!("../../data/common-passwords.txt");

/// Whether a folded password is a common one.
pub(super) fn contains(folded: &str) -> bool {
    let wanted = folded.as_bytes();
    let mut rest = LIST;
    while !rest.is_empty() {
        let (before, line, after) = middle_line(rest);
        match line.cmp(wanted) {
            Ordering::Equal => return true,
            Ordering::Less => rest = after,
            Ordering::Greater => rest = before,
        }
    }
    false
}

/// Whole lines: what is before the one in the middle, that one without its end, and what is after it.
fn middle_line(lines: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (first_half, _) = lines.split_at(lines.len() / 2);
    let start = first_half
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let (before, from_line) = lines.split_at(start);
    let end = from_line.iter().position(|byte| *byte == b'\n');
    let (line, after) = from_line.split_at(end.unwrap_or(from_line.len()));
    (before, line, after.get(1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use lionrocket_domain::text::fold;

    use super::*;

    fn lines() -> impl Iterator<Item = &'static str> {
        std::str::from_utf8(LIST).unwrap().lines()
    }

    #[test]
    fn the_list_is_long_folded_and_sorted() {
        assert!(lines().count() >= 100_000);
        let mut last = "";
        for line in lines() {
            assert!(last < line, "{last} {line}");
            assert_eq!(fold(line), line);
            assert!(line.chars().count() >= 8, "{line}");
            last = line;
        }
    }

    #[test]
    fn what_is_in_the_list_is_found_and_nothing_else() {
        let start = Instant::now();
        for line in lines() {
            assert!(contains(line), "{line}");
        }
        let each = start.elapsed() / u32::try_from(lines().count()).unwrap();
        eprintln!("one look-up takes {each:?}");
        for (first, second) in lines().zip(lines().skip(1)).step_by(97) {
            let between = format!("{first}\u{1}");
            assert!(between.as_str() < second && !contains(&between));
        }
        assert!(!contains("") && !contains("~~~~~~~~~~~~~~~~~~~") && !contains("\u{10ffff}"));
    }

    #[test]
    fn korean_words_are_in_it_on_either_setting_of_the_keyboard() {
        for known in [
            "dkssudgktpdy",
            "tkfkdgo1234",
            "qlalfqjsgh",
            "안녕하세요1234",
            "qwertyuiop",
        ] {
            assert!(contains(known), "{known}");
        }
    }
}
