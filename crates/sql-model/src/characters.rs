//! Characters.

use diesel::{AsChangeset, Insertable, Queryable, Selectable, sqlite::Sqlite};
use lionrocket_domain::{
    character::{Character, CharacterDraft, Visibility},
    ids::{CharacterId, UserId},
    text::{CharacterName, Description, Greeting, SystemPrompt, fold},
};
use lionrocket_ports::StoreResult;

use crate::{convert::corrupt, schema::characters, time::StoredTime};

/// A character.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = characters, check_for_backend(Sqlite))]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct CharacterRow {
    pub id: i64,
    pub name: String,
    pub system_prompt: String,
    pub created_by: Option<i64>,
    pub created_at: StoredTime,
    pub updated_at: StoredTime,
    pub visibility: String,
    pub greeting: String,
    pub description: String,
    pub version: i64,
}

impl CharacterRow {
    /// The character.
    pub fn into_domain(self) -> StoreResult<Character> {
        let visibility =
            Visibility::parse(&self.visibility).ok_or_else(|| corrupt("characters", self.id))?;
        Ok(Character {
            id: CharacterId::from_stored(self.id),
            created_by: self.created_by.map(UserId::from_stored),
            draft: CharacterDraft {
                name: CharacterName::from_stored(self.name),
                system_prompt: SystemPrompt::from_stored(self.system_prompt),
                greeting: Greeting::from_stored(self.greeting),
                description: Description::from_stored(self.description),
                visibility,
            },
            version: self.version,
            created_at: self.created_at.into_domain("characters", self.id)?,
            updated_at: self.updated_at.into_domain("characters", self.id)?,
        })
    }
}

/// What a person wrote about a character, with the folded texts to search in.
#[derive(AsChangeset, Clone, Debug, Insertable)]
#[diesel(table_name = characters)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct CharacterDraftRow {
    pub name: String,
    pub name_folded: String,
    pub system_prompt: String,
    pub greeting: String,
    pub description: String,
    pub description_folded: String,
    pub visibility: &'static str,
}

impl From<CharacterDraft> for CharacterDraftRow {
    fn from(draft: CharacterDraft) -> Self {
        Self {
            name_folded: fold(draft.name.as_str()),
            name: draft.name.into_string(),
            system_prompt: draft.system_prompt.into_string(),
            greeting: draft.greeting.into_string(),
            description_folded: fold(draft.description.as_str()),
            description: draft.description.into_string(),
            visibility: draft.visibility.as_str(),
        }
    }
}

/// A character to be made, of version 1.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = characters, treat_none_as_default_value = false)]
#[expect(missing_docs, reason = "the columns are documented in `schema`")]
pub struct NewCharacterRow {
    #[diesel(embed)]
    pub draft: CharacterDraftRow,
    pub created_by: Option<i64>,
    pub created_at: StoredTime,
    pub updated_at: StoredTime,
    pub is_builtin: bool,
}
