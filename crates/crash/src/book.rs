//! What the harness knows: written down by a process that does not die, as it happens.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Instant,
};

use anyhow::Result;
use serde_json::{Value, json};

use crate::{lock, plan::Moment, process::Doom};

/// What a client wants its answer as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Events,
    Accepted,
}

/// What is asked of a character. The numbers are ids of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// An answer to new words, after what is shown.
    Say,
    /// An answer to other words instead of a message.
    Edit(i64),
    /// Another answer to a message, or beside a reply.
    Regenerate(i64),
    /// That a reply that was cut goes on.
    Continue(i64),
}

/// Something that decides which branch a chat shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The exchange with this number was asked for: its reply is shown.
    Asked(usize),
    /// The branch through a message was chosen.
    Chosen {
        message: i64,
        /// Whether the client was told that it is shown.
        is_told: bool,
    },
}

/// A sign that a message is accepted.
#[derive(Clone, Debug)]
pub(crate) struct Acceptance {
    /// The turn that was named; a broken connection may have hidden it.
    pub(crate) turn: Option<String>,
    /// Whether the answer said that the key was used before.
    pub(crate) is_replay: bool,
}

/// What a client was told after it asked to stop a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing: the connection broke.
    Unanswered,
    /// The reply will end as stopped.
    Promised,
    /// The turn was over.
    TooLate,
}

/// How a reply was told to end.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The name of the last event.
    pub(crate) event: String,
    /// The stored reply, which `done` and `stopped` carry.
    pub(crate) content: Option<String>,
}

/// One reader of a reply, over any number of connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reader {
    pub(crate) text: String,
    /// The ids of the pieces with the length of the text after each.
    pub(crate) places: Vec<(String, usize)>,
    /// The id of the last event of any kind.
    pub(crate) last_id: Option<String>,
    /// Whether the stream began.
    pub(crate) has_begun: bool,
    /// How often it was told to begin anew.
    pub(crate) resets: u32,
    pub(crate) told: Option<Told>,
}

/// A wish for a reply and everything that was said about it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) chat: i64,
    pub(crate) key: String,
    pub(crate) ask: Ask,
    /// The person's words that are answered.
    pub(crate) content: String,
    pub(crate) acceptances: Vec<Acceptance>,
    /// Codes of problems that say that it was not accepted.
    pub(crate) refusals: Vec<String>,
    pub(crate) readers: Vec<Reader>,
    /// Replies that came whole.
    pub(crate) wholes: Vec<String>,
    pub(crate) stop: Option<Stop>,
    /// After how many pieces of text it is stopped.
    pub(crate) stop_after: Option<usize>,
    /// After how many pieces of text the branch through another message is chosen.
    pub(crate) leave_after: Option<(usize, i64)>,
    /// How many crashes it lived through without being told of its end.
    pub(crate) crashes: u32,
    /// Whether all has been done for it that follows a crash.
    pub(crate) is_settled: bool,
}

impl Exchange {
    pub(crate) fn new(chat: i64, key: String, ask: Ask, content: String) -> Self {
        Self {
            chat,
            key,
            ask,
            content,
            acceptances: Vec::new(),
            refusals: Vec::new(),
            readers: Vec::new(),
            wholes: Vec::new(),
            stop: None,
            stop_after: None,
            leave_after: None,
            crashes: 0,
            is_settled: false,
        }
    }

    pub(crate) fn is_accepted(&self) -> bool {
        !self.acceptances.is_empty()
    }

    /// The turn that a client knows of.
    pub(crate) fn turn(&self) -> Option<&str> {
        self.acceptances
            .iter()
            .find_map(|acceptance| acceptance.turn.as_deref())
    }

    /// Whether somebody heard the end of the reply.
    pub(crate) fn is_told(&self) -> bool {
        !self.wholes.is_empty() || self.readers.iter().any(|reader| reader.told.is_some())
    }
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) asked: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) shown: u64,
    pub(crate) resumed: u64,
    pub(crate) stops: u64,
    /// Of what was asked: answers beside others.
    pub(crate) beside: u64,
    pub(crate) chosen: u64,
    pub(crate) repeated: u64,
    pub(crate) resets: u64,
}

impl Counts {
    /// Adds those of another run.
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            accepted: self.accepted + other.accepted,
            refused: self.refused + other.refused,
            shown: self.shown + other.shown,
            resumed: self.resumed + other.resumed,
            stops: self.stops + other.stops,
            beside: self.beside + other.beside,
            chosen: self.chosen + other.chosen,
            repeated: self.repeated + other.repeated,
            resets: self.resets + other.resets,
        }
    }
}

/// Springs at the so-manyeth fact of one kind.
struct Trap {
    moment: Moment,
    doom: Arc<Doom>,
}

/// The log of a run.
pub(crate) struct Book {
    began: Instant,
    file: Mutex<File>,
    trap: Mutex<Option<Trap>>,
    counts: Mutex<Counts>,
    troubles: Mutex<Vec<String>>,
}

/// Something that happened to a message.
pub(crate) enum Fact<'a> {
    Asked(Form, Ask, &'a str),
    Repeated(Form),
    Accepted(&'a Acceptance),
    Refused(&'a str),
    Shown { id: &'a str, text: &'a str },
    Reset,
    Resumed { after: Option<&'a str> },
    Told(&'a str),
    Stopping,
    StopAnswered(Stop),
    Choosing(i64),
    Chosen,
}

impl Book {
    pub(crate) fn new(path: &Path) -> Result<Self> {
        Ok(Self {
            began: Instant::now(),
            file: Mutex::new(File::create(path)?),
            trap: Mutex::new(None),
            counts: Mutex::new(Counts::default()),
            troubles: Mutex::new(Vec::new()),
        })
    }

    /// Lets a process die at a moment that is seen here.
    pub(crate) fn set_trap(&self, moment: Moment, doom: Arc<Doom>) {
        *lock(&self.trap) = Some(Trap { moment, doom });
    }

    pub(crate) fn counts(&self) -> Counts {
        *lock(&self.counts)
    }

    /// Writes down something that must not happen.
    pub(crate) fn trouble(&self, what: String) {
        self.write(&json!({"trouble": what}));
        lock(&self.troubles).push(what);
    }

    /// All that must not have happened and was not yet taken.
    pub(crate) fn take_troubles(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.troubles))
    }

    /// Writes down something about the run itself.
    pub(crate) fn remark(&self, what: &str) {
        self.write(&json!({ "run": what }));
    }

    /// Writes down a fact about the message with a key, and then lets the process die if this is
    /// its moment.
    pub(crate) fn note(&self, key: &str, fact: &Fact<'_>) {
        let (name, more) = self.describe(fact);
        self.write(&json!({"fact": name, "key": key, "more": more}));
        self.spring(fact);
    }

    fn describe(&self, fact: &Fact<'_>) -> (&'static str, Value) {
        let mut counts = lock(&self.counts);
        match fact {
            Fact::Asked(form, ask, content) => {
                counts.asked += 1;
                counts.beside += u64::from(*ask != Ask::Say);
                (
                    "asked",
                    json!({"for": format!("{ask:?}"), "as": format!("{form:?}"), "content": content}),
                )
            }
            Fact::Repeated(form) => {
                counts.repeated += 1;
                ("repeated", json!({"as": format!("{form:?}")}))
            }
            Fact::Accepted(acceptance) => {
                counts.accepted += 1;
                (
                    "accepted",
                    json!({"turn": acceptance.turn, "replay": acceptance.is_replay}),
                )
            }
            Fact::Refused(code) => {
                counts.refused += 1;
                ("refused", json!(code))
            }
            Fact::Shown { id, text } => {
                counts.shown += 1;
                ("shown", json!({"id": id, "text": text}))
            }
            Fact::Reset => {
                counts.resets += 1;
                ("reset", Value::Null)
            }
            Fact::Resumed { after } => {
                counts.resumed += 1;
                ("resumed", json!({ "after": after }))
            }
            Fact::Told(event) => ("told", json!(event)),
            Fact::Stopping => {
                counts.stops += 1;
                ("stopping", Value::Null)
            }
            Fact::StopAnswered(stop) => ("stop", json!(format!("{stop:?}"))),
            Fact::Choosing(message) => {
                counts.chosen += 1;
                ("choosing", json!(message))
            }
            Fact::Chosen => ("chosen", Value::Null),
        }
    }

    fn spring(&self, fact: &Fact<'_>) {
        let mut trap = lock(&self.trap);
        let Some(Trap { moment, doom }) = trap.as_mut() else {
            return;
        };
        let ((Moment::Acknowledged(left), Fact::Accepted(_))
        | (Moment::Shown(left), Fact::Shown { .. })
        | (Moment::Stopping(left), Fact::Stopping)
        | (Moment::StopTaken(left), Fact::StopAnswered(Stop::Promised))
        | (Moment::Choosing(left), Fact::Choosing(_))
        | (Moment::Chosen(left), Fact::Chosen)) = (moment, fact)
        else {
            return;
        };
        *left = left.saturating_sub(1);
        if *left == 0 {
            doom.strike();
            *trap = None;
        }
    }

    fn write(&self, entry: &Value) {
        let mut file = lock(&self.file);
        let at_ms = self.began.elapsed().as_millis();
        // The book on disk is for people who look into a failure; the checks use what is in memory.
        let _ = writeln!(file, "{at_ms} {entry}");
    }
}
