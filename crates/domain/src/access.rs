//! Who may do what.

use crate::{
    character::{Character, Visibility},
    ids::{SessionId, UserId},
};

/// The person who asks, as the database knows them at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The person.
    pub user_id: UserId,
    /// The login by which they come.
    pub session_id: SessionId,
    /// Whether they administer the service.
    pub is_admin: bool,
}

/// The answer to "may this person do that?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allowed,
    /// No, and they may know that the thing exists.
    Forbidden,
    /// No, and they may not even know that the thing exists.
    Hidden,
}

/// What can be done with a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CharacterAct {
    /// See it and chat with it.
    Use,
    /// See its system prompt.
    ReadPrompt,
    /// Change or delete it.
    Change,
}

/// Decides what a person may do with a character: everything with their own, everything as an
/// administrator, and nothing but use it when it is somebody else's and public.
#[must_use]
pub fn character(actor: &Actor, act: CharacterAct, character: &Character) -> Decision {
    if actor.is_admin || character.created_by == Some(actor.user_id) {
        return Decision::Allowed;
    }
    match (character.draft.visibility, act) {
        (Visibility::Public, CharacterAct::Use) => Decision::Allowed,
        (Visibility::Public, _) => Decision::Forbidden,
        (Visibility::Private, _) => Decision::Hidden,
    }
}

/// Decides whether a person may read the text of common prompts and change them.
#[must_use]
pub fn common_prompts(actor: &Actor) -> Decision {
    if actor.is_admin {
        Decision::Allowed
    } else {
        Decision::Forbidden
    }
}

/// Decides whether a person may look after the service: its accounts, its records and its log.
#[must_use]
pub fn administration(actor: &Actor) -> Decision {
    if actor.is_admin {
        Decision::Allowed
    } else {
        Decision::Forbidden
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use uuid::Uuid;

    use super::*;
    use crate::{
        character::CharacterDraft,
        ids::CharacterId,
        text::{CharacterName, Description, Greeting, SystemPrompt},
    };

    fn actor(id: i64, is_admin: bool) -> Actor {
        Actor {
            user_id: UserId::from_stored(id),
            session_id: SessionId::from_uuid(Uuid::nil()),
            is_admin,
        }
    }

    fn made_by(owner: Option<i64>, visibility: Visibility) -> Character {
        Character {
            id: CharacterId::from_stored(1),
            created_by: owner.map(UserId::from_stored),
            draft: CharacterDraft {
                name: CharacterName::parse("하루").unwrap(),
                system_prompt: SystemPrompt::parse("등대지기").unwrap(),
                greeting: Greeting::parse("").unwrap(),
                description: Description::parse("").unwrap(),
                visibility,
            },
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_stranger_does_not_learn_that_a_private_character_exists() {
        let private = made_by(Some(1), Visibility::Private);
        for act in [
            CharacterAct::Use,
            CharacterAct::ReadPrompt,
            CharacterAct::Change,
        ] {
            assert_eq!(character(&actor(2, false), act, &private), Decision::Hidden);
            assert_eq!(
                character(&actor(1, false), act, &private),
                Decision::Allowed
            );
            assert_eq!(character(&actor(3, true), act, &private), Decision::Allowed);
        }
    }

    #[test]
    fn a_public_character_can_be_used_but_neither_read_nor_changed_by_others() {
        for public in [
            made_by(Some(1), Visibility::Public),
            made_by(None, Visibility::Public),
        ] {
            assert_eq!(
                character(&actor(2, false), CharacterAct::Use, &public),
                Decision::Allowed
            );
            assert_eq!(
                character(&actor(2, false), CharacterAct::ReadPrompt, &public),
                Decision::Forbidden
            );
            assert_eq!(
                character(&actor(2, false), CharacterAct::Change, &public),
                Decision::Forbidden
            );
        }
    }
}
