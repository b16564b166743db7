//! Summing up, by the turn engine and as the owner sees it.

use std::sync::{Arc, Mutex};

use futures_util::{StreamExt, stream};
use lionrocket_app::{
    ServiceError,
    summaries::{SummaryError, SummaryService},
    turns::{TurnService, TurnSettings},
};
use lionrocket_domain::{
    chat::{PastMessage, Role},
    ids::{CharacterId, ChatId, MessageId, TurnId},
    prompt::Wish,
    summary::{BranchSummary, Summary},
    text::SummaryText,
    turn::{StopReason, TurnState},
    usage::{Attempt, ChargeAccount},
    window::HistoryBudget,
};
use lionrocket_ports::{
    chats::{MockChatRepository, TurnContext, TurnContextOutcome, TurnPlace},
    model::{ModelError, ModelEvent, ModelRequest},
    reply_log::{LeftOver, StartedAttempt},
    summaries::{
        BeginSummary, BeginSummaryOutcome, ChangeSummaryOutcome, FinishSummary,
        FinishSummaryOutcome, MockSummaryStore, SummaryChange,
    },
    turns::FinishOutcome,
};

use crate::{
    support::{FixedClock, HeldTask, actor, now, past_message, turn_id},
    turns::{
        Mocks, context, finished, hello, model_started, record, settings, started, text, tokens,
    },
};

/// Ten messages of ten tokens, left out four at a time.
fn small() -> TurnSettings {
    let mut settings = settings();
    settings.history = HistoryBudget {
        max_tokens: 100,
        max_messages: 50,
        step_messages: 4,
    };
    settings
}

fn conversation(length: i64) -> Vec<PastMessage> {
    (1..=length)
        .map(|id| {
            let role = if id % 2 == 1 {
                Role::User
            } else {
                Role::Assistant
            };
            past_message(id, role, &"가".repeat(10))
        })
        .collect()
}

fn told_up_to(id: i64, words: &str) -> Summary {
    Summary {
        text: SummaryText::parse(words).unwrap(),
        is_edited: false,
        covers_up_to: MessageId::from_stored(id),
        depth: id - 1,
        updated_at: now(),
    }
}

fn past(newest: Option<Summary>) -> BranchSummary {
    BranchSummary {
        is_enabled: true,
        version: 7,
        newest,
    }
}

/// A chat of so many messages.
fn long_chat(length: i64, past: BranchSummary) -> TurnContext {
    TurnContext {
        parent_id: Some(MessageId::from_stored(length)),
        history: conversation(length),
        past,
        ..context()
    }
}

/// Mocks of a turn that ends well in such a chat.
fn mocks_of(before: TurnContext, after: TurnContext) -> Mocks {
    let mut mocks = Mocks::new();
    mocks.chats = MockChatRepository::new();
    one_more(mocks, before, after)
}

/// The same for one more turn.
fn one_more(mut mocks: Mocks, before: TurnContext, after: TurnContext) -> Mocks {
    mocks
        .chats
        .expect_turn_context()
        .withf(|_, _, _, messages| *messages == 50)
        .once()
        .return_once(move |_, _, _, _| Ok(TurnContextOutcome::Found(Box::new(before))));
    mocks
        .chats
        .expect_turn_context()
        .withf(|_, _, place, messages| *place == TurnPlace::Head && *messages == 100)
        .times(..=1)
        .return_once(move |_, _, _, _| Ok(TurnContextOutcome::Found(Box::new(after))));
    let mut mocks = mocks.begins(started());
    mocks
        .model
        .expect_stream()
        .withf(|request| request.prompt.wish == Wish::Reply)
        .once()
        .return_once(|_| Box::pin(stream::iter([model_started(), text("Hi"), finished()])));
    mocks.turns.expect_finish().once().returning(|_| {
        let ended = record(TurnState::Completed, "Hi");
        Ok(FinishOutcome::Finished(Box::new(ended)))
    });
    mocks.log.expect_append().return_const(());
    mocks.log.expect_close().return_const(());
    mocks.log.expect_abandon().return_const(());
    mocks
}

/// What was begun and written, as far as it came to that.
#[derive(Clone, Default)]
struct Seen {
    begun: Arc<Mutex<Option<BeginSummary>>>,
    asked: Arc<Mutex<Option<ModelRequest>>>,
    finished: Arc<Mutex<Option<FinishSummary>>>,
}

impl Seen {
    fn watch(&self, mocks: &mut Mocks, outcome: BeginSummaryOutcome) {
        let sink = self.begun.clone();
        mocks.summaries.expect_begin().returning(move |request| {
            *sink.lock().unwrap() = Some(request);
            Ok(outcome)
        });
        let sink = self.finished.clone();
        mocks.summaries.expect_finish().returning(move |request| {
            *sink.lock().unwrap() = Some(request);
            Ok(FinishSummaryOutcome::Kept)
        });
    }

    fn answer(&self, mocks: &mut Mocks, events: Vec<Result<ModelEvent, ModelError>>) {
        let sink = self.asked.clone();
        mocks
            .model
            .expect_stream()
            .withf(|request| request.prompt.wish == Wish::Summary)
            .once()
            .return_once(move |request| {
                *sink.lock().unwrap() = Some(request);
                Box::pin(stream::iter(events))
            });
    }

    fn finished(&self) -> FinishSummary {
        self.finished.lock().unwrap().take().expect("an end")
    }
}

async fn talk(service: &TurnService, spawner: &HeldTask) {
    service.begin(actor(1, false), hello()).await.unwrap();
    spawner.run().await;
}

#[tokio::test]
async fn what_the_next_request_will_leave_out_is_summed_up_after_the_turn() {
    let earlier = told_up_to(1, "They met.");
    let mut mocks = mocks_of(
        long_chat(10, past(Some(earlier.clone()))),
        long_chat(12, past(Some(earlier))),
    );
    let seen = Seen::default();
    seen.watch(&mut mocks, BeginSummaryOutcome::Started);
    let words = vec![
        model_started(),
        text("They met "),
        text("again."),
        finished(),
    ];
    seen.answer(&mut mocks, words);
    let spawner = HeldTask::new();
    let service = mocks.service_with(&spawner, small());
    talk(&service, &spawner).await;
    spawner.run().await;

    let begun = seen.begun.lock().unwrap().take().unwrap();
    assert_eq!(
        begun.covers_up_to.get(),
        8,
        "the first that is left out no more is 9"
    );
    assert_eq!(begun.version, 7);
    assert_eq!(
        begun.account.character_id,
        Some(CharacterId::from_stored(5))
    );
    assert!(begun.budget.most.tokens > 0);
    let asked = seen.asked.lock().unwrap().take().unwrap();
    assert!(asked.max_output_tokens < 1024);
    assert!(asked.prompt.turns[0].text.contains("They met."));
    let finished = seen.finished();
    let text = finished.text.map(SummaryText::into_string);
    assert_eq!(text.as_deref(), Some("They met again."));
    assert_eq!(finished.attempts.len(), 1);
    assert!(spawner.is_empty());
}

#[tokio::test]
async fn nothing_is_done_while_everything_is_sent_or_told_of_or_without_summaries() {
    let off = BranchSummary::default();
    for (length, past) in [
        (6, past(None)),
        (12, past(Some(told_up_to(8, "They met.")))),
        (12, off),
    ] {
        let chat = long_chat(length, past);
        let mocks = mocks_of(chat.clone(), chat);
        let spawner = HeldTask::new();
        let service = mocks.service_with(&spawner, small());
        talk(&service, &spawner).await;
        assert!(spawner.is_empty(), "{length}");
    }
}

#[tokio::test]
async fn where_a_summary_may_not_be_begun_the_model_is_not_asked() {
    for outcome in [
        BeginSummaryOutcome::BudgetExhausted,
        BeginSummaryOutcome::Busy,
        BeginSummaryOutcome::Outdated,
        BeginSummaryOutcome::Paused,
    ] {
        let mut mocks = mocks_of(long_chat(10, past(None)), long_chat(12, past(None)));
        let seen = Seen::default();
        seen.watch(&mut mocks, outcome);
        let spawner = HeldTask::new();
        let service = mocks.service_with(&spawner, small());
        talk(&service, &spawner).await;
        spawner.run().await;
        assert!(seen.begun.lock().unwrap().is_some());
        assert!(seen.finished.lock().unwrap().is_none());
    }
}

#[tokio::test]
async fn a_process_that_is_about_to_end_begins_no_summary() {
    let mut mocks = mocks_of(long_chat(10, past(None)), long_chat(12, past(None)));
    mocks.summaries.expect_begin().never();
    let spawner = HeldTask::new();
    let service = mocks.service_with(&spawner, small());
    talk(&service, &spawner).await;
    service.take_no_more();
    spawner.run().await;
}

#[tokio::test]
async fn only_whole_sentences_of_a_good_end_are_kept_and_everything_is_charged() {
    let ending = |reason, input| {
        Ok(ModelEvent::Finished {
            stop_reason: reason,
            tokens: tokens(input, 7),
        })
    };
    let said = || text("They met. They went to");
    for (events, kept, attempts, is_estimated) in [
        (
            vec![model_started(), said(), ending(StopReason::MaxTokens, 10)],
            Some("They met."),
            1,
            false,
        ),
        (
            vec![model_started(), said(), ending(StopReason::Refusal, 10)],
            None,
            1,
            false,
        ),
        (
            vec![model_started(), said(), Err(ModelError::Interrupted)],
            None,
            1,
            true,
        ),
        (vec![model_started(), said()], None, 1, true),
        (
            vec![model_started(), text("\u{200b}"), finished()],
            None,
            1,
            false,
        ),
        (vec![Err(ModelError::Timeout)], None, 0, false),
    ] {
        let mut mocks = mocks_of(long_chat(10, past(None)), long_chat(12, past(None)));
        let seen = Seen::default();
        seen.watch(&mut mocks, BeginSummaryOutcome::Started);
        seen.answer(&mut mocks, events);
        let spawner = HeldTask::new();
        let service = mocks.service_with(&spawner, small());
        talk(&service, &spawner).await;
        spawner.run().await;
        let end = seen.finished();
        assert_eq!(end.text.map(SummaryText::into_string).as_deref(), kept);
        assert_eq!(end.attempts.len(), attempts);
        let estimated = end.attempts.iter().any(|attempt| attempt.charge.estimated);
        assert_eq!(estimated, is_estimated);
    }
}

#[tokio::test]
async fn a_model_that_gave_no_summary_is_paid_for_another_only_when_more_is_left_out() {
    let chat = |length| long_chat(length, past(None));
    let mut mocks = mocks_of(chat(10), chat(12));
    mocks = one_more(mocks, chat(12), chat(12));
    mocks = one_more(mocks, chat(14), chat(16));
    let refusal = || {
        Ok(ModelEvent::Finished {
            stop_reason: StopReason::Refusal,
            tokens: tokens(10, 7),
        })
    };
    let seen = Seen::default();
    seen.watch(&mut mocks, BeginSummaryOutcome::Started);
    for _ in 0..2 {
        seen.answer(&mut mocks, vec![model_started(), text("I"), refusal()]);
    }
    let spawner = HeldTask::new();
    let service = mocks.service_with(&spawner, small());
    let mut tried = Vec::new();
    for _ in 0..3 {
        talk(&service, &spawner).await;
        spawner.run().await;
        let begun = seen.begun.lock().unwrap().take();
        tried.push(begun.map(|begun| begun.covers_up_to.get()));
    }
    assert_eq!(tried, [Some(8), None, Some(12)]);
}

#[tokio::test]
async fn a_summary_is_cut_when_the_process_must_end() {
    let mut mocks = mocks_of(long_chat(10, past(None)), long_chat(12, past(None)));
    let seen = Seen::default();
    seen.watch(&mut mocks, BeginSummaryOutcome::Started);
    let (has_begun, begun) = tokio::sync::oneshot::channel();
    let has_begun = Mutex::new(Some(has_begun));
    mocks
        .model
        .expect_stream()
        .withf(|request| request.prompt.wish == Wish::Summary)
        .once()
        .return_once(move |_| {
            let tell = has_begun.lock().unwrap().take().unwrap();
            let events = stream::iter([model_started(), text("They met.")]);
            Box::pin(events.chain(stream::once(async move {
                tell.send(()).unwrap();
                std::future::pending().await
            })))
        });
    let spawner = HeldTask::new();
    let service = mocks.service_with(&spawner, small());
    talk(&service, &spawner).await;
    tokio::join!(spawner.run(), async {
        begun.await.unwrap();
        assert_eq!(service.interrupt_all(), 1);
    });
    let end = seen.finished();
    assert_eq!(end.text, None);
    assert!(end.attempts[0].charge.estimated);
}

#[tokio::test]
async fn a_summary_whose_process_died_is_charged_by_what_is_known_and_has_no_words() {
    let account = ChargeAccount {
        turn_id: turn_id(),
        user_id: actor(1, false).user_id,
        chat_id: ChatId::from_stored(1),
        character_id: None,
        usage_date: settings().zone.day_of(now()),
        accepted_at: now(),
    };
    let mut mocks = Mocks::new();
    mocks.summaries = MockSummaryStore::new();
    let mut left = vec![vec![], vec![account]];
    mocks
        .summaries
        .expect_left_over()
        .withf(|_, lease_before, _, at_work: &Vec<TurnId>| {
            lease_before.is_none() && at_work.is_empty()
        })
        .returning(move |_, _, _, _| Ok(left.pop().unwrap_or_default()));
    mocks
        .turns
        .expect_claim_orphans()
        .returning(|_, _, _, _, _| Ok(Vec::new()));
    mocks.turns.expect_give_back_leftovers().returning(|| Ok(0));
    mocks.log.expect_abandon().once().return_const(());
    mocks.log.expect_left_over().returning(|_, _| LeftOver {
        text: "They met".to_owned(),
        attempts: vec![StartedAttempt {
            model: "model".to_owned(),
            tokens: tokens(300, 1),
            request_id: Some("req_9".to_owned()),
        }],
    });
    let seen = Seen::default();
    seen.watch(&mut mocks, BeginSummaryOutcome::Started);
    let service = mocks.service_with(&HeldTask::new(), small());
    service.recover_after_restart().await.unwrap();
    let end = seen.finished();
    assert_eq!((end.account, end.text), (account, None));
    let [Attempt { charge, .. }] = &end.attempts[..] else {
        panic!("one attempt: {:?}", end.attempts);
    };
    assert_eq!((charge.tokens.input, charge.tokens.output), (300, 4));
    assert!(charge.estimated);
}

#[tokio::test]
async fn the_owner_is_told_why_a_summary_is_not_changed() {
    let change = |outcome| {
        let mut store = MockSummaryStore::new();
        store
            .expect_change()
            .return_once(move |_, _, _, _, _| Ok(outcome));
        let service = SummaryService::new(Arc::new(store), Arc::new(FixedClock));
        async move {
            let chat_id = ChatId::from_stored(1);
            service
                .change(actor(1, false), chat_id, SummaryChange::default(), None)
                .await
                .unwrap_err()
        }
    };
    assert!(matches!(
        change(ChangeSummaryOutcome::NoSummary).await,
        SummaryError::NoSummary
    ));
    assert!(matches!(
        change(ChangeSummaryOutcome::Stale).await,
        SummaryError::Service(ServiceError::Stale)
    ));
    assert!(matches!(
        change(ChangeSummaryOutcome::NoChat).await,
        SummaryError::Service(ServiceError::NotFound)
    ));
}
