//! Ids as types of their own, so that a chat's id cannot be passed for a user's.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The largest whole number that every JSON reader keeps exactly: 2^53 − 1.
pub const MAX_NUMERIC_ID: i64 = 9_007_199_254_740_991;

macro_rules! numeric_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Takes a number that came from outside; `None` unless it is in 1 … 2^53 − 1.
            #[must_use]
            pub fn parse(value: i64) -> Option<Self> {
                (1..=MAX_NUMERIC_ID).contains(&value).then_some(Self(value))
            }

            /// Takes a number that a store handed out itself.
            #[must_use]
            pub const fn from_stored(value: i64) -> Self {
                Self(value)
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

numeric_id!(
    /// A person's account.
    UserId
);
numeric_id!(
    /// A character that people chat with.
    CharacterId
);
numeric_id!(
    /// A chat of one person with one character.
    ChatId
);
numeric_id!(
    /// One message of a chat.
    MessageId
);
numeric_id!(
    /// A common prompt.
    PromptId
);
numeric_id!(
    /// A link with which people may make an account.
    InviteId
);
numeric_id!(
    /// A row of the audit log.
    AuditId
);

macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps an id that the id generator made.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Reads the hyphenated form; `None` when it is anything else.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                if text.len() != 36 {
                    return None;
                }
                Uuid::parse_str(text).ok().map(Self)
            }

            /// The id as a UUID.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    };
}

random_id!(
    /// One exchange: a user's message and the reply to it.
    TurnId
);
random_id!(
    /// One login.
    SessionId
);
random_id!(
    /// One run of a server process; owner of the turns it works on.
    NodeId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_numeric_id_is_positive_and_exact_in_json() {
        assert_eq!(ChatId::parse(0), None);
        assert_eq!(ChatId::parse(-1), None);
        assert_eq!(ChatId::parse(MAX_NUMERIC_ID + 1), None);
        assert_eq!(
            ChatId::parse(MAX_NUMERIC_ID).map(ChatId::get),
            Some(MAX_NUMERIC_ID)
        );
    }

    #[test]
    fn a_turn_id_has_one_spelling_only() {
        let id = TurnId::from_uuid(Uuid::from_u128(7));
        assert_eq!(TurnId::parse(&id.to_string()), Some(id));
        assert_eq!(TurnId::parse(&id.as_uuid().simple().to_string()), None);
        assert_eq!(TurnId::parse("not-a-turn"), None);
    }
}
