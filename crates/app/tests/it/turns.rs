//! The turn engine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use lionrocket_app::turns::{
    Ask, BeginError, Recovered, TurnEvent, TurnPorts, TurnRequest, TurnService, TurnSettings,
};
use lionrocket_domain::{
    budget::{BudgetScope, DailyBudgets, DailyLimit},
    calendar::{Day, StatsZone},
    catalog::{ModelCatalog, ModelFacts, Thinking},
    chat::{MessageStatus, Role},
    ids::{CharacterId, ChatId, MessageId, NodeId, TurnId, UserId},
    prompt::Wish,
    summary::BranchSummary,
    text::{CharacterName, MessageText, SystemPrompt},
    turn::{OnInterrupt, StopReason, Turn, TurnEnd, TurnFailure, TurnRecord, TurnState},
    usage::{Attempt, Charge, ChargeAccount, Prices, TokenUsage},
    window::HistoryBudget,
};
use lionrocket_ports::{
    StoreError,
    chats::{MockChatRepository, TurnCharacter, TurnContext, TurnContextOutcome, TurnPlace},
    model::{MockLanguageModel, ModelError, ModelEvent},
    reply_log::{LeftOver, MockReplyLog, ReplyEvent, StartedAttempt},
    summaries::MockSummaryStore,
    turns::{
        BeginOutcome, CheckpointOutcome, FinishOutcome, FinishTurn, MockTurnStore, NewMessages,
        OrphanedTurn, ResumeOutcome, ResumeTurn, StartedTurn,
    },
};
use mockall::Sequence;
use uuid::Uuid;

use crate::support::{FixedClock, FixedIds, HeldTask, actor, message, now, past_message, turn_id};

pub(crate) struct Mocks {
    pub(crate) chats: MockChatRepository,
    pub(crate) turns: MockTurnStore,
    pub(crate) model: MockLanguageModel,
    pub(crate) log: MockReplyLog,
    pub(crate) summaries: MockSummaryStore,
}

impl Mocks {
    /// A chat of user 1 with one earlier exchange.
    pub(crate) fn new() -> Self {
        let mut chats = MockChatRepository::new();
        chats
            .expect_turn_context()
            .returning(|_, _, _, _| Ok(TurnContextOutcome::Found(Box::new(context()))));
        let mut log = MockReplyLog::new();
        log.expect_open().return_const(());
        log.expect_started().return_const(());
        log.expect_forget_left_over().return_const(());
        let mut summaries = MockSummaryStore::new();
        summaries
            .expect_left_over()
            .returning(|_, _, _, _| Ok(Vec::new()));
        let mut model = MockLanguageModel::new();
        model.expect_model_id().return_const("model".to_owned());
        Self {
            chats,
            turns: MockTurnStore::new(),
            model,
            log,
            summaries,
        }
    }

    pub(crate) fn begins(mut self, outcome: BeginOutcome) -> Self {
        self.turns
            .expect_begin()
            .once()
            .return_once(move |_| Ok(outcome));
        self
    }

    fn answers(mut self, events: Vec<Result<ModelEvent, ModelError>>) -> Self {
        self.model
            .expect_stream()
            .once()
            .return_once(move |_| Box::pin(stream::iter(events)));
        self
    }

    fn service(self, spawner: &Arc<HeldTask>) -> TurnService {
        self.service_with(spawner, settings())
    }

    pub(crate) fn service_with(
        self,
        spawner: &Arc<HeldTask>,
        settings: TurnSettings,
    ) -> TurnService {
        let ports = TurnPorts {
            chats: Arc::new(self.chats),
            turns: Arc::new(self.turns),
            summaries: Arc::new(self.summaries),
            model: Arc::new(self.model),
            log: Arc::new(self.log),
            clock: Arc::new(FixedClock),
            ids: Arc::new(FixedIds),
            spawner: spawner.clone(),
        };
        TurnService::new(ports, settings)
    }
}

pub(crate) fn settings() -> TurnSettings {
    let facts = ModelFacts {
        prices: Prices {
            input: 1_000_000,
            output: 2_000_000,
            ..Prices::default()
        },
        long_prompt: None,
        thinking: Thinking::Unset,
        context_tokens: 200_000,
        max_output_tokens: 64_000,
    };
    TurnSettings {
        node_id: NodeId::from_uuid(Uuid::from_u128(3)),
        catalog: ModelCatalog {
            price_version: "test".to_owned(),
            models: BTreeMap::from([("model".to_owned(), facts)]),
        },
        max_output_tokens: 1024,
        zone: StatsZone::parse("Asia/Seoul").unwrap(),
        history: HistoryBudget::default(),
        max_running_per_user: 2,
        max_running: 2,
        max_waiting: 1,
        on_interrupt: OnInterrupt::Continue,
        budgets: DailyBudgets {
            user: DailyLimit {
                tokens: Some(2_000),
                cost_micro_usd: None,
            },
            service: DailyLimit::default(),
        },
    }
}

pub(crate) fn context() -> TurnContext {
    TurnContext {
        parent_id: Some(MessageId::from_stored(2)),
        person: None,
        history: vec![
            past_message(1, Role::User, "first"),
            past_message(2, Role::Assistant, "answer"),
        ],
        asked: None,
        cut_reply: None,
        past: BranchSummary::default(),
        common_prompts: Vec::new(),
        character: TurnCharacter::Available {
            id: CharacterId::from_stored(5),
            name: CharacterName::parse("Haru").unwrap(),
            system_prompt: SystemPrompt::parse("You keep a lighthouse.").unwrap(),
        },
    }
}

fn turn(state: TurnState) -> Turn {
    Turn {
        id: turn_id(),
        user_id: UserId::from_stored(1),
        chat_id: ChatId::from_stored(1),
        user_message_id: MessageId::from_stored(3),
        assistant_message_id: MessageId::from_stored(4),
        state,
        failure: None,
        attempts: 1,
        resumed_from: 0,
        accepted_at: now(),
        first_text_at: None,
        ended_at: None,
    }
}

pub(crate) fn started() -> BeginOutcome {
    BeginOutcome::Started(Box::new(StartedTurn {
        turn: turn(TurnState::Queued),
        user_message: message(3, Role::User, "Hello", MessageStatus::Complete),
        assistant_message: message(4, Role::Assistant, "", MessageStatus::Streaming),
    }))
}

pub(crate) fn record(state: TurnState, text: &str) -> TurnRecord {
    TurnRecord {
        turn: turn(state),
        user_message: message(3, Role::User, "Hello", MessageStatus::Complete),
        assistant_message: message(4, Role::Assistant, text, state.into()),
        charge: None,
    }
}

fn asking(ask: Ask) -> TurnRequest {
    TurnRequest {
        chat_id: ChatId::from_stored(1),
        ask,
        idempotency_key: None,
    }
}

fn say(words: &str) -> TurnRequest {
    asking(Ask::Say {
        text: MessageText::parse(words, 200).unwrap(),
        after: None,
    })
}

pub(crate) fn hello() -> TurnRequest {
    say("Hello")
}

pub(crate) fn tokens(input: u64, output: u64) -> TokenUsage {
    TokenUsage {
        input,
        output,
        ..TokenUsage::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "an item of the model's stream")]
pub(crate) fn model_started() -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Started {
        model: "model".to_owned(),
        tokens: tokens(10, 1),
        request_id: Some("req_1".to_owned()),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "an item of the model's stream")]
pub(crate) fn text(words: &str) -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Text(words.to_owned()))
}

#[expect(clippy::unnecessary_wraps, reason = "an item of the model's stream")]
pub(crate) fn finished() -> Result<ModelEvent, ModelError> {
    Ok(ModelEvent::Finished {
        stop_reason: StopReason::EndTurn,
        tokens: tokens(10, 7),
    })
}

/// Sends a message, runs the reply task and answers what was written at the end.
async fn finish_of(mut mocks: Mocks) -> FinishTurn {
    let written: Arc<Mutex<Option<FinishTurn>>> = Arc::default();
    let sink = written.clone();
    mocks
        .turns
        .expect_finish()
        .once()
        .returning(move |request| {
            *sink.lock().unwrap() = Some(request);
            Ok(FinishOutcome::Finished(Box::new(record(
                TurnState::Completed,
                "",
            ))))
        });
    mocks.log.expect_close().once().return_const(());
    let spawner = HeldTask::new();
    mocks
        .begins(started())
        .service(&spawner)
        .begin(actor(1, false), hello())
        .await
        .unwrap();
    spawner.run().await;
    let request = written.lock().unwrap().take();
    request.unwrap()
}

#[tokio::test]
async fn a_message_is_answered_stored_and_counted() {
    let mut mocks = Mocks::new().answers(vec![
        model_started(),
        text("Good "),
        text("evening."),
        finished(),
    ]);
    // Words that have come at once are shown as one.
    mocks
        .log
        .expect_append()
        .withf(|id, text| *id == turn_id() && text == "Good evening.")
        .once()
        .return_const(());
    let end = finish_of(mocks).await;
    assert_eq!(
        (end.end, end.text.as_str(), end.failure),
        (TurnEnd::Completed, "Good evening.", None)
    );
    assert_eq!(
        end.attempts,
        [Attempt {
            charge: Charge {
                model: "model".to_owned(),
                tokens: tokens(10, 7),
                cost_micro_usd: 24,
                price_version: "test".to_owned(),
                estimated: false,
            },
            upstream_request_id: Some("req_1".to_owned()),
        }]
    );
    assert_eq!(end.account.usage_date, Day::parse("2026-11-22").unwrap());
    assert_eq!(end.account.character_id, Some(CharacterId::from_stored(5)));
}

#[tokio::test]
async fn the_model_is_sent_the_branch_and_the_new_message() {
    let mut mocks = Mocks::new();
    mocks
        .model
        .expect_stream()
        .withf(|request| {
            let turns: Vec<&str> = request
                .prompt
                .turns
                .iter()
                .map(|turn| turn.text.as_str())
                .collect();
            turns == ["first", "answer", "Hello"] && request.max_output_tokens == 1024
        })
        .once()
        .returning(|_| Box::pin(stream::iter([model_started(), finished()])));
    finish_of(mocks).await;
}

#[tokio::test]
async fn every_failure_of_the_model_ends_the_turn_and_keeps_its_text() {
    let failures: [(ModelError, TurnEnd, TurnFailure); 4] = [
        (
            ModelError::Overloaded { retry_after: None },
            TurnEnd::Failed,
            TurnFailure::UpstreamOverloaded,
        ),
        (
            ModelError::Failed("broken".into()),
            TurnEnd::Failed,
            TurnFailure::UpstreamFailed,
        ),
        (
            ModelError::Timeout,
            TurnEnd::Failed,
            TurnFailure::UpstreamTimeout,
        ),
        (
            ModelError::Interrupted,
            TurnEnd::Interrupted,
            TurnFailure::ReplyInterrupted,
        ),
    ];
    for (error, end, failure) in failures {
        let mut mocks = Mocks::new().answers(vec![model_started(), text("Good eve"), Err(error)]);
        mocks.log.expect_append().return_const(());
        let written = finish_of(mocks).await;
        assert_eq!(
            (written.end, written.failure, written.text.as_str()),
            (end, Some(failure), "Good eve")
        );
        assert!(written.attempts[0].charge.estimated);
    }
}

#[tokio::test]
async fn readers_see_that_the_model_is_busy() {
    let wait = Duration::from_millis(500);
    let mut mocks = Mocks::new().answers(vec![
        Ok(ModelEvent::Retrying(wait)),
        model_started(),
        finished(),
    ]);
    mocks
        .log
        .expect_busy()
        .withf(move |_, shown| *shown == wait)
        .once()
        .return_const(());
    finish_of(mocks).await;
}

#[tokio::test]
async fn a_long_reply_is_saved_before_its_end() {
    let mut mocks =
        Mocks::new().answers(vec![model_started(), text(&"가".repeat(1000)), finished()]);
    mocks.log.expect_append().return_const(());
    mocks
        .turns
        .expect_checkpoint()
        .withf(|saved| {
            saved.text.len() == 3000 && saved.tokens == tokens(10, 1) && saved.lease_until > now()
        })
        .once()
        .returning(|_| Ok(CheckpointOutcome::Saved));
    finish_of(mocks).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_reply_is_saved_every_second_and_its_lease_is_renewed() {
    let mut mocks = Mocks::new();
    mocks.model.expect_stream().once().returning(|_| {
        let pause = |seconds| async move { tokio::time::sleep(Duration::from_secs(seconds)).await };
        Box::pin(
            stream::once(async { text("Well…") }).chain(stream::once(async move {
                pause(25).await;
                finished()
            })),
        )
    });
    mocks.log.expect_append().return_const(());
    mocks
        .turns
        .expect_checkpoint()
        .withf(|saved| saved.text == "Well…")
        .times(3)
        .returning(|_| Ok(CheckpointOutcome::Saved));
    finish_of(mocks).await;
}

#[tokio::test]
async fn a_store_that_is_away_does_not_lose_a_reply() {
    let mut mocks = Mocks::new()
        .answers(vec![model_started(), text("Hi"), finished()])
        .begins(started());
    mocks.log.expect_append().return_const(());
    mocks.log.expect_close().once().return_const(());
    let mut order = Sequence::new();
    mocks
        .turns
        .expect_finish()
        .times(2)
        .in_sequence(&mut order)
        .returning(|_| Err(StoreError::Unavailable("away".into())));
    mocks
        .turns
        .expect_finish()
        .once()
        .in_sequence(&mut order)
        .returning(|_| {
            Ok(FinishOutcome::Finished(Box::new(record(
                TurnState::Completed,
                "Hi",
            ))))
        });
    let spawner = HeldTask::new();
    mocks
        .service(&spawner)
        .begin(actor(1, false), hello())
        .await
        .unwrap();
    spawner.run().await;
}

#[tokio::test]
async fn a_reply_to_a_deleted_chat_is_charged_and_forgotten() {
    let mut mocks = Mocks::new()
        .answers(vec![model_started(), finished()])
        .begins(started());
    mocks.turns.expect_finish().once().returning(|request| {
        assert_eq!(request.attempts.len(), 1);
        Ok(FinishOutcome::ChatGone)
    });
    mocks.log.expect_abandon().once().return_const(());
    let spawner = HeldTask::new();
    mocks
        .service(&spawner)
        .begin(actor(1, false), hello())
        .await
        .unwrap();
    spawner.run().await;
}

/// What the store says, and how to know the error that comes of it.
type Refusal = (BeginOutcome, fn(&BeginError) -> bool);

#[tokio::test]
async fn a_refused_begin_starts_no_reply() {
    let other = TurnId::from_uuid(Uuid::from_u128(9));
    let refusals: [Refusal; 5] = [
        (
            BeginOutcome::ChatBusy(other),
            |e| matches!(e, BeginError::ChatBusy(id) if id.as_uuid().as_u128() == 9),
        ),
        (BeginOutcome::UserBusy, |e| {
            matches!(e, BeginError::UserBusy)
        }),
        (BeginOutcome::KeyReused, |e| {
            matches!(e, BeginError::KeyReused)
        }),
        (BeginOutcome::NoChat, |e| matches!(e, BeginError::NotFound)),
        (BeginOutcome::ChatReadOnly, |e| {
            matches!(e, BeginError::ChatReadOnly)
        }),
    ];
    for (outcome, is_expected) in refusals {
        let spawner = HeldTask::new();
        let error = Mocks::new()
            .begins(outcome)
            .service(&spawner)
            .begin(actor(1, false), hello())
            .await
            .unwrap_err();
        assert!(is_expected(&error), "{error:?}");
        assert!(spawner.is_empty());
    }
}

#[tokio::test]
async fn a_chat_that_went_on_meanwhile_is_read_again() {
    let mut mocks = Mocks::new()
        .begins(BeginOutcome::ParentMoved)
        .begins(started());
    mocks.chats.checkpoint();
    mocks
        .chats
        .expect_turn_context()
        .withf(|_, _, place, _| *place == TurnPlace::Head)
        .times(2)
        .returning(|_, _, _, _| Ok(TurnContextOutcome::Found(Box::new(context()))));
    let spawner = HeldTask::new();
    assert!(
        mocks
            .service(&spawner)
            .begin(actor(1, false), hello())
            .await
            .is_ok()
    );
    assert!(!spawner.is_empty());
}

#[tokio::test]
async fn a_chat_or_a_parent_that_is_not_there_is_told_apart() {
    for (outcome, not_found) in [
        (TurnContextOutcome::NoChat, true),
        (TurnContextOutcome::NoMessage, false),
    ] {
        let mut mocks = Mocks::new();
        mocks.chats.checkpoint();
        mocks
            .chats
            .expect_turn_context()
            .return_once(move |_, _, _, _| Ok(outcome));
        let error = mocks
            .service(&HeldTask::new())
            .begin(actor(1, false), hello())
            .await
            .unwrap_err();
        assert_eq!(
            matches!(error, BeginError::NotFound),
            not_found,
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_repeated_key_answers_the_turn_as_it_is_now() {
    let mut mocks =
        Mocks::new().begins(BeginOutcome::Replayed(Box::new(turn(TurnState::Completed))));
    mocks
        .turns
        .expect_get()
        .once()
        .returning(|_, _, _| Ok(Some(record(TurnState::Completed, "Hi"))));
    let spawner = HeldTask::new();
    let message = TurnRequest {
        idempotency_key: Some("key".to_owned()),
        ..hello()
    };
    let sent = mocks
        .service(&spawner)
        .begin(actor(1, false), message)
        .await
        .unwrap();
    assert!(sent.replayed && spawner.is_empty());
    assert_eq!(sent.record.assistant_message.content, "Hi");
}

#[tokio::test]
async fn the_same_key_for_other_words_has_another_hash() {
    let hashes: Arc<Mutex<Vec<[u8; 32]>>> = Arc::default();
    for words in ["Hello", "Hello", "Bye"] {
        let mut mocks = Mocks::new();
        let sink = hashes.clone();
        mocks.turns.expect_begin().returning(move |begin| {
            sink.lock()
                .unwrap()
                .push(begin.idempotency.unwrap().request_hash);
            Ok(BeginOutcome::KeyReused)
        });
        let message = TurnRequest {
            idempotency_key: Some("key".to_owned()),
            ..say(words)
        };
        mocks
            .service(&HeldTask::new())
            .begin(actor(1, false), message)
            .await
            .unwrap_err();
    }
    let hashes = hashes.lock().unwrap();
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

async fn collect(service: &TurnService, after: usize) -> Vec<TurnEvent> {
    let events = service
        .follow(actor(1, false), ChatId::from_stored(1), turn_id(), after)
        .await
        .unwrap();
    events.collect().await
}

#[tokio::test]
async fn a_turn_that_is_over_is_read_from_the_store_from_any_place() {
    for (after, rest) in [
        (0, "안녕하세요"),
        (3, "녕하세요"),
        (4, "녕하세요"),
        (15, ""),
        (99, ""),
    ] {
        let mut mocks = Mocks::new();
        mocks
            .turns
            .expect_get()
            .returning(|_, _, _| Ok(Some(record(TurnState::Completed, "안녕하세요"))));
        let events = collect(&mocks.service(&HeldTask::new()), after).await;
        let ended = TurnEvent::Ended(Arc::new(record(TurnState::Completed, "안녕하세요")));
        if rest.is_empty() {
            assert_eq!(events, [ended]);
        } else {
            assert_eq!(
                events,
                [
                    TurnEvent::Text {
                        text: rest.to_owned(),
                        end: 15
                    },
                    ended
                ]
            );
        }
    }
}

#[tokio::test]
async fn a_reader_whose_log_closes_without_an_end_goes_on_from_the_store() {
    let mut mocks = Mocks::new();
    let mut order = Sequence::new();
    let running = record(TurnState::Streaming, "");
    let over = record(TurnState::Interrupted, "Hello there");
    mocks
        .turns
        .expect_get()
        .once()
        .in_sequence(&mut order)
        .return_once(move |_, _, _| Ok(Some(running)));
    let events = vec![ReplyEvent::Text {
        text: "Hello".to_owned(),
        end: 5,
    }];
    mocks
        .log
        .expect_follow()
        .once()
        .in_sequence(&mut order)
        .return_once(move |_, _| Some(Box::pin(stream::iter(events))));
    let found = over.clone();
    mocks
        .turns
        .expect_get()
        .once()
        .in_sequence(&mut order)
        .return_once(move |_, _, _| Ok(Some(found)));
    assert_eq!(
        collect(&mocks.service(&HeldTask::new()), 0).await,
        [
            TurnEvent::Text {
                text: "Hello".to_owned(),
                end: 5
            },
            TurnEvent::Text {
                text: " there".to_owned(),
                end: 11
            },
            TurnEvent::Ended(Arc::new(over)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_reader_waits_for_a_turn_that_runs_nowhere_until_it_is_ended() {
    let mut mocks = Mocks::new();
    let mut order = Sequence::new();
    mocks.log.expect_follow().returning(|_, _| None);
    mocks
        .turns
        .expect_get()
        .times(3)
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(Some(record(TurnState::Queued, ""))));
    mocks
        .turns
        .expect_get()
        .once()
        .in_sequence(&mut order)
        .returning(|_, _, _| Ok(Some(record(TurnState::Interrupted, ""))));
    let events = collect(&mocks.service(&HeldTask::new()), 0).await;
    assert_eq!(
        events,
        [TurnEvent::Ended(Arc::new(record(
            TurnState::Interrupted,
            ""
        )))]
    );
}

#[tokio::test]
async fn orphans_are_ended_with_their_text_and_an_estimated_charge() {
    let mut mocks = Mocks::new();
    mocks.log.expect_abandon().return_const(());
    mocks
        .turns
        .expect_give_back_leftovers()
        .once()
        .returning(|| Ok(1));
    let account = ChargeAccount {
        turn_id: turn_id(),
        user_id: UserId::from_stored(1),
        chat_id: ChatId::from_stored(1),
        character_id: None,
        usage_date: Day::parse("2026-11-21").unwrap(),
        accepted_at: now(),
    };
    // They are the second time without a process.
    let orphan = |model: Option<&str>| OrphanedTurn {
        attempts: 2,
        model: model.map(str::to_owned),
        ..orphan(account)
    };
    let batches = Mutex::new(vec![vec![], vec![orphan(Some("model")), orphan(None)]]);
    mocks
        .turns
        .expect_claim_orphans()
        .times(2)
        .returning(move |_, _, _, _, _| Ok(batches.lock().unwrap().pop().unwrap()));
    let charged: Arc<Mutex<Vec<Option<u64>>>> = Arc::default();
    let sink = charged.clone();
    mocks
        .turns
        .expect_finish()
        .times(2)
        .returning(move |request| {
            assert_eq!(
                (request.end, request.text.as_str()),
                (TurnEnd::Interrupted, "안녕")
            );
            assert_eq!(request.account.usage_date, account.usage_date);
            sink.lock().unwrap().push(
                request
                    .attempts
                    .first()
                    .map(|attempt| attempt.charge.tokens.output),
            );
            Ok(FinishOutcome::Finished(Box::new(record(
                TurnState::Interrupted,
                "안녕",
            ))))
        });
    mocks
        .log
        .expect_left_over()
        .returning(|_, _| LeftOver::default());
    let recovered = mocks
        .service(&HeldTask::new())
        .recover_after_restart()
        .await
        .unwrap();
    assert_eq!((recovered.resumed, recovered.ended), (0, 2));
    assert_eq!(*charged.lock().unwrap(), [Some(2), None]);
}

fn exhausted(is_certain: bool) -> BeginOutcome {
    BeginOutcome::BudgetExhausted {
        scope: BudgetScope::User,
        is_certain,
    }
}

/// What was set aside for each attempt to begin: tokens at most and at least, and the cost at most.
type Attempts = Arc<Mutex<Vec<(u64, u64, u64)>>>;

/// Answers attempts to begin one after the other and notes what they would set aside.
fn begins_with(mocks: &mut Mocks, outcomes: Vec<BeginOutcome>) -> Attempts {
    let attempts = Attempts::default();
    let sink = attempts.clone();
    let outcomes = Mutex::new(outcomes.into_iter());
    mocks.turns.expect_begin().returning(move |request| {
        let budget = request.budget;
        assert_eq!(budget.limits, settings().budgets);
        sink.lock().unwrap().push((
            budget.most.tokens,
            budget.least.tokens,
            budget.most.cost_micro_usd,
        ));
        Ok(outcomes.lock().unwrap().next().unwrap())
    });
    attempts
}

#[tokio::test]
async fn what_a_turn_may_cost_is_set_aside_without_asking_the_model() {
    let mut mocks = Mocks::new();
    let attempts = begins_with(&mut mocks, vec![started()]);
    let service = mocks.service(&HeldTask::new());
    service.begin(actor(1, false), hello()).await.unwrap();
    // 64 for the whole, 16 for each of four parts, the bytes of all texts, and the largest reply.
    let bytes = "Your name is Haru.\n\nYou keep a lighthouse.".len()
        + "first".len()
        + "answer".len()
        + "Hello".len();
    let input = 64 + 4 * 16 + u64::try_from(bytes).unwrap();
    assert_eq!(
        *attempts.lock().unwrap(),
        [(input + 1024, 4 + 1024, input + 2 * 1024)]
    );
}

#[tokio::test]
async fn a_message_that_may_still_fit_is_counted_by_the_model() {
    let mut mocks = Mocks::new();
    mocks
        .model
        .expect_count_tokens()
        .once()
        .returning(|_| Ok(32));
    let attempts = begins_with(&mut mocks, vec![exhausted(false), started()]);
    let service = mocks.service(&HeldTask::new());
    service.begin(actor(1, false), hello()).await.unwrap();
    let attempts = attempts.lock().unwrap();
    assert_eq!(attempts.len(), 2);
    // A sixteenth and sixteen more than was counted.
    assert_eq!(attempts[1].0, 32 + 2 + 16 + 1024);
    assert!(attempts[1].0 < attempts[0].0);
}

#[tokio::test]
async fn a_budget_that_is_used_up_is_told_with_the_moment_of_the_next_day() {
    for (outcomes, count) in [
        (vec![exhausted(true)], None),
        (vec![exhausted(false)], Some(Err(ModelError::Timeout))),
        (vec![exhausted(false), exhausted(false)], Some(Ok(32))),
    ] {
        let mut mocks = Mocks::new();
        if let Some(count) = count {
            mocks
                .model
                .expect_count_tokens()
                .once()
                .return_once(move |_| count);
        }
        let attempts = begins_with(&mut mocks, outcomes.clone());
        let service = mocks.service(&HeldTask::new());
        let refused = service.begin(actor(1, false), hello()).await.unwrap_err();
        // The clock stands at six in the evening in Seoul.
        let (midnight, wait) = ("2026-11-22T15:00:00Z", Duration::from_hours(6));
        assert!(
            matches!(
                refused,
                BeginError::BudgetExhausted { scope: BudgetScope::User, resets_at, retry_after }
                    if resets_at == midnight.parse().unwrap() && retry_after == wait
            ),
            "{refused:?}"
        );
        assert_eq!(attempts.lock().unwrap().len(), outcomes.len());
    }
}

#[tokio::test]
async fn while_the_service_is_paused_no_message_is_taken() {
    let service = Mocks::new()
        .begins(BeginOutcome::Paused)
        .service(&HeldTask::new());
    let refused = service.begin(actor(1, false), hello()).await;
    assert!(matches!(refused, Err(BeginError::Paused)), "{refused:?}");
}

#[tokio::test]
async fn the_store_is_told_which_character_was_read() {
    let mut mocks = Mocks::new();
    mocks
        .turns
        .expect_begin()
        .withf(|request| request.character_id == Some(CharacterId::from_stored(5)))
        .once()
        .return_once(|_| Ok(started()));
    let service = mocks.service(&HeldTask::new());
    service.begin(actor(1, false), hello()).await.unwrap();
}

#[tokio::test]
async fn a_character_that_is_back_when_the_turn_begins_is_read_again() {
    let mut mocks = Mocks::new();
    let mut chats = MockChatRepository::new();
    let gone = TurnContext {
        character: TurnCharacter::Gone,
        ..context()
    };
    let reads = Mutex::new(vec![context(), gone]);
    chats
        .expect_turn_context()
        .times(2)
        .returning(move |_, _, _, _| {
            let read = reads.lock().unwrap().pop().unwrap();
            Ok(TurnContextOutcome::Found(Box::new(read)))
        });
    mocks.chats = chats;
    let mut order = Sequence::new();
    mocks
        .turns
        .expect_begin()
        .withf(|request| request.character_id.is_none())
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(BeginOutcome::ParentMoved));
    mocks
        .turns
        .expect_begin()
        .withf(|request| request.character_id == Some(CharacterId::from_stored(5)))
        .once()
        .in_sequence(&mut order)
        .return_once(|_| Ok(started()));
    let service = mocks.service(&HeldTask::new());
    service.begin(actor(1, false), hello()).await.unwrap();
}

fn account() -> ChargeAccount {
    ChargeAccount {
        turn_id: turn_id(),
        user_id: UserId::from_stored(1),
        chat_id: ChatId::from_stored(1),
        character_id: Some(CharacterId::from_stored(5)),
        usage_date: Day::parse("2026-11-21").unwrap(),
        accepted_at: now(),
    }
}

fn orphan(account: ChargeAccount) -> OrphanedTurn {
    OrphanedTurn {
        account,
        assistant_message_id: MessageId::from_stored(4),
        attempts: 1,
        stop_requested: false,
        resumed_from: 0,
        text: "안녕".to_owned(),
        model: Some("model".to_owned()),
        tokens: tokens(10, 1),
        upstream_request_id: Some("req_1".to_owned()),
        first_text_at: None,
    }
}

/// A message that is there, with a reply to it.
fn answered(reply: lionrocket_domain::chat::Message) -> TurnContext {
    TurnContext {
        asked: Some(message(3, Role::User, "Hello", MessageStatus::Complete)),
        cut_reply: Some(reply),
        ..context()
    }
}

/// Mocks that find this around the message that is asked about.
fn finding(context: TurnContext) -> Mocks {
    let mut mocks = Mocks::new();
    mocks.chats.checkpoint();
    mocks
        .chats
        .expect_turn_context()
        .returning(move |_, _, _, _| Ok(TurnContextOutcome::Found(Box::new(context.clone()))));
    mocks
}

/// Lets every reply end well.
fn end_well(mocks: &mut Mocks) {
    mocks.turns.expect_finish().returning(|_| {
        Ok(FinishOutcome::Finished(Box::new(record(
            TurnState::Completed,
            "",
        ))))
    });
    mocks.log.expect_close().return_const(());
}

#[tokio::test]
async fn another_reply_is_asked_for_with_the_message_that_is_there() {
    let reply = message(4, Role::Assistant, "Hi", MessageStatus::Complete);
    let mut mocks = finding(answered(reply));
    mocks
        .turns
        .expect_begin()
        .withf(|request| {
            request.messages
                == NewMessages::Reply {
                    user_message_id: MessageId::from_stored(3),
                    beginning: String::new(),
                }
        })
        .once()
        .return_once(|_| Ok(started()));
    mocks
        .model
        .expect_stream()
        .withf(|request| {
            let last = request.prompt.turns.last().unwrap();
            last.text == "Hello" && request.prompt.wish == Wish::Reply
        })
        .once()
        .return_once(|_| Box::pin(stream::iter([model_started(), finished()])));
    end_well(&mut mocks);
    let spawner = HeldTask::new();
    let message_id = MessageId::from_stored(4);
    mocks
        .service(&spawner)
        .begin(actor(1, false), asking(Ask::Regenerate { message_id }))
        .await
        .unwrap();
    spawner.run().await;
}

#[tokio::test]
async fn only_a_reply_that_was_cut_and_has_words_can_go_on() {
    let cut = |status, text| message(4, Role::Assistant, text, status);
    let mut too_long = cut(MessageStatus::Complete, "Hi");
    too_long.stop_reason = Some(StopReason::MaxTokens);
    for (reply, may_go_on) in [
        (cut(MessageStatus::Stopped, "Hi"), true),
        (cut(MessageStatus::Interrupted, "Hi"), true),
        (cut(MessageStatus::Failed, "Hi"), true),
        (too_long, true),
        (cut(MessageStatus::Complete, "Hi"), false),
        (cut(MessageStatus::Streaming, "Hi"), false),
        (cut(MessageStatus::Failed, " "), false),
    ] {
        let mut mocks = finding(answered(reply.clone()));
        mocks.turns.expect_begin().returning(|request| {
            let beginning = match request.messages {
                NewMessages::Reply { beginning, .. } => beginning,
                NewMessages::Exchange { .. } => String::new(),
            };
            assert_eq!(beginning, "Hi");
            Ok(started())
        });
        let message_id = MessageId::from_stored(4);
        let begun = mocks
            .service(&HeldTask::new())
            .begin(actor(1, false), asking(Ask::Continue { message_id }))
            .await;
        match begun {
            Ok(_) => assert!(may_go_on, "{reply:?}"),
            Err(error) => {
                assert!(!may_go_on, "{reply:?}");
                assert!(matches!(error, BeginError::Unsuitable), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_same_key_for_another_wish_has_another_hash() {
    let hashes: Arc<Mutex<Vec<[u8; 32]>>> = Arc::default();
    let message_id = MessageId::from_stored(4);
    for ask in [
        Ask::Regenerate { message_id },
        Ask::Continue { message_id },
        Ask::Regenerate {
            message_id: MessageId::from_stored(3),
        },
    ] {
        let reply = message(4, Role::Assistant, "Hi", MessageStatus::Stopped);
        let mut mocks = finding(answered(reply));
        let sink = hashes.clone();
        mocks.turns.expect_begin().returning(move |begin| {
            let hash = begin.idempotency.unwrap().request_hash;
            sink.lock().unwrap().push(hash);
            Ok(BeginOutcome::KeyReused)
        });
        let request = TurnRequest {
            idempotency_key: Some("key".to_owned()),
            ..asking(ask)
        };
        let service = mocks.service(&HeldTask::new());
        service.begin(actor(1, false), request).await.unwrap_err();
    }
    let hashes = hashes.lock().unwrap();
    let different: std::collections::BTreeSet<_> = hashes.iter().collect();
    assert_eq!(different.len(), 3);
}

#[tokio::test]
async fn a_stopped_reply_keeps_its_words_and_the_model_is_let_go() {
    let mut mocks = Mocks::new().begins(started());
    let (dropped, model_was_let_go) = tokio::sync::oneshot::channel::<()>();
    mocks.model.expect_stream().return_once(|_| {
        Box::pin(
            stream::iter([model_started(), text("Well…")]).chain(stream::once(async move {
                let _dropped = dropped;
                std::future::pending().await
            })),
        )
    });
    mocks.log.expect_append().return_const(());
    mocks.log.expect_close().once().return_const(());
    mocks
        .turns
        .expect_request_stop()
        .once()
        .returning(|_, _, _, _| Ok(Some(record(TurnState::Streaming, "Well…"))));
    mocks
        .turns
        .expect_finish()
        .withf(|end| {
            (end.end, end.failure, end.text.as_str()) == (TurnEnd::Stopped, None, "Well…")
                && end.attempts[0].charge.estimated
        })
        .once()
        .returning(|_| {
            Ok(FinishOutcome::Finished(Box::new(record(
                TurnState::Stopped,
                "Well…",
            ))))
        });
    let spawner = HeldTask::new();
    let service = mocks.service(&spawner);
    let begun = service.begin(actor(1, false), hello()).await.unwrap();
    let turn = &begun.record.turn;
    let stop = async {
        // The task has read all there is once it waits for more.
        tokio::task::yield_now().await;
        service.stop(actor(1, false), turn.chat_id, turn.id).await
    };
    let ((), stopped) = tokio::join!(spawner.run(), stop);
    assert_eq!(stopped.unwrap().turn.state, TurnState::Streaming);
    assert!(model_was_let_go.await.is_err(), "the stream was dropped");
}

#[tokio::test]
async fn readers_of_a_reply_that_met_its_end_as_it_was_stopped_are_told_what_is_stored() {
    let mut mocks = Mocks::new().answers(vec![model_started(), text("Well."), finished()]);
    mocks.log.expect_append().return_const(());
    mocks
        .turns
        .expect_finish()
        .withf(|end| end.end == TurnEnd::Completed && !end.attempts[0].charge.estimated)
        .once()
        .returning(|_| {
            Ok(FinishOutcome::Finished(Box::new(record(
                TurnState::Stopped,
                "Well.",
            ))))
        });
    mocks
        .log
        .expect_close()
        .withf(|_, record| record.turn.state == TurnState::Stopped)
        .once()
        .return_const(());
    let spawner = HeldTask::new();
    let service = mocks.begins(started()).service(&spawner);
    service.begin(actor(1, false), hello()).await.unwrap();
    spawner.run().await;
}

#[tokio::test]
async fn what_was_shown_of_a_reply_whose_task_panicked_is_left_for_the_next() {
    let mut mocks = Mocks::new();
    mocks.model.expect_stream().return_once(|_| {
        let fault = stream::once(async { panic!("a fault of ours") });
        Box::pin(stream::iter([model_started(), text("Well…")]).chain(fault))
    });
    mocks.log.expect_append().return_const(());
    mocks.log.expect_break_off().once().return_const(());
    let spawner = HeldTask::new();
    let service = mocks.begins(started()).service(&spawner);
    service.begin(actor(1, false), hello()).await.unwrap();
    spawner.run().await;
}

#[tokio::test(start_paused = true)]
async fn a_wish_to_stop_that_another_process_took_is_found_when_the_text_is_saved() {
    let mut mocks = Mocks::new();
    mocks.model.expect_stream().return_once(|_| {
        Box::pin(stream::iter([model_started(), text("Well…")]).chain(stream::pending()))
    });
    mocks.log.expect_append().return_const(());
    mocks
        .turns
        .expect_checkpoint()
        .once()
        .returning(|_| Ok(CheckpointOutcome::StopRequested));
    let end = finish_of(mocks).await;
    assert_eq!((end.end, end.text.as_str()), (TurnEnd::Stopped, "Well…"));
}

#[tokio::test]
async fn a_service_that_is_full_takes_nothing_more_until_a_reply_has_ended() {
    let mut mocks = Mocks::new();
    mocks.turns.expect_begin().returning(|_| Ok(started()));
    mocks
        .model
        .expect_stream()
        .returning(|_| Box::pin(stream::iter([model_started(), finished()])));
    end_well(&mut mocks);
    let spawner = HeldTask::new();
    let service = mocks.service(&spawner);
    for _ in 0..3 {
        service.begin(actor(1, false), hello()).await.unwrap();
    }
    let refused = service.begin(actor(1, false), hello()).await;
    assert!(
        matches!(refused, Err(BeginError::Overloaded)),
        "{refused:?}"
    );
    spawner.run().await;
    service.begin(actor(1, false), hello()).await.unwrap();
}

/// What was asked of the store and the model when an orphaned turn was taken up.
async fn take_up(
    orphan: OrphanedTurn,
    left: LeftOver,
) -> (Recovered, Option<ResumeTurn>, FinishTurn) {
    let whole = orphan.text.clone() + &left.text;
    let reply = message(4, Role::Assistant, &orphan.text, MessageStatus::Streaming);
    let mut mocks = finding(answered(reply));
    let batches = Mutex::new(vec![vec![], vec![orphan]]);
    mocks
        .turns
        .expect_claim_orphans()
        .returning(move |_, _, _, _, _| Ok(batches.lock().unwrap().pop().unwrap()));
    mocks
        .log
        .expect_left_over()
        .once()
        .return_once(move |_, _| left);
    let resumed: Arc<Mutex<Option<ResumeTurn>>> = Arc::default();
    let ended: Arc<Mutex<Option<FinishTurn>>> = Arc::default();
    let (resume_sink, end_sink) = (resumed.clone(), ended.clone());
    mocks.turns.expect_resume().returning(move |request| {
        *resume_sink.lock().unwrap() = Some(request);
        Ok(ResumeOutcome::Resumed)
    });
    mocks.turns.expect_finish().returning(move |request| {
        *end_sink.lock().unwrap() = Some(request);
        Ok(FinishOutcome::Finished(Box::new(record(
            TurnState::Completed,
            "",
        ))))
    });
    mocks
        .model
        .expect_stream()
        .withf(move |request| {
            let turns = &request.prompt.turns;
            request.prompt.wish == Wish::GoOn && turns[turns.len() - 2].text == whole
        })
        .returning(|_| Box::pin(stream::iter([model_started(), text(" 하세요"), finished()])));
    mocks.log.expect_abandon().return_const(());
    mocks.log.expect_append().return_const(());
    mocks.log.expect_close().return_const(());
    let spawner = HeldTask::new();
    let service = mocks.service(&spawner);
    let recovered = service.recover_expired().await.unwrap();
    if recovered.resumed > 0 {
        spawner.run().await;
    }
    let end = ended.lock().unwrap().take().unwrap();
    let resume = resumed.lock().unwrap().take();
    (recovered, resume, end)
}

#[tokio::test]
async fn an_orphaned_reply_goes_on_from_all_that_its_readers_saw() {
    let left = LeftOver {
        text: ", 여러분".to_owned(),
        attempts: vec![StartedAttempt {
            model: "model".to_owned(),
            tokens: tokens(10, 1),
            request_id: Some("req_1".to_owned()),
        }],
    };
    let (recovered, resume, end) = take_up(orphan(account()), left).await;
    assert_eq!((recovered.resumed, recovered.ended), (1, 0));
    let resume = resume.unwrap();
    assert_eq!(resume.text, "안녕, 여러분");
    let [attempt] = resume.attempts.as_slice() else {
        panic!("one attempt: {:?}", resume.attempts);
    };
    assert_eq!(attempt.charge.tokens, tokens(10, 6));
    assert!(attempt.charge.estimated);
    assert_eq!(end.text, "안녕, 여러분 하세요");
    assert_eq!(
        end.attempts.len(),
        1,
        "the first attempt is written already"
    );
    assert!(!end.attempts[0].charge.estimated);
}

#[tokio::test]
async fn an_orphaned_reply_whose_person_asked_for_its_end_is_stopped() {
    let stopped = OrphanedTurn {
        stop_requested: true,
        ..orphan(account())
    };
    let (recovered, resume, end) = take_up(stopped, LeftOver::default()).await;
    assert_eq!((recovered.resumed, recovered.ended), (0, 1));
    assert!(resume.is_none());
    assert_eq!((end.end, end.failure), (TurnEnd::Stopped, None));
    assert_eq!(end.attempts.len(), 1);
}

#[tokio::test]
async fn a_turn_that_could_not_be_taken_up_is_the_first_one_the_next_time() {
    let mut mocks = Mocks::new();
    let stopped = OrphanedTurn {
        stop_requested: true,
        ..orphan(account())
    };
    // It is claimed once only: nobody finds it again before its lease is over.
    let batches = Mutex::new(vec![vec![], vec![stopped]]);
    mocks
        .turns
        .expect_claim_orphans()
        .times(2)
        .returning(move |_, _, _, _, _| Ok(batches.lock().unwrap().pop().unwrap()));
    mocks
        .log
        .expect_left_over()
        .times(2)
        .returning(|_, _| LeftOver::default());
    let mut order = Sequence::new();
    let mut finish = |outcome| {
        mocks
            .turns
            .expect_finish()
            .once()
            .in_sequence(&mut order)
            .return_once(|_| outcome);
    };
    finish(Err(StoreError::Unavailable("away".into())));
    finish(Ok(FinishOutcome::Finished(Box::new(record(
        TurnState::Stopped,
        "",
    )))));
    mocks.log.expect_abandon().once().return_const(());
    let service = mocks.service(&HeldTask::new());
    assert!(service.recover_expired().await.is_err());
    let recovered = service.recover_expired().await.unwrap();
    assert_eq!((recovered.resumed, recovered.ended), (0, 1));
}

#[tokio::test]
async fn a_service_that_must_end_interrupts_its_replies_and_keeps_their_words() {
    let mut mocks = Mocks::new();
    mocks.model.expect_stream().return_once(|_| {
        Box::pin(stream::iter([model_started(), text("Well…")]).chain(stream::pending()))
    });
    mocks.log.expect_append().return_const(());
    mocks.log.expect_close().return_const(());
    let mocks = mocks.begins(started());
    let mut mocks = mocks;
    mocks
        .turns
        .expect_finish()
        .withf(|end| {
            (end.end, end.text.as_str()) == (TurnEnd::Interrupted, "Well…")
                && end.failure == Some(TurnFailure::ReplyInterrupted)
        })
        .once()
        .returning(|_| {
            Ok(FinishOutcome::Finished(Box::new(record(
                TurnState::Interrupted,
                "Well…",
            ))))
        });
    let spawner = HeldTask::new();
    let service = mocks.service(&spawner);
    service.begin(actor(1, false), hello()).await.unwrap();
    let interrupt = async {
        tokio::task::yield_now().await;
        service.interrupt_all()
    };
    let ((), interrupted) = tokio::join!(spawner.run(), interrupt);
    assert_eq!(interrupted, 1);
}
