//! Characters.

use jiff::Timestamp;
use lionrocket_domain::{
    access::{self, Actor, CharacterAct, Decision},
    character::{self, Character, CharacterDraft},
    text::{CharacterName, Description, Greeting, SystemPrompt},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::list_view;
use crate::{
    ServiceInfo,
    request::{Fields, RequestBody, choice, text},
};

/// Who may choose a character.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Visibility {
    /// Its owner only.
    Private,
    /// Everybody who is signed in.
    Public,
}

impl From<character::Visibility> for Visibility {
    fn from(visibility: character::Visibility) -> Self {
        match visibility {
            character::Visibility::Private => Self::Private,
            character::Visibility::Public => Self::Public,
        }
    }
}

/// A character, as the person who asks may see it.
#[derive(Serialize, ToSchema)]
pub(crate) struct CharacterView {
    /// The character's id.
    #[schema(minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub(crate) id: i64,
    /// The name.
    #[schema(examples("하루"))]
    name: String,
    /// What it is, for those who choose; may be empty.
    description: String,
    /// The first thing it says in a new chat; may be empty.
    greeting: String,
    /// Who may choose it.
    visibility: Visibility,
    /// Whether the person who asks made it.
    is_mine: bool,
    /// Whether the service brought it along.
    is_system: bool,
    /// What the character is told to be; for its maker and administrators only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    system_prompt: Option<String>,
    /// Counts the changes, from 1.
    #[schema(minimum = 1)]
    pub(crate) version: i64,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was changed last.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl CharacterView {
    /// Shows a character to a person.
    pub(crate) fn new(actor: &Actor, character: Character) -> Self {
        let may_read = access::character(actor, CharacterAct::ReadPrompt, &character);
        let draft = character.draft;
        let prompt = draft.system_prompt.into_string();
        Self {
            id: character.id.get(),
            name: draft.name.into_string(),
            description: draft.description.into_string(),
            greeting: draft.greeting.into_string(),
            visibility: draft.visibility.into(),
            is_mine: character.created_by == Some(actor.user_id),
            is_system: character.created_by.is_none(),
            system_prompt: (may_read == Decision::Allowed).then_some(prompt),
            version: character.version,
            created_at: character.created_at,
            updated_at: character.updated_at,
        }
    }
}

list_view!(
    /// A page of characters, newest first.
    CharacterList, CharacterView
);

/// What a person writes to make or change a character.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CharacterBody {
    /// The name; one line.
    #[schema(value_type = String, min_length = 1, max_length = 80, examples("하루"))]
    name: CharacterName,
    /// What the character is told to be.
    #[schema(value_type = String, min_length = 1, max_length = 8000, examples("You keep a lighthouse and speak in short, warm sentences."))]
    system_prompt: SystemPrompt,
    /// The first thing it says in a new chat; nothing when it is left out.
    #[schema(value_type = Option<String>, nullable = false, max_length = 2000, examples("오늘 바다는 어때요?"))]
    greeting: Option<Greeting>,
    /// What it is, for those who choose; nothing when it is left out.
    #[schema(value_type = Option<String>, nullable = false, max_length = 500, examples("A lighthouse keeper"))]
    description: Option<Description>,
    /// Who may choose it; `private` when it is left out.
    #[schema(value_type = Visibility, required = false)]
    visibility: Option<character::Visibility>,
}

impl RequestBody for CharacterBody {
    /// A prompt of 8,000 Hangul syllables alone is 24,000 bytes.
    const MAX_BYTES: usize = 64 * 1024;

    fn read(fields: &mut Fields, _: &ServiceInfo) -> Option<Self> {
        let name = fields.required("name", text(CharacterName::parse));
        let system_prompt = fields.required("system_prompt", text(SystemPrompt::parse));
        let greeting = fields.optional("greeting", text(Greeting::parse));
        let description = fields.optional("description", text(Description::parse));
        let visibility = fields.optional(
            "visibility",
            choice(
                character::Visibility::parse,
                "must be \"private\" or \"public\"",
            ),
        );
        Some(Self {
            name: name?,
            system_prompt: system_prompt?,
            greeting: greeting?,
            description: description?,
            visibility: visibility?,
        })
    }
}

impl From<CharacterBody> for CharacterDraft {
    fn from(body: CharacterBody) -> Self {
        Self {
            name: body.name,
            system_prompt: body.system_prompt,
            greeting: body
                .greeting
                .unwrap_or_else(|| Greeting::from_stored(String::new())),
            description: body
                .description
                .unwrap_or_else(|| Description::from_stored(String::new())),
            visibility: body.visibility.unwrap_or_default(),
        }
    }
}
