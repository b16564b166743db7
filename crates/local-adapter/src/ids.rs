//! Random ids.

use lionrocket_domain::ids::{SessionId, TurnId};
use lionrocket_ports::runtime::IdGenerator;
use uuid::Uuid;

/// Ids of UUID version 7: a millisecond of time, then 74 bits that nobody can guess.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl RandomIds {
    #[expect(clippy::disallowed_methods, reason = "this is the id generator")]
    fn next() -> Uuid {
        Uuid::now_v7()
    }
}

impl IdGenerator for RandomIds {
    fn turn_id(&self) -> TurnId {
        TurnId::from_uuid(Self::next())
    }

    fn session_id(&self) -> SessionId {
        SessionId::from_uuid(Self::next())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_different_and_sort_by_time() {
        let ids: Vec<TurnId> = (0..1_000).map(|_| RandomIds.turn_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(ids[0].as_uuid().get_version_num(), 7);
        assert_ne!(RandomIds.session_id(), RandomIds.session_id());
    }
}
