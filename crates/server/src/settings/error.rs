//! What is wrong with a setting, in one line that says what to do.

use std::fmt;

/// A setting that does not work. Never holds the value of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    variable: &'static str,
    problem: String,
    remedy: String,
}

impl SettingsError {
    /// Says that a variable has a `problem` ("is missing", "is `x`") and how to put it right.
    pub fn new(
        variable: &'static str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            variable,
            problem: problem.into(),
            remedy: remedy.into(),
        }
    }

    /// Says that a variable has a value that is not among the good ones. Not for secrets.
    pub(super) fn value(variable: &'static str, value: &str, remedy: impl Into<String>) -> Self {
        // Escaped, so that the message stays one line.
        let shown = value.escape_debug();
        Self::new(variable, format!("is `{shown}`"), remedy)
    }

    /// The variable.
    #[must_use]
    pub fn variable(&self) -> &'static str {
        self.variable
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.variable, self.problem, self.remedy)
    }
}

impl std::error::Error for SettingsError {}
