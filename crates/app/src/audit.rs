//! The record of what administrators do: reading it and checking that nobody changed it.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use jiff::Timestamp;
use lionrocket_domain::{
    audit::{AuditAction, AuditEntry, AuditTarget, SealedEntry},
    ids::{AuditId, UserId},
    page::Page,
};
use lionrocket_ports::{
    StoreError, StoreResult,
    audit::{AuditFilter, AuditLog, AuditSeal, SealCheck},
    runtime::Clock,
};

use crate::admin::{AdminError, Administrator};

/// What is wrong with the first row that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakReason {
    /// The row was changed.
    Changed,
    /// A row before it was taken out, put in or exchanged.
    OutOfOrder,
    /// It was cut off the end, with all that came after it.
    Missing,
}

impl BreakReason {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::OutOfOrder => "out_of_order",
            Self::Missing => "missing",
        }
    }
}

/// The first row at which the log is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditBreak {
    /// The row.
    pub id: AuditId,
    /// What is wrong.
    pub reason: BreakReason,
}

/// What came of checking the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditReport {
    /// How many rows were read.
    pub rows: u64,
    /// How many of them were sealed with a key that is not known here any more: whether they were
    /// changed cannot be said.
    pub unknown_keys: u64,
    /// Where it is broken first.
    pub broken: Option<AuditBreak>,
}

impl AuditReport {
    /// Whether every row was checked and found as it was written.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.broken.is_none() && self.unknown_keys == 0
    }
}

/// Acts of one kind by one person about one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acts {
    /// Who did them; `None` for the operator at the command line and for the service itself.
    pub actor: Option<UserId>,
    /// What was done, see [`AuditAction::as_str`].
    pub action: String,
    /// Whose data they were about.
    pub subject: Option<UserId>,
}

/// What was done in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditSummary {
    /// What came of checking the whole log.
    pub check: AuditReport,
    /// How often what was done.
    pub acts: BTreeMap<Acts, u64>,
    /// Each time that somebody's chats or messages were read, oldest first.
    pub reads: Vec<AuditEntry>,
}

impl AuditSummary {
    fn count(&mut self, entry: AuditEntry) {
        let acts = Acts {
            actor: entry.actor,
            action: entry.action.clone(),
            subject: entry.subject,
        };
        *self.acts.entry(acts).or_default() += 1;
        let action = AuditAction::parse(&entry.action);
        if action.is_some_and(AuditAction::reads_chats) {
            self.reads.push(entry);
        }
    }
}

/// The audit log.
pub struct AuditService {
    log: Arc<dyn AuditLog>,
    seal: Arc<dyn AuditSeal>,
    clock: Arc<dyn Clock>,
}

impl AuditService {
    /// How many rows are checked at a time.
    const CHAIN_PAGE: u32 = 1000;

    /// Puts the service together.
    #[must_use]
    pub const fn new(
        log: Arc<dyn AuditLog>,
        seal: Arc<dyn AuditSeal>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { log, seal, clock }
    }

    /// Lists rows, newest first. That is recorded itself, before anything is read.
    ///
    /// # Errors
    /// [`AdminError::Forbidden`], or the store failed.
    pub async fn list(
        &self,
        by: Administrator,
        filter: AuditFilter,
    ) -> Result<Page<SealedEntry, AuditId>, AdminError> {
        let record =
            by.performer()?
                .record(AuditAction::AuditRead, AuditTarget::Service, filter.subject);
        self.log.record(record, self.clock.now()).await?;
        Ok(self.log.list(filter).await?)
    }

    /// Reads the whole log and checks that every row is as it was written and in its place, and
    /// that none was cut off the end.
    ///
    /// # Errors
    /// The store failed.
    pub async fn verify(&self) -> StoreResult<AuditReport> {
        // Asked first: rows that are written meanwhile only make the log longer.
        let last_given = self.log.last_id().await?;
        let mut walk = Walk::new(&*self.seal);
        while walk.report.broken.is_none() {
            let rows = match self.log.chain(walk.last, Self::CHAIN_PAGE).await {
                Ok(rows) if rows.is_empty() => break,
                Ok(rows) => rows,
                Err(StoreError::Corrupt { key, .. }) => {
                    walk.stop_at_corrupt(&key);
                    break;
                }
                Err(error) => return Err(error),
            };
            walk.take(&rows);
        }
        Ok(walk.end(last_given))
    }

    /// Checks the whole log, and sums up what was done in a time. Rows count as they are now, even
    /// where the log is broken: the check tells what they are worth.
    ///
    /// # Errors
    /// The store failed.
    pub async fn summary(&self, time: Range<Timestamp>) -> StoreResult<AuditSummary> {
        let mut summary = AuditSummary {
            check: self.verify().await?,
            ..AuditSummary::default()
        };
        let mut last = None;
        loop {
            let rows = match self.log.chain(last, Self::CHAIN_PAGE).await {
                // The check has found that row as well.
                Err(StoreError::Corrupt { .. }) => return Ok(summary),
                rows => rows?,
            };
            let Some(end) = rows.last() else {
                return Ok(summary);
            };
            last = Some(end.entry.id);
            let entries = rows.into_iter().map(|row| row.entry);
            entries
                .filter(|entry| time.contains(&entry.created_at))
                .for_each(|entry| summary.count(entry));
        }
    }
}

/// A walk along the chain.
struct Walk<'a> {
    seal: &'a dyn AuditSeal,
    report: AuditReport,
    last: Option<AuditId>,
    hash: [u8; 32],
}

impl<'a> Walk<'a> {
    fn new(seal: &'a dyn AuditSeal) -> Self {
        Self {
            seal,
            report: AuditReport::default(),
            last: None,
            hash: [0; 32],
        }
    }

    /// The id that the next row must have.
    fn next_id(&self) -> AuditId {
        AuditId::from_stored(self.last.map_or(0, AuditId::get) + 1)
    }

    fn stop(&mut self, id: AuditId, reason: BreakReason) {
        self.report.broken = Some(AuditBreak { id, reason });
    }

    /// A row holds what no row of ours ever held. Which one it is stands in the error's key.
    fn stop_at_corrupt(&mut self, key: &str) {
        let id = key
            .parse()
            .map_or_else(|_| self.next_id(), AuditId::from_stored);
        self.stop(id, BreakReason::Changed);
    }

    fn take(&mut self, rows: &[SealedEntry]) {
        for row in rows {
            let id = row.entry.id;
            self.report.rows += 1;
            let in_place = id == self.next_id() && row.previous_hash == self.hash;
            match self.seal.check(row) {
                SealCheck::Broken => return self.stop(id, BreakReason::Changed),
                _ if !in_place => return self.stop(id, BreakReason::OutOfOrder),
                SealCheck::UnknownKey => self.report.unknown_keys += 1,
                SealCheck::Intact => {}
            }
            self.last = Some(id);
            self.hash = row.hash;
        }
    }

    fn end(mut self, last_given: Option<AuditId>) -> AuditReport {
        if self.report.broken.is_none() && last_given > self.last {
            self.stop(self.next_id(), BreakReason::Missing);
        }
        self.report
    }
}
