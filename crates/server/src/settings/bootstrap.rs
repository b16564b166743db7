//! The first administrator, for machines on which no command can be run.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
};

use lionrocket_app::accounts::NewAccount;
use lionrocket_domain::text::{EmailAddress, Password, Username};
use secrecy::ExposeSecret as _;

use super::{Checked, RawSettings, SettingsError, secret_of_file, text};
use crate::one_line;

const USERNAME: &str = "BOOTSTRAP_ADMIN_USERNAME_FILE";
const EMAIL: &str = "BOOTSTRAP_ADMIN_EMAIL_FILE";
const PASSWORD: &str = "BOOTSTRAP_ADMIN_PASSWORD_FILE";

/// The files with the account of the first administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapAdmin {
    username: PathBuf,
    email: PathBuf,
    password: PathBuf,
}

impl BootstrapAdmin {
    /// Reads the files. That is done only when there is no account: afterwards they may be gone.
    ///
    /// # Errors
    /// A file cannot be read, or what it holds is refused.
    pub fn read(&self, password_min_chars: usize) -> Checked<NewAccount> {
        let username = secret_of_file(USERNAME, &self.username)?;
        let email = secret_of_file(EMAIL, &self.email)?;
        let password = one_line::of_file(&self.password).map_err(|error| {
            SettingsError::new(
                PASSWORD,
                format!("names a file that cannot be read ({error})"),
                "give a file that this user can read, with the password in its first line",
            )
        })?;
        Ok(NewAccount {
            username: Username::parse(username.expose_secret())
                .map_err(|error| refused(USERNAME, "user name", &error))?,
            email: EmailAddress::parse(email.expose_secret())
                .map_err(|error| refused(EMAIL, "e-mail address", &error))?,
            password: Password::choose(password.expose_secret(), password_min_chars)
                .map_err(|error| refused(PASSWORD, "password", &error))?,
        })
    }

    /// Says that the password is too weak.
    #[must_use]
    pub fn weak_password(advice: &str) -> SettingsError {
        refused(PASSWORD, "password", &advice)
    }
}

/// Never tells the value itself.
fn refused(variable: &'static str, what: &str, why: &dyn Display) -> SettingsError {
    SettingsError::new(
        variable,
        format!("names a file whose {what} is refused"),
        why.to_string(),
    )
}

impl RawSettings {
    /// The files with the account of the first administrator, if there are any.
    ///
    /// # Errors
    /// One is named and another one is not.
    pub fn bootstrap_admin(&self) -> Checked<Option<BootstrapAdmin>> {
        let files = [
            (USERNAME, &self.bootstrap_admin_username_file),
            (EMAIL, &self.bootstrap_admin_email_file),
            (PASSWORD, &self.bootstrap_admin_password_file),
        ];
        let paths = files.map(|(_, raw)| text(raw.as_deref()).map(Path::new));
        if let [Some(username), Some(email), Some(password)] = paths {
            return Ok(Some(BootstrapAdmin {
                username: username.to_owned(),
                email: email.to_owned(),
                password: password.to_owned(),
            }));
        }
        let named = |wanted| {
            let mut pairs = files.iter().zip(&paths);
            pairs.find_map(|((name, _), path)| (path.is_some() == wanted).then_some(*name))
        };
        match (named(false), named(true)) {
            (Some(missing), Some(present)) => Err(SettingsError::new(
                missing,
                format!("is missing while {present} is set"),
                "name a file in each of the three BOOTSTRAP_ADMIN_…_FILE, or in none",
            )),
            _ => Ok(None),
        }
    }
}
