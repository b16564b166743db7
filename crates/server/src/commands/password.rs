//! Where the password of a new account comes from: a prompt, standard input or a file.

use std::{
    fs,
    io::{self, BufRead, BufReader, IsTerminal as _},
    path::Path,
};

use secrecy::{ExposeSecret as _, SecretString};

use crate::{Failure, cli::PasswordSource};

/// More than the longest password, so that a wrong file is not read to its end.
const MAX_LINE_BYTES: u64 = 4096;

/// Reads a password from where the command line says, or asks whoever sits at the terminal.
pub(crate) fn read(source: &PasswordSource) -> Result<SecretString, Failure> {
    let unreadable = |error| Failure::because("no password can be read", &error);
    match &source.password_file {
        Some(path) => of_file(path).map_err(|error| {
            Failure::because(
                format!("no password can be read from {}", path.display()),
                &error,
            )
        }),
        None if source.password_stdin => first_line(io::stdin().lock()).map_err(unreadable),
        None if io::stdin().is_terminal() => ask(),
        None => Err(Failure::Usage(
            "there is no terminal to ask for the password at: give --password-stdin or \
             --password-file FILE"
                .to_owned(),
        )),
    }
}

/// The first line of a file.
pub(super) fn of_file(path: &Path) -> io::Result<SecretString> {
    first_line(BufReader::new(fs::File::open(path)?))
}

fn first_line(from: impl BufRead) -> io::Result<SecretString> {
    let mut line = String::new();
    from.take(MAX_LINE_BYTES).read_line(&mut line)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

/// Asks twice, since nobody sees what is typed.
fn ask() -> Result<SecretString, Failure> {
    let prompt = |words| {
        rpassword::prompt_password(words)
            .map(SecretString::from)
            .map_err(|error| Failure::because("no password can be asked for", &error))
    };
    let password = prompt("Password: ")?;
    let again = prompt("The same again: ")?;
    if password.expose_secret() == again.expose_secret() {
        Ok(password)
    } else {
        Err(Failure::Failed(
            "these are two different passwords: begin again".to_owned(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line_with_its_spaces_and_without_its_end() {
        for (input, expected) in [
            ("a b\n", "a b"),
            (" a b \r\nmore", " a b "),
            ("alone", "alone"),
            ("", ""),
        ] {
            let line = first_line(input.as_bytes()).unwrap();
            assert_eq!(line.expose_secret(), expected);
        }
    }
}
