//! Places in lists, as texts that mean nothing to clients.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use lionrocket_domain::ids::{AuditId, CharacterId, ChatId, InviteId, UserId};
use lionrocket_ports::chats::ChatCursor;

use super::{Call, Json, whole_id};
use crate::problem::Wrong;

/// The longest cursor, in characters.
const MAX_CURSOR_CHARS: usize = 80;

/// Writes the place in a list of characters.
pub(crate) fn from_character(id: CharacterId) -> String {
    URL_SAFE_NO_PAD.encode(format!("character:{id}"))
}

/// Reads the place in a list of characters.
pub(crate) fn to_character(value: Json) -> Result<CharacterId, Wrong> {
    read(value, |text| {
        text.strip_prefix("character:")
            .and_then(whole_id)
            .and_then(CharacterId::parse)
    })
}

/// Writes the place in a list of accounts.
pub(crate) fn from_user(id: UserId) -> String {
    URL_SAFE_NO_PAD.encode(format!("user:{id}"))
}

/// Reads the place in a list of accounts.
pub(crate) fn to_user(value: Json) -> Result<UserId, Wrong> {
    read(value, |text| {
        text.strip_prefix("user:")
            .and_then(whole_id)
            .and_then(UserId::parse)
    })
}

/// Writes the place in a list of invites.
pub(crate) fn from_invite(id: InviteId) -> String {
    URL_SAFE_NO_PAD.encode(format!("invite:{id}"))
}

/// Reads the place in a list of invites.
pub(crate) fn to_invite(value: Json) -> Result<InviteId, Wrong> {
    read(value, |text| {
        text.strip_prefix("invite:")
            .and_then(whole_id)
            .and_then(InviteId::parse)
    })
}

/// Writes the place in the audit log.
pub(crate) fn from_audit(id: AuditId) -> String {
    URL_SAFE_NO_PAD.encode(format!("audit:{id}"))
}

/// Reads the place in the audit log.
pub(crate) fn to_audit(value: Json) -> Result<AuditId, Wrong> {
    read(value, |text| {
        text.strip_prefix("audit:")
            .and_then(whole_id)
            .and_then(AuditId::parse)
    })
}

/// Writes the place in a list of chats.
pub(crate) fn from_chat(cursor: ChatCursor) -> String {
    let moment = cursor.last_message_at.as_microsecond();
    URL_SAFE_NO_PAD.encode(format!("chat:{moment}:{}", cursor.id))
}

/// Reads the place in a list of chats.
pub(crate) fn to_chat(value: Json) -> Result<ChatCursor, Wrong> {
    read(value, |text| {
        let (moment, id) = text.strip_prefix("chat:")?.split_once(':')?;
        Some(ChatCursor {
            last_message_at: Timestamp::from_microsecond(moment.parse().ok()?).ok()?,
            id: whole_id(id).and_then(ChatId::parse)?,
        })
    })
}

impl Call {
    /// Seals a place: it leads on in this list, for the person who asks, and nowhere else.
    pub(crate) fn seal_cursor(&self, place: &str) -> String {
        let seal = self.state().cursors.seal(&self.list_name(), place);
        format!("{place}.{}", URL_SAFE_NO_PAD.encode(seal))
    }

    /// Takes the seal off a place. `None` when it is not from here, or for another list or person.
    pub(super) fn open_cursor(&self, cursor: &str) -> Option<String> {
        let (place, seal) = cursor.split_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?.try_into().ok()?;
        let seals = &self.state().cursors;
        seals
            .is_sealed(&self.list_name(), place, &seal)
            .then(|| place.to_owned())
    }

    fn list_name(&self) -> String {
        let user = self.facts().and_then(|facts| facts.user_id());
        let user = user.map(|id| id.to_string()).unwrap_or_default();
        format!("{user}:{}", self.request.match_info().as_str())
    }
}

fn read<T>(value: Json, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Wrong> {
    let cursor = value.into_text()?;
    let decode = || {
        let bytes = URL_SAFE_NO_PAD.decode(&cursor).ok()?;
        parse(std::str::from_utf8(&bytes).ok()?)
    };
    (cursor.len() <= MAX_CURSOR_CHARS)
        .then(decode)
        .flatten()
        .ok_or(Wrong::new(
            "invalid_format",
            "must be the `next_cursor` of an earlier page",
        ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place_and_nothing_else_does() {
        let chat = ChatCursor {
            last_message_at: Timestamp::from_microsecond(1_795_000_000_123_456).unwrap(),
            id: ChatId::from_stored(42),
        };
        let written = from_chat(chat);
        assert_eq!(to_chat(Json::Text(written.clone())).unwrap(), chat);
        assert!(to_character(Json::Text(written.clone())).is_err());
        for bad in ["", "=", "a b", &format!("{written}x"), &"A".repeat(200)] {
            assert!(to_chat(Json::Text((*bad).to_owned())).is_err(), "{bad}");
        }
    }
}
