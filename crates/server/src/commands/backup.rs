//! `lionrocket backup` and `lionrocket restore`: work on the file of the database alone.

use std::{collections::BTreeMap, path::Path};

use jiff::{SignedDuration, Timestamp};
use lionrocket_local_adapter::SystemClock;
use lionrocket_ports::{error::Chain, runtime::Clock as _};
use lionrocket_sqlite_adapter::{
    Backup, CopyError, LockError, Restored, back_up, forget_backups, restore as restore_file,
};
use serde_json::json;

use super::print_line;
use crate::{
    Failure,
    cli::{BackUp, Printing, Restore},
    settings::RawSettings,
};

/// Makes a backup, also while the service runs, and removes those that are too old.
pub(crate) fn create(raw: &RawSettings, wanted: &BackUp) -> Result<(), Failure> {
    let database = raw.database()?;
    let now = SystemClock.now();
    let version = env!("CARGO_PKG_VERSION");
    let made = back_up(database.path(), &wanted.output, version, now)
        .map_err(|error| refusal("no backup was made", &error, GO_BACK))?;
    let days = SignedDuration::from_hours(24 * i64::from(wanted.keep_days));
    let before = now.checked_sub(days).unwrap_or(Timestamp::MIN);
    let removed = forget_backups(&wanted.output, before).map_err(|error| {
        let what = format!(
            "the backup {} was made, but those that are too old cannot be removed",
            made.path.display()
        );
        Failure::because(what, &error)
    })?;
    report_backup(&made, removed, wanted.printing)
}

fn report_backup(made: &Backup, removed: usize, printing: Printing) -> Result<(), Failure> {
    let Backup { path, manifest } = made;
    if printing.json {
        let view = json!({
            "path": path,
            "made_at": manifest.made_at,
            "bytes": manifest.bytes,
            "sha256": manifest.sha256,
            "schema_version": manifest.schema_version,
            "rows": manifest.rows,
            "removed": removed,
        });
        return print_line(&view.to_string());
    }
    print_line(&format!(
        "made and checked the backup {} ({}, {} bytes); removed {removed} that were too old",
        path.display(),
        summary(&manifest.rows),
        manifest.bytes
    ))
}

/// Puts a backup in the place of the database, while no service runs.
pub(crate) fn restore(raw: &RawSettings, wanted: &Restore) -> Result<(), Failure> {
    let database = raw.database()?;
    let restored = restore_file(database.path(), &wanted.input, SystemClock.now())
        .map_err(|error| refusal("nothing was restored", &error, OLDER))?;
    report_restored(&restored, database.path(), wanted.printing)
}

fn report_restored(
    restored: &Restored,
    database: &Path,
    printing: Printing,
) -> Result<(), Failure> {
    let Restored {
        from,
        manifest,
        contents,
        former,
    } = restored;
    if printing.json {
        let view = json!({
            "database": database,
            "from": from,
            "made_at": manifest.as_ref().map(|manifest| manifest.made_at),
            "rows": contents.rows,
            "former": former,
        });
        return print_line(&view.to_string());
    }
    let made = match manifest {
        Some(manifest) => format!("made at {}", manifest.made_at),
        None => "without a manifest, so only what is in it was checked".to_owned(),
    };
    print_line(&format!(
        "{} is what {} was ({made}; {})",
        database.display(),
        from.display(),
        summary(&contents.rows)
    ))?;
    if let Some(former) = former {
        print_line(&format!(
            "the former database is kept as {}: remove it once all is well, it holds what people \
             wrote",
            former.display()
        ))?;
    }
    print_line("now start the service: lionrocket serve")
}

fn summary(rows: &BTreeMap<String, i64>) -> String {
    let count = |table: &str| rows.get(table).copied().unwrap_or(0);
    format!(
        "{} accounts, {} chats, {} messages",
        count("users"),
        count("chats"),
        count("messages")
    )
}

/// What to do when the database cannot be relied on.
const GO_BACK: &str = ": go back to an earlier backup with `lionrocket restore --input DIRECTORY`";
/// What to do when a backup cannot be relied on.
const OLDER: &str = ": name an older backup with `--input FILE`";

fn refusal(what: &str, error: &CopyError, instead: &'static str) -> Failure {
    let advice = match error {
        CopyError::Unsound { .. } => instead,
        CopyError::Lock(LockError::AlreadyServed { .. }) => {
            return Failure::Failed(format!(
                "{what}: a service works with this database, stop it first and then try again"
            ));
        }
        CopyError::Open(_) => ": see DATABASE_URL",
        _ => "",
    };
    Failure::Failed(format!("{what}: {}{advice}", Chain(error)))
}
