//! Characters and common prompts.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{CharacterId, PromptId, UserId},
    text::{CharacterName, Description, Greeting, PromptContent, PromptName, SystemPrompt},
};

/// Who may choose a character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Its owner only.
    #[default]
    Private,
    /// Everybody who is signed in.
    Public,
}

impl Visibility {
    /// The name in storage and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
        }
    }

    /// Reads the name; `None` when it is another one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "private" => Some(Self::Private),
            "public" => Some(Self::Public),
            _ => None,
        }
    }
}

/// What a person writes to make or change a character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharacterDraft {
    /// The name.
    pub name: CharacterName,
    /// What the character is told to be.
    pub system_prompt: SystemPrompt,
    /// The first thing it says; may be empty.
    pub greeting: Greeting,
    /// What it is, for those who choose; may be empty.
    pub description: Description,
    /// Who may choose it.
    pub visibility: Visibility,
}

/// A character that people chat with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Character {
    /// The character's id.
    pub id: CharacterId,
    /// Its maker; `None` for the characters that the service brings along.
    pub created_by: Option<UserId>,
    /// What its maker wrote.
    pub draft: CharacterDraft,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// What an administrator writes to make or change a common prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptDraft {
    /// The name.
    pub name: PromptName,
    /// The text, put before every character's own prompt.
    pub content: PromptContent,
    /// Whether it applies.
    pub is_active: bool,
    /// Its place among the others, smallest first.
    pub position: i32,
}

/// A prompt that applies to every character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonPrompt {
    /// The prompt's id.
    pub id: PromptId,
    /// What the administrator wrote.
    pub draft: PromptDraft,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}
