//! What the worlds have in common.

use anyhow::Result;
use lionrocket_domain::{
    character::{CharacterDraft, Visibility},
    text::{CharacterName, Description, Greeting, SystemPrompt},
};

/// A character that everybody may talk to.
pub(crate) fn character() -> Result<CharacterDraft> {
    Ok(CharacterDraft {
        name: CharacterName::parse("하루")?,
        system_prompt: SystemPrompt::parse("You keep a lighthouse.")?,
        greeting: Greeting::parse("오늘 바다는 어때요?")?,
        description: Description::parse("등대지기")?,
        visibility: Visibility::Public,
    })
}
