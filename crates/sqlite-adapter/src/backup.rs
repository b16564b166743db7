//! Backups: whole, checked and durable, or not there at all.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use diesel::{RunQueryDsl, SqliteConnection, result::Error as DieselError, sql_types::Text};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use lionrocket_sql_model::static_query;

use crate::{
    error::{CopyError, is_full},
    files::{self, Partial},
    manifest::Manifest,
    open::Connector,
    verify::{Contents, Finding, damage, verify},
};

const PREFIX: &str = "lionrocket-";
const SUFFIX: &str = ".db";
const MOMENT: &str = "%Y%m%dT%H%M%S%.3fZ";

static_query! {
    /// Writes the whole database into a new file, as it is at one moment, without what was deleted.
    struct VacuumInto<'a> {
        /// The file.
        path: Text = &'a str,
    }
    rows ();
    "VACUUM INTO " path
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// What was written down of it.
    pub manifest: Manifest,
}

/// Copies a database into a directory, also while a service works with it. The copy has a name of its
/// own with the time in it, and is there only once it is checked and durable. Blocks while it does.
///
/// # Errors
/// Nothing was left behind, and other backups are as they were.
pub fn back_up(
    database: &Path,
    directory: &Path,
    version: &str,
    now: Timestamp,
) -> Result<Backup, CopyError> {
    let connector = Connector::existing(database)?;
    files::make_directory(directory).map_err(|source| CopyError::file(directory, source))?;
    let in_directory = |source| CopyError::file(directory, source);
    files::remove_abandoned(directory).map_err(in_directory)?;
    let path = directory.join(format!("{PREFIX}{}{SUFFIX}", moment(now)));
    if path.exists() {
        return Err(CopyError::file(&path, io::ErrorKind::AlreadyExists.into()));
    }
    let mut connection = connector.plain()?;
    let partial = copy(&connector, &mut connection, &path)?;
    let contents = check(partial.path(), database)?;
    let written = describe(&partial, &path, contents, version, now)?;
    partial.complete().map_err(in_directory)?;
    files::sync_directory(directory).map_err(in_directory)?;
    Ok(written)
}

/// Copies a database into a file that is to become `target`, and makes the copy durable.
pub(crate) fn copy(
    connector: &Connector,
    connection: &mut SqliteConnection,
    target: &Path,
) -> Result<Partial, CopyError> {
    let directory = files::directory_of(target);
    let database = connector.path();
    // No copy is larger than what it is a copy of.
    let needed = files::length(database) + files::length(&files::beside(database, "-wal"));
    require_space(directory, needed)?;
    let partial = Partial::create(target).map_err(|source| CopyError::file(directory, source))?;
    let Some(path) = partial.path().to_str() else {
        let reason = "its path is not UTF-8";
        return Err(CopyError::file(target, io::Error::other(reason)));
    };
    VacuumInto { path }
        .execute(connection)
        .map_err(|error| failed_copy(&error, connector, directory, needed))?;
    partial
        .sync()
        .map_err(|source| CopyError::file(directory, source))?;
    Ok(partial)
}

fn failed_copy(
    error: &DieselError,
    connector: &Connector,
    directory: &Path,
    needed: u64,
) -> CopyError {
    let database = connector.path().to_owned();
    if is_full(error) {
        return CopyError::no_space(directory, needed);
    }
    match damage(error) {
        Some(reason) => CopyError::Unsound {
            path: database,
            finding: Finding::Damaged(reason),
        },
        None => CopyError::Database {
            path: database,
            reason: error.to_string(),
        },
    }
}

/// Fails when a directory has less room than is needed.
pub(crate) fn require_space(directory: &Path, needed: u64) -> Result<(), CopyError> {
    let free = files::free_space(directory).map_err(|source| CopyError::file(directory, source))?;
    if free < needed {
        return Err(CopyError::no_space(directory, needed));
    }
    Ok(())
}

/// Checks a copy by itself, as whoever restores it will find it. Errors name what it is a copy of.
pub(crate) fn check(copy: &Path, original: &Path) -> Result<Contents, CopyError> {
    let mut connection = Connector::existing(copy)?.plain()?;
    match verify(&mut connection) {
        Ok(Ok(contents)) => Ok(contents),
        Ok(Err(finding)) => Err(CopyError::Unsound {
            path: original.to_owned(),
            finding,
        }),
        Err(error) => Err(CopyError::Database {
            path: original.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// Writes the manifest of a backup. It is there before the backup is, so that no backup is without.
fn describe(
    partial: &Partial,
    path: &Path,
    contents: Contents,
    version: &str,
    now: Timestamp,
) -> Result<Backup, CopyError> {
    let failed = |source| CopyError::file(path, source);
    let name = path.file_name().unwrap_or_default();
    let manifest = Manifest {
        file: name.to_string_lossy().into_owned(),
        made_at: now,
        version: version.to_owned(),
        schema_version: contents.migrations.last().cloned().unwrap_or_default(),
        bytes: files::length(partial.path()),
        sha256: files::digest(partial.path()).map_err(failed)?,
        rows: contents.rows,
    };
    let text = serde_json::to_string_pretty(&manifest).map_err(|error| failed(error.into()))?;
    let mut written = Partial::create(&Manifest::path_of(path)).map_err(failed)?;
    writeln!(written.file(), "{text}").map_err(failed)?;
    written.sync().map_err(failed)?;
    written.complete().map_err(failed)?;
    Ok(Backup {
        path: path.to_owned(),
        manifest,
    })
}

/// The time as it stands in names of files, in UTC.
pub(crate) fn moment(now: Timestamp) -> String {
    now.strftime(MOMENT).to_string()
}

/// When a backup was made, by its name; `None` when it is not one.
fn made_at(path: &Path) -> Option<Timestamp> {
    let name = path.file_name()?.to_str()?;
    let moment = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    let moment = DateTime::strptime(MOMENT, moment).ok()?;
    let moment = moment.to_zoned(TimeZone::UTC).ok()?;
    Some(moment.timestamp())
}

/// The backups in a directory with the times at which they were made, oldest first.
fn backups(directory: &Path) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if let Some(moment) = made_at(&path) {
            found.push((moment, path));
        }
    }
    found.sort();
    Ok(found)
}

/// The newest backup in a directory.
pub(crate) fn newest(directory: &Path) -> io::Result<Option<PathBuf>> {
    Ok(backups(directory)?.pop().map(|(_, path)| path))
}

/// Removes the backups in a directory that were made before a moment. Answers how many there were.
///
/// # Errors
/// One could not be removed; those before it are gone.
pub fn forget_backups(directory: &Path, before: Timestamp) -> io::Result<usize> {
    let mut removed = 0;
    for (moment, path) in backups(directory)? {
        if moment < before {
            fs::remove_file(&path)?;
            match fs::remove_file(Manifest::path_of(&path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => removed += 1,
            }
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_known_by_its_name() {
        let now = Timestamp::from_millisecond(1_790_000_000_123).unwrap();
        let name = format!("lionrocket-{}.db", moment(now));
        assert_eq!(name, "lionrocket-20260921T141320.123Z.db");
        assert_eq!(made_at(Path::new(&name)), Some(now));
        for other in [
            "lionrocket-.db",
            "app.db",
            "lionrocket-20260921T141320.123Z.json",
        ] {
            assert_eq!(made_at(Path::new(other)), None, "{other}");
        }
    }
}
