//! Files: private ones, complete ones, and the room for them.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// Makes a directory and those above it, for its owner only. One that is there stays as it is.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Opens a file for writing, making it for its owner only when it is not there. SQLite gives its
/// companion files the same mode.
pub(crate) fn private_file(path: &Path) -> io::Result<fs::File> {
    private().create(true).truncate(false).open(path)
}

fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The path of a file that stands beside another and has its name with an ending.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// The directory in which a file stands.
pub(crate) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// The bytes that may still be written to the file system of a directory.
pub(crate) fn free_space(directory: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(directory)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// The length of a file; nothing when it is not there.
pub(crate) fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// The SHA-256 of a file in hexadecimal digits.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match io::Read::read(&mut file, &mut piece)? {
            0 => return Ok(hex::encode(hash.finalize())),
            count => hash.update(piece.get(..count).unwrap_or_default()),
        }
    }
}

/// What the name of a file ends with while the file is not complete.
const PARTIAL: &str = ".partial";

/// A file that is not complete yet. It has another name until it is, and goes away when it never
/// is. A lock tells it from one whose process died.
pub(crate) struct Partial {
    file: fs::File,
    path: PathBuf,
    target: PathBuf,
}

impl Partial {
    /// Makes an empty file that is to become `target`.
    pub(crate) fn create(target: &Path) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(PARTIAL);
        let path = directory_of(target).join(name);
        let file = private().create_new(true).open(&path)?;
        let partial = Self {
            file,
            path,
            target: target.to_owned(),
        };
        // Where a file system knows no locks, nobody takes the file for abandoned either.
        drop(partial.file.try_lock());
        Ok(partial)
    }

    /// Where the file is for now.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, for writing.
    pub(crate) fn file(&mut self) -> &mut fs::File {
        &mut self.file
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives the file its name, in the place of what has that name. The directory is left to be made
    /// durable.
    pub(crate) fn complete(self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After its completion there is nothing under this name.
        for ending in ["", "-journal", "-wal", "-shm"] {
            drop(fs::remove_file(beside(&self.path, ending)));
        }
    }
}

/// Removes files that were never completed because their process died.
pub(crate) fn remove_abandoned(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') && name.ends_with(PARTIAL) {
            let file = private_file(&path)?;
            if file.try_lock().is_ok() {
                fs::remove_file(&path)?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_completed_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("copy.db");
        let partial = Partial::create(&target).unwrap();
        fs::write(partial.path(), "half").unwrap();
        fs::write(beside(partial.path(), "-journal"), "half").unwrap();
        drop(partial);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_files_of_dead_processes_are_abandoned() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut living = Partial::create(&path("living.db")).unwrap();
        fs::write(path(".dead.db.partial"), "half").unwrap();
        fs::write(path("partial"), "somebody's").unwrap();
        remove_abandoned(directory.path()).unwrap();
        assert!(!path(".dead.db.partial").exists() && path("partial").exists());
        io::Write::write_all(living.file(), b"whole").unwrap();
        living.complete().unwrap();
        assert_eq!(fs::read(path("living.db")).unwrap(), b"whole");
    }

    #[test]
    fn a_digest_is_that_of_the_whole_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("zeros");
        fs::write(&path, vec![0; 3 * PIECE / 2]).unwrap();
        let whole = hex::encode(Sha256::digest(vec![0; 3 * PIECE / 2]));
        assert_eq!(digest(&path).unwrap(), whole);
        assert!(free_space(directory.path()).unwrap() > 0);
    }
}
