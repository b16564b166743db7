//! A secret in the first line of a file or of standard input.

use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::Path,
};

use secrecy::SecretString;

/// More than the longest password, so that a wrong file is not read to its end.
const MAX_BYTES: u64 = 4096;

/// The first line of a file.
pub(crate) fn of_file(path: &Path) -> io::Result<SecretString> {
    first(BufReader::new(fs::File::open(path)?))
}

/// The first line, with its spaces and without its end.
pub(crate) fn first(from: impl BufRead) -> io::Result<SecretString> {
    let mut line = String::new();
    from.take(MAX_BYTES).read_line(&mut line)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_secret_is_one_line_with_its_spaces_and_without_its_end() {
        for (input, expected) in [
            ("a b\n", "a b"),
            (" a b \r\nmore", " a b "),
            ("alone", "alone"),
            ("", ""),
        ] {
            let line = first(input.as_bytes()).unwrap();
            assert_eq!(line.expose_secret(), expected);
        }
    }
}
