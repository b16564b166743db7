//! How a command ends when it does not end well.

use std::{error::Error, fmt};

use lionrocket_ports::error::Chain;

use crate::settings::SettingsError;

/// Why a command did not do what it was asked, in one line that says what to do.
#[derive(Debug)]
pub enum Failure {
    /// A setting does not work: exit code 78 (`EX_CONFIG`).
    Configuration(String),
    /// The command was used wrongly: exit code 2, as for flags that are not known.
    Usage(String),
    /// The disk or the database cannot be relied on: exit code 74 (`EX_IOERR`).
    Storage(String),
    /// Anything else: exit code 1.
    Failed(String),
}

impl Failure {
    /// A failure with its causes.
    pub fn because(what: impl fmt::Display, cause: &dyn Error) -> Self {
        Self::Failed(format!("{what}: {}", Chain(cause)))
    }

    /// The code that the process ends with.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Configuration(_) => 78,
            Self::Usage(_) => 2,
            Self::Storage(_) => 74,
            Self::Failed(_) => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Configuration(line)
        | Self::Usage(line)
        | Self::Storage(line)
        | Self::Failed(line)) = self;
        // Causes come from libraries and may have several lines.
        f.write_str(&line.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Configuration(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_one_line_whatever_its_cause_says() {
        let cause = std::io::Error::other("first\n  second");
        let failure = Failure::because("it broke", &cause);
        assert_eq!(failure.to_string(), "it broke: first second");
        assert_eq!(failure.exit_code(), 1);
    }
}
