//! The way to upstream breaks, at every place and in every manner.

use std::time::Duration;

use lionrocket_claude_adapter::{ClaudeModel, ClaudeSettings, Timeouts};
use lionrocket_claude_sim::Simulator;
use lionrocket_ports::model::ModelError;
use lionrocket_test_support::{Break, Disturbance, FaultyLink, Pace};

use crate::support::{Outcome, model, read, request, settings};

/// A short reply, so that each of its bytes can be cut away.
const QUESTION: &str = "Hi [[sim:max-tokens;after=3]]";
/// As many attempts as there are at most.
const ATTEMPTS: usize = 3;
/// Short for a test, but long enough for a busy machine to send a request.
const SHORT: Duration = Duration::from_millis(300);

/// A model behind a link that can be disturbed.
struct Way {
    link: FaultyLink,
    model: ClaudeModel,
}

impl Way {
    async fn to(upstream: &Simulator, timeouts: Timeouts) -> Self {
        let link = FaultyLink::to(&upstream.base_url()).await;
        let settings = ClaudeSettings {
            timeouts,
            ..settings(&link.url())
        };
        Self {
            model: ClaudeModel::new(settings).unwrap(),
            link,
        }
    }

    /// Asks with each connection disturbed; tells the outcome and how many connections there were.
    /// Whoever has got a whole reply keeps its connection, which nothing disturbs any more.
    async fn play(&self, disturbance: Disturbance) -> (Outcome, usize) {
        let before = self.link.connections();
        for _ in 0..ATTEMPTS {
            self.link.disturb(disturbance);
        }
        let outcome = read(&self.model, request(&[QUESTION])).await;
        self.link.calm();
        (outcome, self.link.connections() - before)
    }
}

#[tokio::test]
async fn wherever_the_answer_is_cut_the_text_before_it_is_kept_and_nothing_is_made_up() {
    let upstream = Simulator::builder().start().await.unwrap();
    let whole = read(&model(&upstream.base_url()), request(&[QUESTION])).await;
    let whole = whole.text();
    let way = Way::to(&upstream, Timeouts::default()).await;
    let mut longest = 0;
    // Sooner or later a cut meets every part of every event.
    for after in (0..).step_by(7) {
        let how = [Break::Close, Break::Reset][after % 2];
        let (outcome, connections) = way.play(Disturbance::of_answer(after, how)).await;
        let place = format!("{how:?} after {after}: {outcome:?}");
        let text = outcome.text();
        if outcome.error.is_none() {
            assert_eq!(text, whole, "{place}");
            // Else a connection died before the request was on it, and the client itself took another
            // one, which nothing disturbs.
            if longest == whole.len() {
                break;
            }
            continue;
        }
        assert!(whole.starts_with(&text), "{place}");
        // A reset may overtake what was sent before it.
        if how == Break::Close {
            assert!(text.len() >= longest, "{place}");
            longest = text.len();
        }
        if text.is_empty() {
            // Nothing was said yet, so the request is made again.
            assert_eq!(
                (connections, outcome.waits().len()),
                (ATTEMPTS, ATTEMPTS - 1),
                "{place}"
            );
            assert!(
                ["upstream_failed", "reply_interrupted"].contains(&outcome.code()),
                "{place}"
            );
        } else {
            // Only attempts that said nothing are made again. There may be some: how the answer is cut into
            // chunks differs from one to the next, and what is said within so many bytes with it.
            let is_interrupted = matches!(outcome.error, Some(ModelError::Interrupted));
            let only_silent = connections == outcome.waits().len() + 1;
            assert!(is_interrupted && only_silent, "{place}");
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_arrive_whole_is_made_again() {
    let upstream = Simulator::builder().start().await.unwrap();
    let way = Way::to(&upstream, Timeouts::default()).await;
    for how in [Break::Close, Break::Reset] {
        for after in [0, 1, 40, 200, 500] {
            let (outcome, connections) = way.play(Disturbance::of_request(after, how)).await;
            let found = (outcome.code(), connections, outcome.has_started());
            assert_eq!(
                found,
                ("upstream_failed", ATTEMPTS, false),
                "{how:?} after {after}"
            );
        }
    }
    assert_eq!(upstream.bill().total.charges, 0);
}

#[tokio::test]
async fn an_attempt_after_one_that_was_lost_is_a_whole_reply() {
    let upstream = Simulator::builder().start().await.unwrap();
    let Way { link, model } = Way::to(&upstream, Timeouts::default()).await;
    link.disturb(Disturbance::of_answer(0, Break::Close));
    link.disturb(Disturbance::of_request(10, Break::Reset));
    let outcome = read(&model, request(&[QUESTION])).await;
    let found = (outcome.code(), outcome.waits().len(), link.connections());
    assert_eq!(found, ("completed", 2, 3));
}

#[tokio::test]
async fn a_connection_that_falls_silent_is_given_up_wherever_that_is() {
    let upstream = Simulator::builder().start().await.unwrap();
    let timeouts = Timeouts {
        first_event: SHORT,
        between_events: SHORT,
        ..Timeouts::default()
    };
    let way = Way::to(&upstream, timeouts).await;
    let mut started = Vec::new();
    for after in (0..).step_by(400) {
        let (outcome, _) = way
            .play(Disturbance::of_answer(after, Break::Silence))
            .await;
        if outcome.error.is_none() {
            break;
        }
        assert_eq!(outcome.code(), "upstream_timeout", "after {after}");
        started.push(outcome.has_started());
    }
    assert!(
        started.contains(&false) && started.contains(&true),
        "{started:?}"
    );
    // The connection of the whole reply is kept; this one is new.
    let way = Way::to(&upstream, timeouts).await;
    let (outcome, _) = way.play(Disturbance::of_request(20, Break::Silence)).await;
    assert_eq!(
        (outcome.code(), outcome.has_started()),
        ("upstream_timeout", false)
    );
}

#[tokio::test]
async fn a_network_that_is_slow_or_splits_at_every_byte_changes_nothing() {
    let upstream = Simulator::builder().start().await.unwrap();
    let straight = read(&model(&upstream.base_url()), request(&[QUESTION])).await;
    for pace in [
        Pace::Bytewise(Duration::ZERO),
        Pace::Late(Duration::from_millis(20)),
    ] {
        let way = Way::to(&upstream, Timeouts::default()).await;
        let (outcome, connections) = way.play(Disturbance::of_pace(pace)).await;
        assert_eq!(
            (outcome.text(), connections),
            (straight.text(), 1),
            "{pace:?}"
        );
    }
}
