//! Answers that were given a moment ago.
//!
//! People look at the same page of a chat again and again: after a reload, in a second tab, when a
//! phone wakes up. As long as nothing was written that concerns their chats, the answer is the same,
//! byte for byte, and need neither be read, nor put together, nor hashed anew.

use std::{fmt, sync::Arc};

use actix_web::web::Bytes;
use jiff::Timestamp;
use lionrocket_domain::ids::UserId;
use lionrocket_ports::{
    marks::{ChangeMark, ChangeMarks, KEEP_FOR},
    runtime::Clock,
};
use quick_cache::{Weighter, sync::Cache};

/// How much memory the answers may take, in bytes.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// What one of them may take of it.
const LARGEST_BYTES: usize = 256 * 1024;
/// What an answer takes besides its own bytes, roughly.
const FIXED_BYTES: u64 = 256;

/// An answer and its tag.
#[derive(Clone, Debug)]
pub(crate) struct Tagged {
    pub(crate) tag: String,
    pub(crate) body: Bytes,
}

/// What an answer is to: the person's own question, as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    asker: UserId,
    target: String,
}

impl Question {
    pub(crate) fn new(asker: UserId, target: &str) -> Self {
        Self {
            asker,
            target: target.to_owned(),
        }
    }
}

/// The moment at which the reading for an answer begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    mark: ChangeMark,
    time: Timestamp,
}

#[derive(Clone)]
struct Given {
    at: Moment,
    answer: Tagged,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<Question, Given> for ByBytes {
    fn weight(&self, question: &Question, given: &Given) -> u64 {
        (question.target.len() + given.answer.body.len()) as u64 + FIXED_BYTES
    }
}

/// Remembers answers about people's own chats while they hold.
pub struct RememberedAnswers {
    marks: Arc<dyn ChangeMarks>,
    clock: Arc<dyn Clock>,
    given: Cache<Question, Given, ByBytes>,
}

impl fmt::Debug for RememberedAnswers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RememberedAnswers").finish_non_exhaustive()
    }
}

impl RememberedAnswers {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(marks: Arc<dyn ChangeMarks>, clock: Arc<dyn Clock>) -> Self {
        Self {
            marks,
            clock,
            given: Cache::with_weighter(1024, MOST_BYTES, ByBytes),
        }
    }

    /// The present moment. Must be taken before anything of an answer is read.
    pub(crate) fn moment(&self, asker: UserId) -> Moment {
        Moment {
            mark: self.marks.of_chats(asker),
            time: self.clock.now(),
        }
    }

    /// The answer that was given to a question, if it still holds now.
    pub(crate) fn recall(&self, question: &Question, now: Moment) -> Option<Tagged> {
        let Given { at, answer } = self.given.get(question)?;
        let age = now.time.duration_since(at.time);
        let holds = at.mark == now.mark && !age.is_negative() && age.unsigned_abs() < KEEP_FOR;
        holds.then_some(answer)
    }

    /// Remembers an answer for which reading began at a moment.
    pub(crate) fn remember(&self, question: Question, at: Moment, answer: Tagged) {
        if question.target.len() + answer.body.len() <= LARGEST_BYTES {
            self.given.insert(question, Given { at, answer });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use jiff::SignedDuration;
    use lionrocket_test_support::TestClock;

    use super::*;

    #[derive(Default)]
    struct Counter(AtomicU64);

    impl ChangeMarks for Counter {
        fn of_chats(&self, _: UserId) -> ChangeMark {
            ChangeMark {
                everybody: 0,
                owner: self.0.load(Ordering::SeqCst),
            }
        }
    }

    fn answers() -> (RememberedAnswers, Arc<Counter>, Arc<TestClock>) {
        let marks = Arc::new(Counter::default());
        let clock = Arc::new(TestClock::at(Timestamp::UNIX_EPOCH));
        let answers = RememberedAnswers::new(marks.clone(), clock.clone());
        (answers, marks, clock)
    }

    const MINA: UserId = UserId::from_stored(1);
    const JUN: UserId = UserId::from_stored(2);

    fn answer(size: usize) -> Tagged {
        Tagged {
            tag: "a tag".to_owned(),
            body: vec![b'x'; size].into(),
        }
    }

    fn ask(answers: &RememberedAnswers, asker: UserId, target: &str) -> Option<usize> {
        let found = answers.recall(&Question::new(asker, target), answers.moment(asker));
        found.map(|answer| answer.body.len())
    }

    #[test]
    fn an_answer_is_its_askers_and_its_questions() {
        let (answers, _, _) = answers();
        let moment = answers.moment(MINA);
        answers.remember(Question::new(MINA, "/api/chats"), moment, answer(7));
        assert_eq!(ask(&answers, MINA, "/api/chats"), Some(7));
        assert_eq!(ask(&answers, JUN, "/api/chats"), None);
        assert_eq!(ask(&answers, MINA, "/api/chats?limit=1"), None);
    }

    #[test]
    fn an_answer_holds_until_something_is_written_also_while_it_is_read() {
        let (answers, marks, _) = answers();
        let question = Question::new(MINA, "/api/chats");
        let before = answers.moment(MINA);
        marks.0.fetch_add(1, Ordering::SeqCst);
        answers.remember(question.clone(), before, answer(7));
        assert_eq!(ask(&answers, MINA, "/api/chats"), None);
        answers.remember(question, answers.moment(MINA), answer(8));
        assert_eq!(ask(&answers, MINA, "/api/chats"), Some(8));
        marks.0.fetch_add(1, Ordering::SeqCst);
        assert_eq!(ask(&answers, MINA, "/api/chats"), None);
    }

    #[test]
    fn an_answer_holds_for_five_seconds_at_most() {
        let (answers, _, clock) = answers();
        let moment = answers.moment(MINA);
        answers.remember(Question::new(MINA, "/api/chats"), moment, answer(7));
        clock.advance(SignedDuration::from_millis(4_999));
        assert_eq!(ask(&answers, MINA, "/api/chats"), Some(7));
        clock.advance(SignedDuration::from_millis(1));
        assert_eq!(ask(&answers, MINA, "/api/chats"), None);
    }

    #[test]
    fn answers_take_a_bounded_amount_of_memory() {
        let (answers, _, _) = answers();
        for number in 0..1_000 {
            let question = Question::new(MINA, &number.to_string());
            answers.remember(question, answers.moment(MINA), answer(100_000));
        }
        assert!(answers.given.weight() <= MOST_BYTES);
        let question = Question::new(MINA, "large");
        answers.remember(question, answers.moment(MINA), answer(LARGEST_BYTES));
        assert_eq!(ask(&answers, MINA, "large"), None);
    }
}
