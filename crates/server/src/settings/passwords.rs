//! Which passwords are taken, and how they are kept.

use std::path::PathBuf;

use lionrocket_crypto_adapter::{BreachedPasswords, PasswordRules};
use lionrocket_domain::text::password_limits;

use super::{Checked, RawSettings, SettingsError, number, text};

/// Which passwords are taken, and how they are kept.
#[derive(Clone, Debug)]
pub struct PasswordSettings {
    /// The shortest password, in characters.
    pub min_chars: usize,
    /// A file of leaked passwords, which nobody may choose.
    pub breached: Option<PathBuf>,
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
        Ok(PasswordSettings {
            min_chars: number(
                "PASSWORD_MIN_LENGTH",
                self.password_min_length.as_deref(),
                10,
                (password_limits::FLOOR_CHARS, password_limits::MAX_CHARS),
            )?,
            breached: text(self.breached_passwords_file.as_deref()).map(PathBuf::from),
        })
    }
}
