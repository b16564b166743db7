//! The contract of [`ReplyLog`].
//!
//! `reply_log_contract!(make)` in an adapter's tests makes a test of every rule here; `make` is a
//! function without arguments that answers an empty log.

#![expect(
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "these are tests: a panic is how they fail"
)]

use std::{future::Future, sync::Arc, time::Duration};

use futures_util::{FutureExt, StreamExt, future::join_all};
use jiff::Timestamp;
use lionrocket_domain::{
    chat::{Message, MessageStatus, Role},
    ids::{ChatId, MessageId, TurnId, UserId},
    turn::{Turn, TurnRecord, TurnState},
    usage::TokenUsage,
};
use lionrocket_ports::reply_log::{
    LeftOver, ReplyEvent, ReplyEvents, ReplyLog, StartedAttempt, TextOffset,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

/// Makes a test of every rule of the contract for the logs that `$make` gives.
#[macro_export]
macro_rules! reply_log_contract {
    ($make:expr) => {
        $crate::reply_log_contract!(@tests $make;
            what_comes_after_a_reader_reaches_it,
            what_came_before_a_reader_reaches_it,
            readers_from_different_places_get_the_exact_rest,
            a_place_inside_a_character_is_the_one_before_it,
            a_place_beyond_the_end_is_the_end,
            closing_wakes_every_reader,
            a_reader_that_is_behind_reads_to_the_end_after_closing,
            abandoning_ends_readers_without_an_end,
            what_a_writer_had_that_broke_off_is_left_for_the_next,
            there_is_nothing_to_follow_unless_a_log_is_open,
            nothing_is_added_to_a_log_that_is_not_open,
            a_slow_reader_does_not_hold_up_the_writer,
            a_reader_that_went_away_does_not_matter,
            readers_hear_that_the_model_is_busy_unless_they_come_later,
            turns_do_not_mix,
            a_log_begins_with_the_text_that_is_there,
        );

        #[test]
        fn any_interleaving_of_appends_and_reads_gives_the_text() {
            $crate::reply_log::any_interleaving_of_appends_and_reads_gives_the_text($make);
        }
    };
    (@tests $make:expr; $($name:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::reply_log::$name(&($make)()).await;
            }
        )+
    };
}

/// How long a log may take to tell what it was told.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("the log tells its readers in time")
}

fn turn(number: u128) -> TurnId {
    TurnId::from_uuid(Uuid::from_u128(number))
}

fn message(id: i64, role: Role, content: &str) -> Message {
    Message {
        id: MessageId::from_stored(id),
        chat_id: ChatId::from_stored(1),
        parent_id: (id > 1).then(|| MessageId::from_stored(id - 1)),
        depth: id - 1,
        role,
        content: content.to_owned(),
        status: MessageStatus::Complete,
        turn_id: None,
        model: None,
        stop_reason: None,
        token_count: 0,
        tokens: TokenUsage::default(),
        created_at: Timestamp::UNIX_EPOCH,
    }
}

/// A record of a turn that ended with this text.
#[must_use]
pub fn ended_record(turn_id: TurnId, text: &str) -> Arc<TurnRecord> {
    Arc::new(TurnRecord {
        turn: Turn {
            id: turn_id,
            user_id: UserId::from_stored(1),
            chat_id: ChatId::from_stored(1),
            user_message_id: MessageId::from_stored(1),
            assistant_message_id: MessageId::from_stored(2),
            state: TurnState::Completed,
            failure: None,
            attempts: 1,
            resumed_from: 0,
            accepted_at: Timestamp::UNIX_EPOCH,
            first_text_at: None,
            ended_at: Some(Timestamp::UNIX_EPOCH),
        },
        user_message: message(1, Role::User, "?"),
        assistant_message: message(2, Role::Assistant, text),
        charge: None,
    })
}

async fn follow(log: &impl ReplyLog, turn_id: TurnId, after: TextOffset) -> ReplyEvents {
    soon(log.follow(turn_id, after))
        .await
        .expect("the log is open")
}

/// Reads until there are at least `length` bytes, checking that places and texts agree.
async fn read_text(events: &mut ReplyEvents, start: TextOffset, length: usize) -> String {
    let mut read = String::new();
    while read.len() < length {
        match soon(events.next()).await {
            Some(ReplyEvent::Text { text, end }) => {
                assert!(!text.is_empty(), "a text is never empty");
                read.push_str(&text);
                assert_eq!(end, start + read.len(), "a place fits the text before it");
            }
            other => panic!("text was expected, not {other:?}"),
        }
    }
    read
}

/// Reads to the end: all text, and the record if one was told.
async fn read_all(mut events: ReplyEvents) -> (String, Option<Arc<TurnRecord>>) {
    let mut read = String::new();
    let mut record = None;
    while let Some(event) = soon(events.next()).await {
        assert!(record.is_none(), "nothing follows the end");
        match event {
            ReplyEvent::Text { text, .. } => read.push_str(&text),
            ReplyEvent::Busy(_) => {}
            ReplyEvent::Ended(ended) => record = Some(ended),
        }
    }
    (read, record)
}

/// A reader that was there first sees each piece come.
pub async fn what_comes_after_a_reader_reaches_it(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    let mut reader = follow(log, turn(1), 0).await;
    assert_eq!(reader.next().now_or_never(), None, "there is nothing yet");
    log.append(turn(1), "안녕".to_owned()).await;
    assert_eq!(read_text(&mut reader, 0, 6).await, "안녕");
    log.append(turn(1), " hello".to_owned()).await;
    assert_eq!(read_text(&mut reader, 6, 6).await, " hello");
}

/// A reader that comes later gets what is there, then what comes.
pub async fn what_came_before_a_reader_reaches_it(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    log.append(turn(1), "one ".to_owned()).await;
    log.append(turn(1), "two ".to_owned()).await;
    let mut reader = follow(log, turn(1), 0).await;
    assert_eq!(read_text(&mut reader, 0, 8).await, "one two ");
    log.append(turn(1), "three".to_owned()).await;
    assert_eq!(read_text(&mut reader, 8, 5).await, "three");
}

/// A reply that goes on is one text.
pub async fn a_log_begins_with_the_text_that_is_there(log: &impl ReplyLog) {
    log.open(turn(1), "one ".to_owned()).await;
    let mut reader = follow(log, turn(1), 0).await;
    assert_eq!(read_text(&mut reader, 0, 4).await, "one ");
    log.append(turn(1), "two".to_owned()).await;
    assert_eq!(read_text(&mut reader, 4, 3).await, "two");
    let mut late = follow(log, turn(1), 2).await;
    assert_eq!(read_text(&mut late, 2, 5).await, "e two");
}

/// Each reader gets the bytes after its place, no more and no less.
pub async fn readers_from_different_places_get_the_exact_rest(log: &impl ReplyLog) {
    let text = "하루는 등대지기. 🦁 rocket";
    log.open(turn(1), String::new()).await;
    log.append(turn(1), text[..10].to_owned()).await;
    let from_start = follow(log, turn(1), 0).await;
    let from_middle = follow(log, turn(1), 3).await;
    log.append(turn(1), text[10..].to_owned()).await;
    let late = follow(log, turn(1), 10).await;
    let at_end = follow(log, turn(1), text.len()).await;
    let record = ended_record(turn(1), text);
    log.close(turn(1), Arc::clone(&record)).await;
    for (reader, place) in [
        (from_start, 0),
        (from_middle, 3),
        (late, 10),
        (at_end, text.len()),
    ] {
        let (read, end) = read_all(reader).await;
        assert_eq!(read, text[place..], "from {place}");
        assert_eq!(end, Some(Arc::clone(&record)));
    }
}

/// No reader is handed half a character.
pub async fn a_place_inside_a_character_is_the_one_before_it(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    log.append(turn(1), "가나다".to_owned()).await;
    for inside in [4, 5] {
        let mut reader = follow(log, turn(1), inside).await;
        assert_eq!(
            read_text(&mut reader, 3, 6).await,
            "나다",
            "from byte {inside}"
        );
    }
}

/// A reader that claims more than there is gets what comes next.
pub async fn a_place_beyond_the_end_is_the_end(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    log.append(turn(1), "가나".to_owned()).await;
    let mut reader = follow(log, turn(1), usize::MAX).await;
    log.append(turn(1), "다".to_owned()).await;
    assert_eq!(read_text(&mut reader, 6, 3).await, "다");
}

/// Readers that wait learn the end, and nothing after it.
pub async fn closing_wakes_every_reader(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    let mut readers = Vec::new();
    for _ in 0..20 {
        readers.push(follow(log, turn(1), 0).await);
    }
    let record = ended_record(turn(1), "");
    let reading = join_all(readers.into_iter().map(read_all));
    let closing = async {
        tokio::task::yield_now().await;
        log.close(turn(1), Arc::clone(&record)).await;
    };
    let (all, ()) = tokio::join!(reading, closing);
    for (text, end) in all {
        assert_eq!((text.as_str(), end), ("", Some(Arc::clone(&record))));
    }
}

/// Closing takes nothing away from those who are still reading.
pub async fn a_reader_that_is_behind_reads_to_the_end_after_closing(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    let reader = follow(log, turn(1), 0).await;
    for _ in 0..100 {
        log.append(turn(1), "조금씩 ".to_owned()).await;
    }
    log.close(turn(1), ended_record(turn(1), "")).await;
    let (text, end) = read_all(reader).await;
    assert_eq!(text, "조금씩 ".repeat(100));
    assert!(end.is_some());
}

/// Without a record the readers just end, after the text.
pub async fn abandoning_ends_readers_without_an_end(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    let reader = follow(log, turn(1), 0).await;
    log.append(turn(1), "half".to_owned()).await;
    log.abandon(turn(1)).await;
    assert_eq!(read_all(reader).await, ("half".to_owned(), None));
}

/// Before it is opened and once it is over, the store is to be asked.
pub async fn there_is_nothing_to_follow_unless_a_log_is_open(log: &impl ReplyLog) {
    assert!(log.follow(turn(1), 0).await.is_none());
    log.open(turn(1), String::new()).await;
    assert!(log.follow(turn(1), 0).await.is_some());
    assert!(log.follow(turn(2), 0).await.is_none());
    log.close(turn(1), ended_record(turn(1), "")).await;
    assert!(log.follow(turn(1), 0).await.is_none());
    log.open(turn(2), String::new()).await;
    log.abandon(turn(2)).await;
    assert!(log.follow(turn(2), 0).await.is_none());
}

/// Until somebody writes it anew, or ends it.
pub async fn what_a_writer_had_that_broke_off_is_left_for_the_next(log: &impl ReplyLog) {
    let attempt = StartedAttempt {
        model: "model".to_owned(),
        tokens: TokenUsage::default(),
        request_id: Some("req_1".to_owned()),
    };
    log.open(turn(1), "안녕".to_owned()).await;
    let reader = follow(log, turn(1), 0).await;
    log.started(turn(1), attempt.clone()).await;
    log.append(turn(1), "하세요".to_owned()).await;
    assert_eq!(log.left_over(turn(1), 6).await, LeftOver::default());
    log.break_off(turn(1)).await;
    let (read, end) = read_all(reader).await;
    assert_eq!((read.as_str(), end), ("안녕하세요", None));
    assert!(log.follow(turn(1), 0).await.is_none());
    for (saved, text) in [(6, "하세요"), (9, "세요"), (15, ""), (40, "")] {
        let left = log.left_over(turn(1), saved).await;
        assert_eq!(
            (left.text.as_str(), left.attempts),
            (text, vec![attempt.clone()])
        );
    }
    log.open(turn(1), "안녕하세요".to_owned()).await;
    assert_eq!(log.left_over(turn(1), 6).await, LeftOver::default());
    log.break_off(turn(1)).await;
    log.abandon(turn(1)).await;
    assert_eq!(log.left_over(turn(1), 6).await, LeftOver::default());
}

/// A writer that comes too early or too late does no harm.
pub async fn nothing_is_added_to_a_log_that_is_not_open(log: &impl ReplyLog) {
    log.append(turn(1), "too early".to_owned()).await;
    log.busy(turn(1), Duration::from_secs(1)).await;
    log.close(turn(1), ended_record(turn(1), "")).await;
    log.abandon(turn(1)).await;
    assert!(log.follow(turn(1), 0).await.is_none());
    log.open(turn(1), String::new()).await;
    let reader = follow(log, turn(1), 0).await;
    log.append(turn(1), "text".to_owned()).await;
    log.append(turn(1), String::new()).await;
    log.close(turn(1), ended_record(turn(1), "text")).await;
    log.append(turn(1), "too late".to_owned()).await;
    assert_eq!(read_all(reader).await.0, "text");
}

/// A reader that is not read from costs the writer nothing, and gets everything in the end.
pub async fn a_slow_reader_does_not_hold_up_the_writer(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    let slow = follow(log, turn(1), 0).await;
    let piece = "느린 독자도 기다려 주지 않는다. ";
    soon(async {
        for _ in 0..2_000 {
            log.append(turn(1), piece.to_owned()).await;
        }
        log.close(turn(1), ended_record(turn(1), "")).await;
    })
    .await;
    assert_eq!(read_all(slow).await.0, piece.repeat(2_000));
}

/// A reader that is dropped in the middle changes nothing for the others.
pub async fn a_reader_that_went_away_does_not_matter(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    let mut leaves = follow(log, turn(1), 0).await;
    let stays = follow(log, turn(1), 0).await;
    log.append(turn(1), "one".to_owned()).await;
    assert_eq!(read_text(&mut leaves, 0, 3).await, "one");
    drop(leaves);
    log.append(turn(1), " two".to_owned()).await;
    log.close(turn(1), ended_record(turn(1), "one two")).await;
    assert_eq!(read_all(stays).await.0, "one two");
}

/// That the model is busy concerns those who wait now.
pub async fn readers_hear_that_the_model_is_busy_unless_they_come_later(log: &impl ReplyLog) {
    let pause = Duration::from_millis(1_500);
    log.open(turn(1), String::new()).await;
    let mut early = follow(log, turn(1), 0).await;
    log.busy(turn(1), pause).await;
    assert_eq!(soon(early.next()).await, Some(ReplyEvent::Busy(pause)));
    log.busy(turn(1), pause).await;
    assert_eq!(
        soon(early.next()).await,
        Some(ReplyEvent::Busy(pause)),
        "the same pause is told again"
    );
    let mut late = follow(log, turn(1), 0).await;
    log.append(turn(1), "finally".to_owned()).await;
    assert_eq!(read_text(&mut late, 0, 7).await, "finally");
    assert_eq!(read_text(&mut early, 0, 7).await, "finally");
}

/// What is written to one turn is read from that turn only.
pub async fn turns_do_not_mix(log: &impl ReplyLog) {
    log.open(turn(1), String::new()).await;
    log.open(turn(2), String::new()).await;
    let first = follow(log, turn(1), 0).await;
    let mut second = follow(log, turn(2), 0).await;
    log.append(turn(1), "first".to_owned()).await;
    log.append(turn(2), "second".to_owned()).await;
    log.close(turn(1), ended_record(turn(1), "first")).await;
    assert_eq!(read_all(first).await.0, "first");
    assert_eq!(read_text(&mut second, 0, 6).await, "second");
    assert_eq!(second.next().now_or_never(), None, "turn 2 goes on");
}

/// What a writer and its readers do, one after the other.
#[derive(Clone, Debug)]
enum Step {
    Append(String),
    /// Somebody begins to read, from this part (of 255) of the text.
    Attach(u8),
    /// The reader of this number, if there is one, reads one event if there is one.
    Read(usize),
}

/// A reader, the place from which it reads and what it read.
struct Follower {
    events: ReplyEvents,
    start: TextOffset,
    read: String,
}

/// Whatever the order of appends and reads, every reader ends with exactly the text after its place.
/// A failure shows the smallest order found that breaks the rule.
pub fn any_interleaving_of_appends_and_reads_gives_the_text<L: ReplyLog>(make: impl Fn() -> L) {
    let step = prop_oneof![
        4 => "[a-z가-힣🦁 ]{0,12}".prop_map(Step::Append),
        1 => any::<u8>().prop_map(Step::Attach),
        4 => (0_usize..6).prop_map(Step::Read),
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime for the test");
    let config = Config {
        failure_persistence: None,
        ..Config::with_cases(200)
    };
    TestRunner::new(config)
        .run(&prop::collection::vec(step, 0..60), |steps| {
            runtime.block_on(play(&make(), &steps));
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

async fn play(log: &impl ReplyLog, steps: &[Step]) {
    let id = turn(1);
    let mut text = String::new();
    let mut followers: Vec<Follower> = Vec::new();
    log.open(id, String::new()).await;
    for step in steps {
        match step {
            Step::Append(piece) => {
                text.push_str(piece);
                log.append(id, piece.clone()).await;
            }
            Step::Attach(part) => {
                let place = text.len() * usize::from(*part) / 255;
                followers.push(Follower {
                    events: follow(log, id, place).await,
                    start: text.floor_char_boundary(place),
                    read: String::new(),
                });
            }
            Step::Read(number) => {
                if let Some(follower) = followers.get_mut(*number)
                    && let Some(event) = follower.events.next().now_or_never()
                {
                    match event {
                        Some(ReplyEvent::Text { text, .. }) => follower.read.push_str(&text),
                        other => panic!("text was expected, not {other:?}"),
                    }
                }
            }
        }
    }
    log.close(id, ended_record(id, &text)).await;
    for follower in followers {
        let (rest, end) = read_all(follower.events).await;
        assert_eq!(follower.read + &rest, text[follower.start..]);
        assert!(end.is_some());
    }
}
