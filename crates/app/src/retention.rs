//! Forgetting, again and again: accounts whose time of grace is over, and what has been kept long
//! enough.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use lionrocket_domain::{
    account::User,
    calendar::StatsZone,
    ids::{TurnId, UserId},
};
use lionrocket_ports::{
    StoreError,
    error::Chain,
    retention::{EraseOutcome, ErasePiece, RetentionStore, Stretch},
    runtime::Clock,
};

/// How long it is kept where somebody signed in, and that they did.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long a client may repeat a request by its key.
const KEYS_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How many rows one transaction deals with: few enough that nobody waits for it.
const ROWS_AT_ONCE: u32 = 500;
/// How many accounts are erased in one go; the next one takes the rest.
const ACCOUNTS_AT_ONCE: u32 = 1000;

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Accounts that were erased.
    pub erased: usize,
    /// Accounts that could not be erased. They are tried again the next time.
    pub failed: usize,
    /// Whether nothing of it is left in any file.
    pub is_traceless: bool,
}

/// Forgets what must not be kept.
pub struct RetentionService {
    store: Arc<dyn RetentionStore>,
    clock: Arc<dyn Clock>,
    zone: StatsZone,
    /// Turns up to here have no keys any more.
    without_keys: Mutex<Option<TurnId>>,
}

impl RetentionService {
    /// Puts the service together. The zone decides on which day an account is erased.
    #[must_use]
    pub const fn new(
        store: Arc<dyn RetentionStore>,
        clock: Arc<dyn Clock>,
        zone: StatsZone,
    ) -> Self {
        Self {
            store,
            clock,
            zone,
            without_keys: Mutex::new(None),
        }
    }

    /// Forgets everything that is due. To be called every now and then, and not twice at once.
    ///
    /// # Errors
    /// The store failed; what was forgotten until then stays forgotten.
    pub async fn forget(&self) -> Result<Forgotten, StoreError> {
        let now = self.clock.now();
        let (erased, failed) = self.erase_accounts(now).await?;
        self.forget_sessions(earlier(now, SESSIONS_KEPT)).await?;
        self.forget_keys(earlier(now, KEYS_KEPT)).await?;
        self.store.forget_resets(now).await?;
        Ok(Forgotten {
            erased,
            failed,
            is_traceless: self.store.clear_traces().await?,
        })
    }

    /// Erases the accounts whose time of grace is over. One that cannot be erased holds up no other.
    async fn erase_accounts(&self, now: Timestamp) -> Result<(usize, usize), StoreError> {
        let asked_by = earlier(now, User::DELETION_GRACE);
        let (mut erased, mut failed) = (0, 0);
        for id in self.store.to_erase(asked_by, ACCOUNTS_AT_ONCE).await? {
            match self.erase(id, asked_by, now).await {
                Ok(true) => erased += 1,
                Ok(false) => {}
                Err(error) => {
                    failed += 1;
                    tracing::error!(user_id = %id, error = %Chain(&error), "an account was not erased");
                }
            }
        }
        Ok((erased, failed))
    }

    /// Erases an account, unless its deletion is taken back meanwhile.
    async fn erase(
        &self,
        user_id: UserId,
        asked_by: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let piece = ErasePiece {
            user_id,
            asked_by,
            rows: ROWS_AT_ONCE,
            now,
            today: self.zone.day_of(now),
        };
        loop {
            match self.store.erase(piece).await? {
                EraseOutcome::More => {}
                EraseOutcome::Erased => return Ok(true),
                EraseOutcome::Kept => return Ok(false),
            }
        }
    }

    async fn forget_sessions(&self, until: Timestamp) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let walked = self.store.forget_sessions(stretch(after), until).await?;
            if !walked.is_more {
                return Ok(());
            }
            after = walked.last;
        }
    }

    /// Goes on where the last call ended, so that only the first one sees every turn.
    async fn forget_keys(&self, until: Timestamp) -> Result<(), StoreError> {
        loop {
            let after = *self.place();
            let walked = self.store.forget_keys(stretch(after), until).await?;
            if walked.last.is_some() {
                *self.place() = walked.last;
            }
            if !walked.is_more {
                return Ok(());
            }
        }
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<TurnId>> {
        self.without_keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

const fn stretch<I>(after: Option<I>) -> Stretch<I> {
    Stretch {
        after,
        rows: ROWS_AT_ONCE,
    }
}

/// A moment before `end`; the beginning of time at the earliest.
fn earlier(end: Timestamp, duration: SignedDuration) -> Timestamp {
    end.saturating_sub(duration).unwrap_or(Timestamp::MIN)
}
