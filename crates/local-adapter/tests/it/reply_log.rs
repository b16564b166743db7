use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lionrocket_contract_tests::{reply_log::ended_record, reply_log_contract};
use lionrocket_domain::ids::TurnId;
use lionrocket_local_adapter::LocalReplyLog;
use lionrocket_ports::reply_log::{ReplyEvent, ReplyEvents, ReplyLog};
use tokio::{task::JoinSet, time::timeout};
use uuid::Uuid;

const LONG: Duration = Duration::from_mins(1);

reply_log_contract!(LocalReplyLog::new);

fn turn(number: u128) -> TurnId {
    TurnId::from_uuid(Uuid::from_u128(number))
}

/// Reads to the end: the text, and how many events it came in.
async fn read_all(mut events: ReplyEvents) -> (String, usize) {
    let mut read = (String::new(), 0);
    while let Some(event) = events.next().await {
        if let ReplyEvent::Text { text, .. } = event {
            read.0.push_str(&text);
            read.1 += 1;
        }
    }
    read
}

#[tokio::test]
async fn a_reader_that_fell_behind_gets_all_it_missed_in_one_event() {
    let log = LocalReplyLog::new();
    log.open(turn(1), String::new()).await;
    let reader = log.follow(turn(1), 0).await.unwrap();
    for _ in 0..10_000 {
        log.append(turn(1), "단어 ".to_owned()).await;
    }
    log.abandon(turn(1)).await;
    assert_eq!(read_all(reader).await, ("단어 ".repeat(10_000), 1));
}

#[tokio::test]
async fn nothing_is_kept_of_a_turn_that_is_over() {
    let log = LocalReplyLog::new();
    for number in 0..100 {
        log.open(turn(number), String::new()).await;
    }
    assert_eq!(log.open_turns(), 100);
    for number in 0..50 {
        log.close(turn(number), ended_record(turn(number), ""))
            .await;
    }
    for number in 50..100 {
        log.abandon(turn(number)).await;
    }
    assert_eq!(log.open_turns(), 0);
}

#[tokio::test]
async fn opening_an_open_log_again_keeps_its_text() {
    let log = LocalReplyLog::new();
    log.open(turn(1), String::new()).await;
    log.append(turn(1), "kept".to_owned()).await;
    log.open(turn(1), String::new()).await;
    let mut reader = log.follow(turn(1), 0).await.unwrap();
    let event = reader.next().now_or_never().flatten();
    assert!(matches!(event, Some(ReplyEvent::Text { text, .. }) if text == "kept"));
}

#[tokio::test]
async fn readers_end_when_the_log_itself_is_gone() {
    let log = LocalReplyLog::new();
    log.open(turn(1), String::new()).await;
    let reader = log.follow(turn(1), 0).await.unwrap();
    log.append(turn(1), "last words".to_owned()).await;
    drop(log);
    assert_eq!(read_all(reader).await.0, "last words");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_readers_follow_one_turn() {
    let log = LocalReplyLog::new();
    log.open(turn(1), String::new()).await;
    let mut readers = JoinSet::new();
    for _ in 0..1_000 {
        readers.spawn(read_all(log.follow(turn(1), 0).await.unwrap()));
    }
    for _ in 0..200 {
        log.append(turn(1), "한 마디 ".to_owned()).await;
        tokio::task::yield_now().await;
    }
    log.close(turn(1), ended_record(turn(1), "")).await;
    let text = "한 마디 ".repeat(200);
    let all = timeout(LONG, readers.join_all()).await.unwrap();
    assert!(all.len() == 1_000 && all.into_iter().all(|read| read.0 == text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_turns_have_a_reader_each() {
    let log = LocalReplyLog::new();
    let mut readers = JoinSet::new();
    for number in 0..10_000 {
        log.open(turn(number), String::new()).await;
        readers.spawn(read_all(log.follow(turn(number), 0).await.unwrap()));
    }
    for _ in 0..5 {
        for number in 0..10_000 {
            log.append(turn(number), format!("{number} ")).await;
        }
    }
    for number in 0..10_000 {
        log.close(turn(number), ended_record(turn(number), ""))
            .await;
    }
    let all = timeout(LONG, readers.join_all()).await.unwrap();
    let mut texts: Vec<String> = all.into_iter().map(|read| read.0).collect();
    texts.sort_unstable();
    let mut expected: Vec<String> = (0..10_000).map(|n| format!("{n} ").repeat(5)).collect();
    expected.sort_unstable();
    assert_eq!(texts, expected);
    assert_eq!(log.open_turns(), 0);
}
