//! The last words of running replies, in files that outlive a killed process.
//!
//! The store saves a reply about once a second. What was said since is noted here, one line of JSON
//! for each piece, before any reader is shown it. The lines are handed to the operating system and
//! not forced to the disk: they survive the process and not a loss of power, which costs the last
//! second at most. The files are short: one is begun anew when it is full, the one before it is kept,
//! and both are emptied as soon as no reply runs.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use lionrocket_domain::{ids::TurnId, usage::TokenUsage};
use lionrocket_ports::reply_log::{LeftOver, StartedAttempt, TextOffset};
use serde::{Deserialize, Serialize};

/// When a file is full. Far more than all replies say between two times that they are saved.
const FILE_BYTES: u64 = 8 * 1024 * 1024;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    turn: TurnId,
    #[serde(borrow)]
    note: Note<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Note<'a> {
    /// A process begins to work on the turn: what was noted before is done with.
    Opened,
    /// Upstream took a request.
    Started {
        model: String,
        tokens: TokenUsage,
        request_id: Option<String>,
    },
    /// A piece of text, and where it stands in the reply.
    Said {
        at: TextOffset,
        #[serde(borrow)]
        text: std::borrow::Cow<'a, str>,
    },
}

/// What was noted of one turn.
#[derive(Debug, Default)]
struct Noted {
    attempts: Vec<StartedAttempt>,
    said: Vec<(TextOffset, String)>,
}

/// The journal of one process, with what the process before it has left.
#[derive(Debug)]
pub struct ReplyJournal {
    writing: Mutex<Writing>,
    left: HashMap<TurnId, Noted>,
}

#[derive(Debug)]
struct Writing {
    /// The path of the files without their number.
    base: PathBuf,
    number: u64,
    file: File,
    bytes: u64,
    /// The files before this one.
    older: Vec<PathBuf>,
    /// Whether turns of the process before may still need what it has left.
    keeps_left_over: bool,
    has_failed: bool,
}

impl ReplyJournal {
    /// Reads what the process before has left beside a database, and begins a file of its own.
    ///
    /// # Errors
    /// A file cannot be read or made.
    pub fn open(database: &Path) -> io::Result<Self> {
        let mut base = database.as_os_str().to_owned();
        base.push("-replies");
        let base = PathBuf::from(base);
        let found = numbered_files(&base)?;
        let mut left = HashMap::new();
        for (_, path) in &found {
            read_lines(path, &mut left)?;
        }
        let number = found.last().map_or(0, |(number, _)| number + 1);
        let writing = Writing {
            file: private_file(&numbered(&base, number))?,
            base,
            number,
            bytes: 0,
            older: found.into_iter().map(|(_, path)| path).collect(),
            keeps_left_over: !left.is_empty(),
            has_failed: false,
        };
        Ok(Self {
            writing: Mutex::new(writing),
            left,
        })
    }

    /// Notes that this process works on a turn from here on.
    pub(crate) fn opened(&self, turn_id: TurnId) {
        self.note(turn_id, Note::Opened);
    }

    /// Notes that upstream took a request.
    pub(crate) fn started(&self, turn_id: TurnId, attempt: StartedAttempt) {
        let StartedAttempt {
            model,
            tokens,
            request_id,
        } = attempt;
        let note = Note::Started {
            model,
            tokens,
            request_id,
        };
        self.note(turn_id, note);
    }

    /// Notes a piece of text.
    pub(crate) fn said(&self, turn_id: TurnId, at: TextOffset, text: &str) {
        let text = text.into();
        self.note(turn_id, Note::Said { at, text });
    }

    /// Forgets everything: no reply runs. What the process before has left stays as long as it may be
    /// needed.
    pub(crate) fn clear(&self) {
        let mut writing = self.writing();
        if !writing.keeps_left_over {
            writing.clear();
        }
    }

    /// Lets what the process before has left go with everything else.
    pub(crate) fn forget_left_over(&self) {
        self.writing().keeps_left_over = false;
    }

    /// What the process before has left of a turn of which so many bytes are saved.
    pub(crate) fn left_over(&self, turn_id: TurnId, saved: TextOffset) -> LeftOver {
        let Some(noted) = self.left.get(&turn_id) else {
            return LeftOver::default();
        };
        let mut text = String::new();
        for (at, piece) in &noted.said {
            let end = saved + text.len();
            // A piece after a gap cannot be used; of one that is saved in part, the rest can.
            if let Some(news) = end.checked_sub(*at).and_then(|known| piece.get(known..)) {
                text.push_str(news);
            }
        }
        LeftOver {
            text,
            attempts: noted.attempts.clone(),
        }
    }

    fn note(&self, turn: TurnId, note: Note<'_>) {
        let mut line = serde_json::to_vec(&Line { turn, note }).unwrap_or_default();
        line.push(b'\n');
        self.writing().write(&line);
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writing {
    /// Writes a line. A journal that cannot be written is no reason to stop a reply: what it would
    /// have kept is at most a second's text.
    fn write(&mut self, line: &[u8]) {
        let written = self.file.write_all(line).and_then(|()| {
            self.bytes += u64::try_from(line.len()).unwrap_or(0);
            if self.bytes >= FILE_BYTES {
                self.begin_next()
            } else {
                Ok(())
            }
        });
        match written {
            Ok(()) => self.has_failed = false,
            Err(error) => self.report(&error),
        }
    }

    /// Begins another file and keeps only the one before it.
    fn begin_next(&mut self) -> io::Result<()> {
        let full = numbered(&self.base, self.number);
        self.file = private_file(&numbered(&self.base, self.number + 1))?;
        self.number += 1;
        self.bytes = 0;
        let older = std::mem::replace(&mut self.older, vec![full]);
        older.iter().try_for_each(remove)
    }

    fn clear(&mut self) {
        let older = std::mem::take(&mut self.older);
        let mut cleared = older.iter().try_for_each(remove);
        if self.bytes > 0 {
            self.bytes = 0;
            cleared = cleared.and_then(|()| self.file.set_len(0));
        }
        if let Err(error) = cleared {
            self.report(&error);
        }
    }

    /// Tells of a failure once, not with every line.
    fn report(&mut self, error: &io::Error) {
        if !self.has_failed {
            self.has_failed = true;
            tracing::warn!(%error, "the last words of running replies cannot be noted");
        }
    }
}

fn remove(path: &PathBuf) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn numbered(base: &Path, number: u64) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(format!(".{number}"));
    PathBuf::from(path)
}

/// The files that are there, oldest first.
fn numbered_files(base: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let directory = base.parent().filter(|path| !path.as_os_str().is_empty());
    let name = base.file_name().unwrap_or_default().to_string_lossy();
    let prefix = format!("{name}.");
    let mut found = Vec::new();
    for entry in fs::read_dir(directory.unwrap_or(Path::new(".")))? {
        let path = entry?.path();
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        if let Some(number) = file_name
            .strip_prefix(&prefix)
            .and_then(|number| number.parse().ok())
        {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

/// Reads the lines of a file up to the first that is not whole.
fn read_lines(path: &Path, left: &mut HashMap<TurnId, Noted>) -> io::Result<()> {
    for line in BufReader::new(File::open(path)?).split(b'\n') {
        let line = line?;
        let Ok(Line { turn, note }) = serde_json::from_slice(&line) else {
            return Ok(());
        };
        let noted = left.entry(turn).or_default();
        match note {
            Note::Opened => *noted = Noted::default(),
            Note::Started {
                model,
                tokens,
                request_id,
            } => noted.attempts.push(StartedAttempt {
                model,
                tokens,
                request_id,
            }),
            Note::Said { at, text } => noted.said.push((at, text.into_owned())),
        }
    }
    Ok(())
}

/// Opens a file for its owner only, at its end.
fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(number: u128) -> TurnId {
        TurnId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn attempt(request_id: &str) -> StartedAttempt {
        StartedAttempt {
            model: "m".to_owned(),
            tokens: TokenUsage {
                input: 10,
                ..TokenUsage::default()
            },
            request_id: Some(request_id.to_owned()),
        }
    }

    fn files(directory: &Path) -> Vec<(String, u64)> {
        let entries = fs::read_dir(directory).unwrap().map(Result::unwrap);
        let mut files: Vec<_> = entries
            .map(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                (name, entry.metadata().unwrap().len())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn what_was_said_after_the_last_save_is_found_by_the_next_process() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let journal = ReplyJournal::open(&database).unwrap();
        journal.opened(turn(1));
        journal.started(turn(1), attempt("req_1"));
        journal.said(turn(1), 0, "안녕");
        journal.said(turn(2), 0, "other");
        journal.said(turn(1), 6, "하세요");
        drop(journal);
        let next = ReplyJournal::open(&database).unwrap();
        for (saved, text) in [
            (0, "안녕하세요"),
            (6, "하세요"),
            (9, "세요"),
            (15, ""),
            (40, ""),
        ] {
            let left = next.left_over(turn(1), saved);
            assert_eq!(
                (left.text.as_str(), left.attempts),
                (text, vec![attempt("req_1")])
            );
        }
        assert_eq!(next.left_over(turn(3), 0), LeftOver::default());
    }

    #[test]
    fn a_process_that_takes_a_turn_up_makes_what_was_noted_before_it_void() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let first = ReplyJournal::open(&database).unwrap();
        first.opened(turn(1));
        first.started(turn(1), attempt("req_1"));
        first.said(turn(1), 8, " lost after a gap");
        drop(first);
        let second = ReplyJournal::open(&database).unwrap();
        assert_eq!(second.left_over(turn(1), 4).text, "");
        second.opened(turn(1));
        second.started(turn(1), attempt("req_2"));
        second.said(turn(1), 4, "and so on");
        drop(second);
        let left = ReplyJournal::open(&database).unwrap().left_over(turn(1), 4);
        assert_eq!(
            (left.text.as_str(), left.attempts),
            ("and so on", vec![attempt("req_2")])
        );
    }

    #[test]
    fn what_was_left_is_kept_until_all_of_it_is_taken_up() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let first = ReplyJournal::open(&database).unwrap();
        first.said(turn(1), 0, "one");
        first.said(turn(2), 0, "two");
        drop(first);
        // It takes one of two turns up, ends it, and dies.
        let second = ReplyJournal::open(&database).unwrap();
        second.opened(turn(1));
        second.clear();
        drop(second);
        let third = ReplyJournal::open(&database).unwrap();
        assert_eq!(third.left_over(turn(2), 0).text, "two");
        third.forget_left_over();
        third.clear();
        drop(third);
        let fourth = ReplyJournal::open(&database).unwrap();
        assert_eq!(fourth.left_over(turn(2), 0), LeftOver::default());
    }

    #[test]
    fn a_line_that_was_torn_ends_what_can_be_read() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        let journal = ReplyJournal::open(&database).unwrap();
        journal.said(turn(1), 0, "whole");
        journal
            .writing()
            .write(br#"{"turn":"00000000-0000-0000-0000-000000000001","note":{"said":{"at":5,"te"#);
        drop(journal);
        assert_eq!(
            ReplyJournal::open(&database)
                .unwrap()
                .left_over(turn(1), 0)
                .text,
            "whole"
        );
    }

    #[test]
    fn the_files_stay_short_and_are_empty_when_no_reply_runs() {
        let directory = tempfile::tempdir().unwrap();
        let database = directory.path().join("app.db");
        drop(ReplyJournal::open(&database).unwrap());
        let journal = ReplyJournal::open(&database).unwrap();
        let piece = "가".repeat(100_000);
        for number in 0..60 {
            journal.said(turn(1), number * piece.len(), &piece);
        }
        let all = files(directory.path());
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all.iter().all(|(_, bytes)| *bytes < FILE_BYTES + 400_000));
        journal.clear();
        let all = files(directory.path());
        assert_eq!(all.iter().map(|(_, bytes)| bytes).sum::<u64>(), 0);
        assert_eq!(all.len(), 1);
        journal.said(turn(2), 0, "anew");
        drop(journal);
        assert_eq!(
            ReplyJournal::open(&database)
                .unwrap()
                .left_over(turn(2), 0)
                .text,
            "anew"
        );
    }
}
