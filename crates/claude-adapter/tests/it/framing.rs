//! However the network cuts the stream, the reply is the same.

use std::fmt::Write;

use lionrocket_ports::model::ModelEvent;
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    stage::{BLOCK, END, PING, START, STREAM, Stage, Step, text},
    support::{model, read, request},
};

fn reply() -> String {
    let parts = ["등대에 온 걸 ", "환영해! 🦁", "\r\n\"\\"].map(text);
    [START, BLOCK, PING, &parts.concat(), END].concat()
}

async fn events(steps: Vec<Step>) -> Vec<ModelEvent> {
    let stage = Stage::start(vec![steps]).await;
    let outcome = read(&model(&stage.url), request(&["Hi"])).await;
    assert!(outcome.error.is_none(), "{:?}", outcome.error);
    outcome.events
}

async fn whole() -> Vec<ModelEvent> {
    let events = events(vec![Step::Send(format!("{STREAM}{}", reply()))]).await;
    assert_eq!(events.len(), 5);
    events
}

#[tokio::test]
async fn a_reply_that_comes_byte_by_byte_is_the_same() {
    let dripped = events(vec![Step::Drip(format!("{STREAM}{}", reply()))]).await;
    assert_eq!(dripped, whole().await);
}

#[tokio::test]
async fn a_reply_with_other_line_ends_is_the_same() {
    for end in ["\r\n", "\r"] {
        let reply = reply().replace('\n', end);
        let sent = events(vec![Step::Drip(format!("{STREAM}{reply}"))]).await;
        assert_eq!(sent, whole().await, "{end:?}");
    }
}

#[tokio::test]
async fn comments_and_several_data_lines_are_understood() {
    let split = reply().replace(",\"delta\":", ",\ndata: \"delta\":");
    let sent = format!("{STREAM}: hello\n\n{split}");
    assert_eq!(events(vec![Step::Send(sent)]).await, whole().await);
}

#[tokio::test]
async fn a_reply_in_chunks_is_the_same() {
    let head = STREAM.replace("connection: close", "transfer-encoding: chunked");
    let reply = reply();
    let mut body = String::new();
    for piece in reply.chars().collect::<Vec<_>>().chunks(7) {
        let piece: String = piece.iter().collect();
        write!(body, "{:x}\r\n{piece}\r\n", piece.len()).unwrap();
    }
    let sent = format!("{head}{body}0\r\n\r\n");
    assert_eq!(events(vec![Step::Send(sent)]).await, whole().await);
}

/// Runs a test over random input inside one runtime.
fn check<T: std::fmt::Debug>(
    strategy: impl Strategy<Value = T>,
    test: impl AsyncFn(T) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    TestRunner::new(ProptestConfig::with_cases(64))
        .run(&strategy, |input| runtime.block_on(test(input)))
        .unwrap();
}

#[test]
fn any_bytes_end_a_reply_without_a_panic() {
    let pieces = prop_oneof![
        Just(START.to_owned()),
        Just(BLOCK.to_owned()),
        Just(PING.to_owned()),
        Just(END.to_owned()),
        Just("\n".to_owned()),
        "[ -~]{0,40}\n",
        "data: [{}\":a-z0-9,]{0,40}\n\n",
        ".{0,20}".prop_map(|words| text(&words)),
    ];
    check(proptest::collection::vec(pieces, 0..12), async |pieces| {
        // Enough answers for every attempt: a stream that breaks before its start is asked for again.
        let answer = vec![Step::Send(format!("{STREAM}{}", pieces.concat()))];
        let stage = Stage::start(vec![answer; 3]).await;
        let outcome = read(&model(&stage.url), request(&["Hi"])).await;
        let is_whole = outcome.error.is_none();
        prop_assert!(!is_whole || outcome.has_started());
        Ok(())
    });
}
