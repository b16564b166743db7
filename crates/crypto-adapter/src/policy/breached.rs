//! A file of leaked passwords, as `haveibeenpwned` gives it out: lines `SHA-1:count`, sorted.

use std::{cmp::Ordering, fs::File, io, os::unix::fs::FileExt as _, path::Path};

use sha1::{Digest as _, Sha1};

/// The hexadecimal digits of a hash.
const DIGITS: usize = 40;
/// More than the longest line.
const LINE_BYTES: usize = 128;
/// What is read at once in the end and looked through line by line.
const BLOCK_BYTES: u64 = 4096;

type Hash = [u8; 20];

/// Leaked passwords in a file that is searched where it lies: some forty reads for one password, and
/// nothing of it is kept in memory.
#[derive(Debug)]
pub struct BreachedPasswords {
    file: File,
    bytes: u64,
}

impl BreachedPasswords {
    /// Opens a file and looks at its first and last lines.
    ///
    /// # Errors
    /// It cannot be read, or it does not look like sorted hashes.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let list = Self { file, bytes };
        let first = list.hash_at(0)?;
        let tail = bytes.saturating_sub(BLOCK_BYTES);
        let start = if tail == 0 { 0 } else { list.line_after(tail)? };
        if list
            .hashes(start, bytes)?
            .last()
            .is_some_and(|last| *last < first)
        {
            return Err(damaged());
        }
        Ok(list)
    }

    /// Whether a password is in the file.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is no hash.
    pub fn contains(&self, password: &str) -> io::Result<bool> {
        let wanted: Hash = Sha1::digest(password.as_bytes()).into();
        // Both stand at the beginning of a line, the second one possibly at the end of the file.
        let (mut from, mut to) = (0, self.bytes);
        while to - from > BLOCK_BYTES {
            let line = self.line_after(from + (to - from) / 2)?;
            match self.hash_at(line)?.cmp(&wanted) {
                Ordering::Equal => return Ok(true),
                Ordering::Less => from = line,
                Ordering::Greater => to = line,
            }
        }
        Ok(self.hashes(from, to)?.contains(&wanted))
    }

    /// Where the next line begins.
    fn line_after(&self, place: u64) -> io::Result<u64> {
        let mut piece = [0; LINE_BYTES];
        let read = self.file.read_at(&mut piece, place)?;
        let ends = piece.iter().take(read).position(|byte| *byte == b'\n');
        let ends = ends.ok_or_else(damaged)?;
        Ok(place + ends as u64 + 1)
    }

    fn hash_at(&self, line: u64) -> io::Result<Hash> {
        let mut digits = [0; DIGITS];
        self.file.read_exact_at(&mut digits, line)?;
        parse(&digits)
    }

    /// The hashes of whole lines.
    fn hashes(&self, from: u64, to: u64) -> io::Result<Vec<Hash>> {
        let mut block = vec![0; usize::try_from(to - from).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut block, from)?;
        let lines = block.split(|byte| *byte == b'\n');
        lines
            .filter(|line| !line.trim_ascii().is_empty())
            .map(|line| parse(line.get(..DIGITS).ok_or_else(damaged)?))
            .collect()
    }
}

fn parse(digits: &[u8]) -> io::Result<Hash> {
    let mut hash = Hash::default();
    hex::decode_to_slice(digits, &mut hash).map_err(|_| damaged())?;
    Ok(hash)
}

fn damaged() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "not a sorted list of SHA-1 hashes, one a line",
    )
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn list_of(passwords: impl Iterator<Item = String>, end: &str) -> tempfile::NamedTempFile {
        let mut hashes: Vec<_> = passwords
            .map(|password| hex::encode_upper(Sha1::digest(password)))
            .collect();
        hashes.sort();
        let mut text = String::new();
        for (number, hash) in hashes.iter().enumerate() {
            write!(text, "{hash}:{}{end}", number * number * 7 + 1).unwrap();
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn every_password_of_a_file_is_found_and_no_other() {
        for (count, end) in [(1, "\n"), (2, "\r\n"), (90, "\n"), (3_000, "\r\n")] {
            let file = list_of((0..count).map(|number| format!("leaked {number}")), end);
            let list = BreachedPasswords::open(file.path()).unwrap();
            for number in 0..count {
                assert!(
                    list.contains(&format!("leaked {number}")).unwrap(),
                    "{number}"
                );
                assert!(
                    !list.contains(&format!("unknown {number}")).unwrap(),
                    "{number}"
                );
            }
        }
    }

    #[test]
    fn a_file_of_another_kind_is_refused() {
        for text in [
            "",
            "hunter2\n",
            &"x".repeat(10_000),
            &"password\n".repeat(2_000),
        ] {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            assert!(BreachedPasswords::open(file.path()).is_err());
        }
        assert!(BreachedPasswords::open(Path::new("/nowhere")).is_err());
    }
}
