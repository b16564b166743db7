//! Where the password of a new account comes from: a prompt, standard input or a file.

use std::io::{self, IsTerminal as _};

use lionrocket_ports::crypto::Weakness;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{Failure, cli::PasswordSource, one_line};

/// Reads a password from where the command line says, or asks whoever sits at the terminal.
pub(crate) fn read(source: &PasswordSource) -> Result<SecretString, Failure> {
    let unreadable = |error| Failure::because("no password can be read", &error);
    match &source.password_file {
        Some(path) => one_line::of_file(path).map_err(|error| {
            Failure::because(
                format!("no password can be read from {}", path.display()),
                &error,
            )
        }),
        None if source.password_stdin => one_line::first(io::stdin().lock()).map_err(unreadable),
        None if io::stdin().is_terminal() => ask(),
        None => Err(Failure::Usage(
            "there is no terminal to ask for the password at: give --password-stdin or \
             --password-file FILE"
                .to_owned(),
        )),
    }
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

/// What to do about a weak password.
pub(crate) fn advice(weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::TooCommon => {
            "it is among the first that are tried, choose several words that do not belong together"
        }
        Weakness::TooGuessable => {
            "it is soon guessed, make it longer, without rows of keys, repetitions, dates and names"
        }
        Weakness::ContainsName => {
            "it must not contain the user name, the e-mail address or the name of the service"
        }
    }
}
