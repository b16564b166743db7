//! Which passwords are taken, and how they are kept.

use std::path::PathBuf;

use lionrocket_crypto_adapter::{BreachedPasswords, PasswordRules, SigningSecret};
use lionrocket_domain::text::password_limits;

use secrecy::ExposeSecret as _;

use super::{
    Checked, RawSettings, SettingsError, number, secret_or_file, signing_secret, signing_secrets,
    text,
};

/// Which passwords are taken, and how they are kept.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// The shortest password, in characters.
    pub min_chars: usize,
    /// A file of leaked passwords, which nobody may choose.
    pub breached: Option<PathBuf>,
    /// A secret that is part of every new hash.
    pub pepper: Option<SigningSecret>,
    /// Former peppers that still verify.
    pub former_peppers: Vec<SigningSecret>,
}

impl PasswordSettings {
    /// The rules for passwords that people choose.
    ///
    /// # Errors
    /// The file of leaked passwords cannot be used.
    pub fn rules(&self) -> Checked<PasswordRules> {
        let breached = self.breached.as_deref().map(|path| {
            BreachedPasswords::open(path).map_err(|error| {
                SettingsError::new(
                    "BREACHED_PASSWORDS_FILE",
                    format!("names a file that cannot be used ({error})"),
                    "give a file of sorted lines SHA-1:count, or leave it empty",
                )
            })
        });
        Ok(PasswordRules::new(breached.transpose()?))
    }
}

impl RawSettings {
    /// Which passwords are taken, and how they are kept.
    ///
    /// # Errors
    /// The shortest password is below the floor or above the longest one.
    pub fn passwords(&self) -> Checked<PasswordSettings> {
        let pepper = secret_or_file(
            ("PASSWORD_PEPPER", self.password_pepper.as_ref()),
            ("PASSWORD_PEPPER_FILE", self.password_pepper_file.as_deref()),
        )?;
        let pepper = pepper.map(|one| signing_secret("PASSWORD_PEPPER", one.expose_secret()));
        let pepper = pepper.transpose()?;
        let former = self.password_pepper_previous.as_ref();
        let former_peppers = signing_secrets("PASSWORD_PEPPER_PREVIOUS", former)?;
        if pepper.is_none() && !former_peppers.is_empty() {
            return Err(SettingsError::new(
                "PASSWORD_PEPPER",
                "is missing while PASSWORD_PEPPER_PREVIOUS is set",
                "set the pepper of new passwords (`lionrocket secret generate` makes one)",
            ));
        }
        Ok(PasswordSettings {
            min_chars: number(
                "PASSWORD_MIN_LENGTH",
                self.password_min_length.as_deref(),
                10,
                (password_limits::FLOOR_CHARS, password_limits::MAX_CHARS),
            )?,
            pepper,
            former_peppers,
            breached: text(self.breached_passwords_file.as_deref()).map(PathBuf::from),
        })
    }
}
