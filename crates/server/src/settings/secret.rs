//! The signing secret of a machine of one's own: made once, kept in the data directory.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use lionrocket_crypto_adapter::{SigningSecret, generate_secret};
use secrecy::ExposeSecret as _;

/// The file in the data directory.
const FILE_NAME: &str = "jwt_secret";

/// Reads the secret of a data directory, making one if there is none yet. Answers whether it was
/// made now. Only the owner of the process can read the file.
///
/// # Errors
/// The file can be neither read nor written, or what it holds is not a good secret.
pub(crate) fn load_or_generate(directory: &Path) -> io::Result<(SigningSecret, bool)> {
    let path = directory.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => return Ok((parse(&text)?, false)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    // The database, which comes next, finds a directory that is its owner's only.
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let secret = generate_secret().map_err(io::Error::other)?;
    // Written under another name first: a file of that name is always complete.
    let draft = directory.join(format!("{FILE_NAME}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(secret.expose_secret().as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, &path)?;
    Ok((parse(secret.expose_secret())?, true))
}

fn parse(text: &str) -> io::Result<SigningSecret> {
    SigningSecret::parse(text).map_err(|error| {
        let problem = format!("the secret in the file {FILE_NAME} {error}");
        io::Error::new(io::ErrorKind::InvalidData, problem)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_made_secret_is_kept_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE_NAME);
        let (_, made) = load_or_generate(directory.path()).unwrap();
        assert!(made);
        let kept = fs::read_to_string(&path).unwrap();
        let (_, made) = load_or_generate(directory.path()).unwrap();
        assert!(!made);
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        let permissions = fs::metadata(&path).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_secret_is_told_and_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), "cut").unwrap();
        let error = load_or_generate(directory.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
