//! The branches that models are sent.
//!
//! What has been said is never changed and never moves. So a branch that was read a moment ago is
//! remembered, and a turn that goes on from it reads only what came since.

use std::{fmt, sync::Arc};

use diesel::{QueryResult, RunQueryDsl, SqliteConnection};
use lionrocket_domain::chat::{MessageStatus, PastMessage};
use lionrocket_ports::StoreResult;
use lionrocket_sql_model::{
    branch::{BranchUpTo, MessagesUpTo},
    messages::PastMessageRow,
};
use quick_cache::{Weighter, sync::Cache};

use crate::error::DbError;

/// How much memory the branches may take, in bytes.
const MOST_BYTES: u64 = 8 * 1024 * 1024;
/// What a branch and each of its messages take besides the words, roughly.
const FIXED_BYTES: usize = 128;

#[derive(Clone)]
struct ByBytes;

impl Weighter<i64, Arc<[PastMessage]>> for ByBytes {
    fn weight(&self, _: &i64, branch: &Arc<[PastMessage]>) -> u64 {
        let messages = branch
            .iter()
            .map(|message| message.content.len() + FIXED_BYTES);
        (messages.sum::<usize>() + FIXED_BYTES) as u64
    }
}

/// The branch of each chat that was read last.
pub(crate) struct Branches {
    read: Cache<i64, Arc<[PastMessage]>, ByBytes>,
}

impl fmt::Debug for Branches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Branches").finish_non_exhaustive()
    }
}

/// A part of a branch: it ends with a message of a chat, and has so many messages at the most.
#[derive(Clone, Copy)]
pub(crate) struct BranchEnd {
    pub(crate) chat_id: i64,
    pub(crate) last_id: i64,
    pub(crate) limit: usize,
}

impl Branches {
    pub(crate) fn new() -> Self {
        Self {
            read: Cache::with_weighter(256, MOST_BYTES, ByBytes),
        }
    }

    /// The last messages of a branch, oldest first.
    pub(crate) fn read(
        &self,
        connection: &mut SqliteConnection,
        end: BranchEnd,
    ) -> Result<Vec<PastMessage>, DbError> {
        let known = self.read.get(&end.chat_id);
        let longer = known.map(|known| go_on(connection, &known, end));
        let branch = match longer.transpose()?.flatten() {
            Some(branch) => branch,
            None => read(connection, end)?,
        };
        let is_over = |message: &PastMessage| message.status != MessageStatus::Streaming;
        if branch.iter().all(is_over) {
            self.read.insert(end.chat_id, branch.as_slice().into());
        }
        Ok(branch)
    }
}

/// Reads what came after a branch that is known; `None` when that does not lead to the end, or what is
/// known does not go far enough back.
fn go_on(
    connection: &mut SqliteConnection,
    known: &[PastMessage],
    end: BranchEnd,
) -> Result<Option<Vec<PastMessage>>, DbError> {
    let (Some(first), Some(last)) = (known.first(), known.last()) else {
        return Ok(None);
    };
    let newest = newest(connection, end, last.id.get())?;
    let (new, before) = on_branch(newest, end.last_id);
    let missing = end.limit.saturating_sub(new.len());
    let goes_on = before == Some(last.id.get());
    if !goes_on || (known.len() < missing && first.parent_id.is_some()) {
        return Ok(None);
    }
    let kept = known.len().saturating_sub(missing);
    let mut branch = known.get(kept..).unwrap_or_default().to_vec();
    branch.extend(into_domain(new)?);
    Ok(Some(branch))
}

/// Reads a branch.
fn read(connection: &mut SqliteConnection, end: BranchEnd) -> Result<Vec<PastMessage>, DbError> {
    let newest = newest(connection, end, 0)?;
    let read = newest.len();
    let (mut rows, before) = on_branch(newest, end.last_id);
    if let Some(last_id) = before
        && rows.len() < read
    {
        // Other branches took places. The rest is walked.
        let walk = BranchUpTo {
            chat_id: end.chat_id,
            last_id,
            limit: as_limit(end.limit - rows.len()),
        };
        rows.extend(walk.load::<PastMessageRow>(connection)?);
    }
    Ok(into_domain(rows)?)
}

/// The newest messages of all branches after one and up to the end.
fn newest(
    connection: &mut SqliteConnection,
    end: BranchEnd,
    after_id: i64,
) -> QueryResult<Vec<PastMessageRow>> {
    MessagesUpTo {
        chat_id: end.chat_id,
        after_id,
        last_id: end.last_id,
        limit: as_limit(end.limit),
    }
    .load(connection)
}

/// Those of a chat's newest messages that are on the branch up to `last_id`, and the one before them.
fn on_branch(newest: Vec<PastMessageRow>, last_id: i64) -> (Vec<PastMessageRow>, Option<i64>) {
    let mut next = Some(last_id);
    // A message comes after its parent, so one look at each is enough.
    let rows = newest.into_iter().filter(|row| {
        let is_next = Some(row.id) == next;
        if is_next {
            next = row.parent_id;
        }
        is_next
    });
    (rows.collect(), next)
}

fn into_domain(mut rows: Vec<PastMessageRow>) -> StoreResult<Vec<PastMessage>> {
    rows.sort_unstable_by_key(|row| row.depth);
    rows.into_iter().map(PastMessageRow::into_domain).collect()
}

fn as_limit(limit: usize) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}
