//! Putting a backup in the place of the database.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use diesel::RunQueryDsl;
use jiff::Timestamp;

use crate::{
    backup::{check, moment, newest, require_space},
    error::{CopyError, OpenError, is_locked},
    files::{self, Partial},
    manifest::Manifest,
    open::Connector,
    serving_lock::ServingLock,
    verify::{Contents, DoWithoutLog},
};

/// A database that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The backup that it was made from.
    pub from: PathBuf,
    /// What was written down of the backup; `None` when nothing was.
    pub manifest: Option<Manifest>,
    /// What it holds.
    pub contents: Contents,
    /// Where the database is kept that was there before.
    pub former: Option<PathBuf>,
}

/// Puts a backup, or the newest one of a directory, in the place of a database. The database that
/// was there is kept beside it. Nothing is replaced before the copy is checked and durable. Blocks
/// while it does.
///
/// # Errors
/// The database is as it was.
pub fn restore(database: &Path, from: &Path, now: Timestamp) -> Result<Restored, CopyError> {
    let from = choose(from)?;
    let database = std::path::absolute(database).map_err(|e| CopyError::file(database, e))?;
    let directory = files::directory_of(&database);
    let in_directory = |source| CopyError::file(directory, source);
    files::make_directory(directory).map_err(in_directory)?;
    let _lock = ServingLock::take(&database)?;
    files::remove_abandoned(directory).map_err(in_directory)?;
    let manifest = compare(&from)?;
    let copy = copy_beside(&from, &database)?;
    let contents = check(copy.path(), &from)?;
    copy.sync().map_err(in_directory)?;
    let former = set_aside(&database, now)?;
    copy.complete().map_err(in_directory)?;
    files::sync_directory(directory).map_err(in_directory)?;
    Ok(Restored {
        from,
        manifest,
        contents,
        former,
    })
}

/// The backup that is meant.
fn choose(from: &Path) -> Result<PathBuf, CopyError> {
    if !from.is_dir() {
        return match fs::metadata(from) {
            Ok(_) => Ok(from.to_owned()),
            Err(source) => Err(CopyError::file(from, source)),
        };
    }
    newest(from)
        .map_err(|source| CopyError::file(from, source))?
        .ok_or_else(|| CopyError::NoBackup {
            directory: from.to_owned(),
        })
}

/// Compares a backup with what was written down of it.
fn compare(from: &Path) -> Result<Option<Manifest>, CopyError> {
    let manifest =
        Manifest::read(from).map_err(|e| CopyError::file(&Manifest::path_of(from), e))?;
    if let Some(manifest) = &manifest {
        let is_same = manifest.bytes == files::length(from)
            && manifest.sha256 == files::digest(from).map_err(|e| CopyError::file(from, e))?;
        if !is_same {
            return Err(CopyError::Changed {
                path: from.to_owned(),
            });
        }
    }
    Ok(manifest)
}

/// Copies a backup into the directory of the database. A log that stands beside it is part of it.
fn copy_beside(from: &Path, database: &Path) -> Result<Partial, CopyError> {
    let log = files::beside(from, "-wal");
    let needed = files::length(from) + files::length(&log);
    require_space(files::directory_of(database), needed)?;
    let mut copy = Partial::create(database).map_err(|e| CopyError::file(database, e))?;
    let failed = |source| CopyError::file(from, source);
    let mut original = fs::File::open(from).map_err(failed)?;
    io::copy(&mut original, copy.file()).map_err(failed)?;
    if files::length(&log) > 0 {
        fs::copy(&log, files::beside(copy.path(), "-wal")).map_err(failed)?;
    }
    Ok(copy)
}

/// Keeps the database that is there under another name. It stays under its own name as well, so that
/// there is a database at any moment, until another one takes that name.
fn set_aside(database: &Path, now: Timestamp) -> Result<Option<PathBuf>, CopyError> {
    if !database.exists() {
        // A log without its database would be taken for one of the new database.
        return remove_companions(database).map(|()| None);
    }
    fold(database)?;
    let former = files::beside(database, &format!(".replaced-{}", moment(now)));
    let failed = |source| CopyError::file(&former, source);
    if fs::hard_link(database, &former).is_err() {
        // Not every file system has a second name for a file.
        fs::copy(database, &former).map_err(failed)?;
        fs::File::open(&former)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
    }
    let log = files::beside(database, "-wal");
    if log.exists() {
        fs::rename(&log, files::beside(&former, "-wal")).map_err(failed)?;
    }
    remove_companions(database)?;
    Ok(Some(former))
}

/// Puts the log of a database into its file and makes sure that nobody uses it. A log that cannot be
/// read stays as it is.
fn fold(database: &Path) -> Result<(), CopyError> {
    let folded = Connector::existing(database)?
        .plain()
        .map_err(CopyError::from)
        .and_then(|mut connection| {
            let mode = (DoWithoutLog {}).get_result::<(String,)>(&mut connection);
            match mode {
                Err(error) if is_locked(&error) => Err(CopyError::InUse {
                    path: database.to_owned(),
                }),
                // It is replaced because it is damaged.
                _ => Ok(()),
            }
        });
    match folded {
        Err(CopyError::Open(OpenError::File { .. } | OpenError::Damaged { .. })) => Ok(()),
        other => other,
    }
}

fn remove_companions(database: &Path) -> Result<(), CopyError> {
    for ending in ["-wal", "-shm", "-journal"] {
        let path = files::beside(database, ending);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(CopyError::file(&path, source));
            }
            _ => {}
        }
    }
    Ok(())
}
