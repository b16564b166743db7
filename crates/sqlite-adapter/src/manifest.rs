//! What is written down of a backup, beside it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is written down of a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The file of the backup.
    pub file: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// The version of the program that made it.
    pub version: String,
    /// The newest migration that it has.
    pub schema_version: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the file in hexadecimal digits.
    pub sha256: String,
    /// How many rows the tables have that matter most.
    pub rows: BTreeMap<String, i64>,
}

impl Manifest {
    /// Where the manifest of a backup is.
    pub(crate) fn path_of(backup: &Path) -> PathBuf {
        backup.with_extension("json")
    }

    /// Reads the manifest of a backup; `None` when there is none.
    pub(crate) fn read(backup: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(Self::path_of(backup)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_str(&text).map(Some)?)
    }
}
