//! Whether a database can be relied on.

use std::{collections::BTreeMap, fmt};

use diesel::{
    QueryDsl, QueryResult, RunQueryDsl, SqliteConnection,
    result::Error as DieselError,
    sql_types::{BigInt, Text},
};
use lionrocket_sql_model::{
    schema,
    soundness::{
        CountAttemptDifferences, CountLedgerDifferences, CountOldLedgerDifferences,
        CountUnchargedTurns,
    },
    static_query,
};

use crate::migrations;

static_query! {
    /// Reads every page and names the first thing that is wrong; `ok` when nothing is.
    pub(crate) struct QuickCheck {}
    rows (Text,);
    "PRAGMA quick_check(1)"
}

static_query! {
    /// Puts all that is in the write-ahead log into the file and does without it from then on. Fails
    /// while anybody else has the file open.
    pub(crate) struct DoWithoutLog {}
    rows (Text,);
    "PRAGMA journal_mode = DELETE"
}

static_query! {
    /// Counts the rows that refer to a row that is not there.
    struct CountDanglingRows {}
    rows (BigInt,);
    "SELECT count(*) FROM pragma_foreign_key_check"
}

/// The migration that made the account of attempts.
const ATTEMPTS: &str = "20261126000001";
/// The migration that made summaries.
const SUMMARIES: &str = "20261126000003";

/// What a sound database holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// The migrations that made its schema, oldest first.
    pub migrations: Vec<String>,
    /// How many rows the tables have that matter most.
    pub rows: BTreeMap<String, i64>,
}

/// What is wrong with a database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// The file is damaged.
    Damaged(String),
    /// It is not a database of LionRocket.
    Foreign,
    /// It has a migration that this version does not know.
    Newer(String),
    /// So many rows refer to rows that are not there.
    DanglingRows(i64),
    /// The totals of so many days are not the sums of the ledger.
    LedgerDiffers(i64),
    /// So many rows of the ledger are not the sums of their turns' attempts.
    AttemptsDiffer(i64),
    /// So many turns used tokens and have no row in the ledger.
    UnchargedTurns(i64),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(reason) => write!(f, "it is damaged ({reason})"),
            Self::Foreign => f.write_str("it is not a database of LionRocket"),
            Self::Newer(version) => write!(
                f,
                "it was made by a newer version of LionRocket (it has the migration {version}, \
                 which this version does not know)"
            ),
            Self::DanglingRows(count) => write!(f, "{count} rows refer to rows that are gone"),
            Self::LedgerDiffers(count) => write!(
                f,
                "the totals of {count} days are not the sums of the ledger"
            ),
            Self::AttemptsDiffer(count) => write!(
                f,
                "{count} rows of the ledger are not the sums of what upstream was asked"
            ),
            Self::UnchargedTurns(count) => {
                write!(f, "{count} replies used tokens and are not in the ledger")
            }
        }
    }
}

/// Reads a whole database that nobody else uses and says what it holds, or what is wrong with it.
/// Afterwards it is one file.
pub(crate) fn verify(connection: &mut SqliteConnection) -> QueryResult<Result<Contents, Finding>> {
    match find_fault(connection) {
        Ok(Some(finding)) => Ok(Err(finding)),
        Ok(None) => contents(connection).map(Ok),
        Err(error) => match damage(&error) {
            Some(reason) => Ok(Err(Finding::Damaged(reason))),
            None => Err(error),
        },
    }
}

fn find_fault(connection: &mut SqliteConnection) -> QueryResult<Option<Finding>> {
    (DoWithoutLog {}).get_result::<(String,)>(connection)?;
    if let Some(reason) = quick_check(connection)? {
        return Ok(Some(Finding::Damaged(reason)));
    }
    let applied = migrations::applied(connection)?;
    if applied.is_empty() {
        return Ok(Some(Finding::Foreign));
    }
    if let Some(version) = migrations::unknown(&applied) {
        return Ok(Some(Finding::Newer(version)));
    }
    let (dangling,) = (CountDanglingRows {}).get_result(connection)?;
    if dangling > 0 {
        return Ok(Some(Finding::DanglingRows(dangling)));
    }
    // A copy that is made before a migration may be of a time without summaries, or without attempts.
    let has = |migration| applied.iter().any(|version| version == migration);
    let (differences,): (i64,) = if has(SUMMARIES) {
        (CountLedgerDifferences {}).get_result(connection)?
    } else {
        (CountOldLedgerDifferences {}).get_result(connection)?
    };
    if differences > 0 {
        return Ok(Some(Finding::LedgerDiffers(differences)));
    }
    if has(ATTEMPTS) {
        let (differences,) = (CountAttemptDifferences {}).get_result(connection)?;
        if differences > 0 {
            return Ok(Some(Finding::AttemptsDiffer(differences)));
        }
    }
    let (uncharged,) = (CountUnchargedTurns {}).get_result(connection)?;
    Ok((uncharged > 0).then_some(Finding::UnchargedTurns(uncharged)))
}

/// Reads every page. What is wrong with the file, if anything is.
pub(crate) fn quick_check(connection: &mut SqliteConnection) -> QueryResult<Option<String>> {
    let (verdict,): (String,) = (QuickCheck {}).get_result(connection)?;
    // The first line only says which database; there is only one.
    let reason = verdict.lines().last().unwrap_or_default();
    Ok((verdict != "ok").then(|| reason.to_owned()))
}

/// What SQLite says of a file that is damaged, if that is what an error is about.
pub(crate) fn damage(error: &DieselError) -> Option<String> {
    const DAMAGED: [&str; 3] = [
        "database disk image is malformed",
        "file is not a database",
        "malformed database schema",
    ];
    let message = error.to_string();
    let is_damage = DAMAGED.iter().any(|known| message.starts_with(known));
    is_damage.then_some(message)
}

fn contents(connection: &mut SqliteConnection) -> QueryResult<Contents> {
    macro_rules! count {
        ($($table:ident),+) => {
            BTreeMap::from([$((
                stringify!($table).to_owned(),
                schema::$table::table.count().get_result(connection)?,
            )),+])
        };
    }
    Ok(Contents {
        migrations: migrations::applied(connection)?,
        rows: count![
            users,
            sessions,
            characters,
            common_prompts,
            chats,
            messages,
            turns,
            usage_events,
            usage_stats,
            audit_log
        ],
    })
}
