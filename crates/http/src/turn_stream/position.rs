//! The ids of events: places in a turn, `<turn>:<offset>`, followed by `:usage` or `:end` once the
//! text is over.

use std::fmt;

use actix_web::http::header::HeaderName;
use lionrocket_domain::{ids::TurnId, turn::Turn};
use lionrocket_ports::reply_log::TextOffset;

use crate::{
    problem::{Problem, Wrong},
    request::Call,
};

/// What a client has of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    turn_id: TurnId,
    /// The attempt at the turn that was read.
    attempt: u32,
    offset: TextOffset,
    part: Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Text,
    Usage,
    End,
}

impl Position {
    /// After a piece of text.
    pub(super) const fn text(turn_id: TurnId, attempt: u32, offset: TextOffset) -> Self {
        Self {
            turn_id,
            attempt,
            offset,
            part: Part::Text,
        }
    }

    /// After the event `usage`.
    pub(super) const fn after_usage(self) -> Self {
        Self {
            part: Part::Usage,
            ..self
        }
    }

    /// After the last event.
    pub(super) const fn at_end(self) -> Self {
        Self {
            part: Part::End,
            ..self
        }
    }

    /// Whether the text up to here is what the turn has: what an attempt had shown beyond what the
    /// next one found was lost.
    pub(crate) const fn is_known_to(self, turn: &Turn) -> bool {
        self.attempt >= turn.attempts || self.offset <= turn.resumed_from
    }

    /// The place in the text.
    pub(crate) const fn offset(self) -> TextOffset {
        self.offset
    }

    /// Whether nothing is left.
    pub(crate) const fn is_end(self) -> bool {
        matches!(self.part, Part::End)
    }

    pub(super) const fn is_after_usage(self) -> bool {
        matches!(self.part, Part::Usage)
    }

    /// Reads an id; `None` when it is none.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let turn_id = TurnId::parse(parts.next()?)?;
        let attempt: u32 = parts.next()?.parse().ok()?;
        let offset: TextOffset = parts.next()?.parse().ok()?;
        let part = match parts.next() {
            None => Part::Text,
            Some("usage") => Part::Usage,
            Some("end") => Part::End,
            Some(_) => return None,
        };
        let position = Self {
            turn_id,
            attempt,
            offset,
            part,
        };
        // One spelling only: no signs, no leading zeros, nothing behind.
        (position.to_string() == text).then_some(position)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.turn_id, self.attempt, self.offset)?;
        match self.part {
            Part::Text => Ok(()),
            Part::Usage => f.write_str(":usage"),
            Part::End => f.write_str(":end"),
        }
    }
}

impl Call {
    /// The last event that the client has of a turn.
    pub(crate) fn last_event(&self, turn_id: TurnId) -> Result<Option<Position>, Problem> {
        const NAME: HeaderName = HeaderName::from_static("last-event-id");
        let refused = || {
            Problem::invalid_at(
                "Last-Event-ID",
                Wrong::new("invalid_format", "must be the id of an event of this turn"),
            )
        };
        let Some(value) = self.only_header(&NAME).map_err(|()| refused())? else {
            return Ok(None);
        };
        value
            .to_str()
            .ok()
            .and_then(Position::parse)
            .filter(|position| position.turn_id == turn_id)
            .map(Some)
            .ok_or_else(refused)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn an_id_is_read_back_in_its_one_spelling() {
        let turn_id = TurnId::from_uuid(Uuid::from_u128(7));
        for position in [
            Position::text(turn_id, 1, 0),
            Position::text(turn_id, 1, 12).after_usage(),
            Position::text(turn_id, 2, usize::MAX).at_end(),
        ] {
            assert_eq!(Position::parse(&position.to_string()), Some(position));
        }
        for bad in [
            String::new(),
            turn_id.to_string(),
            format!("{turn_id}:"),
            format!("{turn_id}:1"),
            format!("{turn_id}:1:-1"),
            format!("{turn_id}:1:+1"),
            format!("{turn_id}:01:1"),
            format!("{turn_id}:1:01"),
            format!("{turn_id}:1:1:done"),
            format!("{turn_id}:1:1:end:"),
            format!("{turn_id}:1:99999999999999999999999"),
            "1:1".to_owned(),
        ] {
            assert_eq!(Position::parse(&bad), None, "{bad}");
        }
    }
}
