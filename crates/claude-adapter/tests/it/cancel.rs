//! Dropping a reply.

use std::time::Duration;

use futures_util::StreamExt;
use lionrocket_claude_sim::Simulator;
use lionrocket_ports::model::{LanguageModel, ModelEvent};

use crate::{
    stage::{BLOCK, Heard, START, STREAM, Stage, Step, answer, text},
    support::{model, request, until},
};

#[tokio::test]
async fn a_reply_that_is_dropped_before_the_answer_is_gone_upstream() {
    let mut stage = Stage::start(vec![vec![Step::Stay]]).await;
    let mut stream = model(&stage.url).stream(request(&["Hi"])).await;
    let mut next = Box::pin(stream.next());
    tokio::select! {
        _ = &mut next => panic!("nothing was sent"),
        heard = stage.hear() => assert!(matches!(heard, Heard::Request { .. })),
    }
    drop(next);
    drop(stream);
    assert!(matches!(stage.hear().await, Heard::HungUp));
}

#[tokio::test]
async fn a_reply_that_is_dropped_in_the_middle_is_gone_upstream() {
    let begin = [STREAM, START, BLOCK, &text("Once upon")].concat();
    let mut stage = Stage::start(vec![vec![Step::Send(begin), Step::Stay]]).await;
    let model = model(&stage.url);
    let mut stream = model.stream(request(&["Hi"])).await;
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    assert!(matches!(stage.hear().await, Heard::Request { .. }));
    drop(stream);
    assert!(matches!(stage.hear().await, Heard::HungUp));
}

#[tokio::test]
async fn a_reply_that_is_dropped_while_it_waits_is_not_asked_for_again() {
    let mut stage = Stage::start(vec![
        answer(529, "retry-after-ms: 40\r\n", ""),
        answer(500, "", ""),
    ])
    .await;
    let model = model(&stage.url);
    let mut stream = model.stream(request(&["Hi"])).await;
    let wait = Duration::from_millis(40);
    assert_eq!(
        stream.next().await.unwrap().unwrap(),
        ModelEvent::Retrying(wait)
    );
    drop(stream);
    // Longer than the wait: nobody may come any more.
    assert!(
        tokio::time::timeout(wait * 4, async {
            stage.hear().await;
            stage.hear().await;
        })
        .await
        .is_err()
    );
}

#[tokio::test]
async fn a_reply_that_nobody_reads_is_not_asked_for() {
    let mut stage = Stage::start(vec![answer(500, "", "")]).await;
    drop(model(&stage.url).stream(request(&["Hi"])).await);
    assert_eq!(stage.requests(), 0);
}

#[tokio::test]
async fn the_service_stops_writing_when_a_reply_is_dropped() {
    let simulator = Simulator::builder()
        .pace(Duration::from_millis(20))
        .start()
        .await
        .unwrap();
    let model = model(&simulator.base_url());
    let mut stream = model.stream(request(&["등대 이야기를 들려줘"])).await;
    while !matches!(stream.next().await, Some(Ok(ModelEvent::Text(_)))) {}
    drop(stream);
    until("the end of the reply", || {
        let bill = simulator.bill();
        bill.charges.len() == 1 && !bill.charges[0].open
    })
    .await;
    assert!(!simulator.bill().charges[0].complete);
}
