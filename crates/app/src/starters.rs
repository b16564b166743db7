//! The characters that the service brings along.

use lionrocket_domain::character::CharacterDraft;

/// The characters of a new installation.
#[must_use]
pub fn drafts() -> Vec<CharacterDraft> {
    Vec::new()
}
