//! The writes of a turn.

use std::collections::HashSet;

use futures_util::future::join_all;
use lionrocket_domain::{
    account::User,
    audit::Origin,
    budget::{Amount, DailyBudgets, DailyLimit},
    calendar::DayRange,
    chat::{Chat, MessageStatus, Role},
    ids::MessageId,
    turn::{StopReason, TurnEnd, TurnFailure, TurnState},
    usage::{Attempt, Charge, TokenUsage},
};
use lionrocket_ports::turns::{
    BeginOutcome, BeginTurn, CheckpointOutcome, FinishOutcome, FinishTurn, Idempotency,
    NewMessages, OrphanedTurn, ReplyCheckpoint, ResumeOutcome, ResumeTurn, TurnBudget,
};

use super::{
    budgets::switch,
    fixture::{
        NO_CHAT, Stores, TOKENS, account, actor, at, attempt, begin, branch_off, charge, day,
        draft, exchange, finish, node, private_draft, turn_id,
    },
};

const TODAY: &str = "2026-11-22";

fn keyed(request: BeginTurn, key: &str, hash: u8) -> BeginTurn {
    BeginTurn {
        idempotency: Some(Idempotency {
            key: key.to_owned(),
            request_hash: [hash; 32],
        }),
        ..request
    }
}

fn again(request: &BeginTurn) -> BeginTurn {
    BeginTurn {
        turn_id: turn_id(),
        ..request.clone()
    }
}

fn checkpoint(request: &BeginTurn, text: &str) -> ReplyCheckpoint {
    ReplyCheckpoint {
        turn_id: request.turn_id,
        user_id: request.user_id,
        text: text.to_owned(),
        model: Some("claude-haiku-5-5".to_owned()),
        tokens: TOKENS,
        upstream_request_id: Some("req_1".to_owned()),
        first_text_at: Some(at(11)),
        lease_until: at(90),
    }
}

async fn begun(stores: &Stores, request: &BeginTurn) -> BeginOutcome {
    stores.turns.begin(request.clone()).await.expect("begin")
}

/// Both messages are there at once; the reply is empty.
pub async fn a_turn_begins_with_both_messages_and_moves_the_head(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    let started = stores.start(&request).await;
    let turn = &started.turn;
    assert_eq!(
        (turn.id, turn.user_id, turn.chat_id),
        (request.turn_id, haru.id, chat.id)
    );
    assert_eq!((turn.state, turn.failure), (TurnState::Queued, None));
    assert_eq!(
        (turn.accepted_at, turn.first_text_at, turn.ended_at),
        (at(10), None, None)
    );
    let (user, reply) = (&started.user_message, &started.assistant_message);
    assert_eq!(
        (turn.user_message_id, turn.assistant_message_id),
        (user.id, reply.id)
    );
    assert_eq!(
        (user.role, user.status),
        (Role::User, MessageStatus::Complete)
    );
    assert_eq!((user.content.as_str(), user.token_count), ("안녕", 0));
    assert_eq!(
        (reply.role, reply.status),
        (Role::Assistant, MessageStatus::Streaming)
    );
    assert_eq!(
        (reply.content.as_str(), reply.parent_id),
        ("", Some(user.id))
    );
    assert_eq!((user.depth, reply.depth), (0, 1));

    let now = stores.chat_now(&chat).await;
    assert_eq!(now.head_message_id, Some(reply.id));
    assert_eq!(now.running_turn_id, Some(request.turn_id));
    assert_eq!((now.last_message_at, now.version), (at(10), chat.version));
    let branch = stores.branch(&chat, 50).await;
    let messages: Vec<_> = branch.into_iter().map(|item| item.message).collect();
    assert_eq!(messages, [user.clone(), reply.clone()]);
    let record = stores.turns.get(haru.id, chat.id, turn.id).await;
    let record = record.expect("get").expect("the turn is there");
    assert_eq!((&record.turn, record.charge), (turn, None));
}

/// Nothing is written into another's.
pub async fn a_turn_begins_in_the_owners_chat_only(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let chat = stores.chat(&haru).await;
    let hers = BeginTurn {
        user_id: mina.id,
        ..begin(&chat, None)
    };
    assert_eq!(begun(&stores, &hers).await, BeginOutcome::NoChat);
    let nowhere = BeginTurn {
        chat_id: NO_CHAT,
        ..begin(&chat, None)
    };
    assert_eq!(begun(&stores, &nowhere).await, BeginOutcome::NoChat);
    assert_eq!(stores.chat_now(&chat).await, chat);
}

/// Of 32, and the others learn which one it is.
pub async fn of_turns_begun_at_once_in_a_chat_one_is_started(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let outcomes = join_all((0..32).map(|_| stores.turns.begin(begin(&chat, None)))).await;
    let mut started = Vec::new();
    let mut named = HashSet::new();
    for outcome in outcomes {
        match outcome.expect("begin") {
            BeginOutcome::Started(turn) => started.push(turn.turn.id),
            BeginOutcome::ChatBusy(turn) => drop(named.insert(turn)),
            other => panic!("neither started nor busy: {other:?}"),
        }
    }
    assert_eq!(started.len(), 1);
    assert_eq!(named, HashSet::from_iter(started));
    assert_eq!(stores.branch(&chat, 50).await.len(), 2);
}

/// Also when they are begun at once, and again as soon as one has ended.
pub async fn a_user_has_as_many_turns_under_way_as_allowed(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let mut requests = Vec::new();
    for _ in 0..6 {
        requests.push(begin(&stores.chat(&haru).await, None));
    }
    let outcomes = join_all(
        requests
            .iter()
            .map(|request| stores.turns.begin(request.clone())),
    )
    .await;
    let mut running = Vec::new();
    let mut refused = Vec::new();
    for (outcome, request) in outcomes.into_iter().zip(&requests) {
        match outcome.expect("begin") {
            BeginOutcome::Started(_) => running.push(request),
            BeginOutcome::UserBusy => refused.push(request),
            other => panic!("neither started nor busy: {other:?}"),
        }
    }
    assert_eq!((running.len(), refused.len()), (2, 4));
    stores.start(&begin(&stores.chat(&mina).await, None)).await;
    stores
        .end(&finish(running.first().expect("a turn"), "done"))
        .await;
    stores.start(refused.first().expect("a turn")).await;
}

/// While it runs and after, and whatever has become of the branch.
pub async fn a_repeated_key_gives_the_same_turn(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = keyed(begin(&chat, None), "k", 1);
    let turn = stores.start(&request).await.turn;
    let outcome = begun(&stores, &again(&request)).await;
    assert_eq!(outcome, BeginOutcome::Replayed(Box::new(turn)));
    let ended = stores.end(&finish(&request, "done")).await.turn;
    let outcome = begun(&stores, &again(&request)).await;
    assert_eq!(outcome, BeginOutcome::Replayed(Box::new(ended)));
    assert_eq!(stores.branch(&chat, 50).await.len(), 2);
}

/// One is started, the others are answered with it.
pub async fn of_requests_at_once_with_one_key_all_get_one_turn(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let requests = (0..16).map(|_| stores.turns.begin(keyed(begin(&chat, None), "k", 1)));
    let mut ids = HashSet::new();
    let mut started = 0;
    for outcome in join_all(requests).await {
        match outcome.expect("begin") {
            BeginOutcome::Started(turn) => {
                started += 1;
                ids.insert(turn.turn.id);
            }
            BeginOutcome::Replayed(turn) => drop(ids.insert(turn.id)),
            other => panic!("neither started nor replayed: {other:?}"),
        }
    }
    assert_eq!((started, ids.len()), (1, 1));
}

/// Nothing is written then.
pub async fn a_key_that_was_used_for_another_request_is_refused(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = keyed(begin(&chat, None), "k", 1);
    stores.start(&request).await;
    stores.end(&finish(&request, "done")).await;
    let other = keyed(begin(&chat, None), "k", 2);
    assert_eq!(begun(&stores, &other).await, BeginOutcome::KeyReused);
    assert_eq!(stores.branch(&chat, 50).await.len(), 2);
}

/// The same key elsewhere is another key.
pub async fn a_key_counts_in_its_chat_only(stores: Stores) {
    let haru = stores.user("haru").await;
    for _ in 0..2 {
        let chat = stores.chat(&haru).await;
        stores.start(&keyed(begin(&chat, None), "k", 1)).await;
    }
}

/// Including a parent that never was one.
pub async fn a_turn_is_refused_when_its_parent_is_not_the_head_any_more(stores: Stores) {
    let haru = stores.user("haru").await;
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let first = stores.exchange(&chat, None, "one").await;
    let second = stores
        .exchange(&chat, Some(first.assistant_message.id), "two")
        .await;
    let elsewhere = stores.exchange(&other, None, "there").await;
    let moved = begin(&chat, Some(first.assistant_message.id));
    assert_eq!(begun(&stores, &moved).await, BeginOutcome::ParentMoved);
    assert_eq!(
        begun(&stores, &begin(&chat, None)).await,
        BeginOutcome::ParentMoved
    );
    for wrong in [
        elsewhere.assistant_message.id,
        second.user_message.id,
        lionrocket_domain::ids::MessageId::from_stored(999_999),
    ] {
        let request = BeginTurn {
            messages: branch_off(Some(wrong), "안녕"),
            ..begin(&chat, Some(wrong))
        };
        assert_eq!(begun(&stores, &request).await, BeginOutcome::ParentMoved);
    }
    stores
        .start(&begin(&chat, Some(second.assistant_message.id)))
        .await;
}

/// The branch that was shown stays and is left for the new one.
pub async fn a_turn_after_an_earlier_reply_makes_a_branch(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let first = stores.exchange(&chat, None, "one").await.assistant_message;
    let left = stores.exchange(&chat, Some(first.id), "left").await;
    let right = stores.exchange(&chat, Some(first.id), "right").await;
    assert_eq!(left.user_message.parent_id, right.user_message.parent_id);
    assert_eq!(right.user_message.depth, 2);
    let branch = stores.branch(&chat, 50).await;
    let texts: Vec<_> = branch
        .iter()
        .map(|item| item.message.content.as_str())
        .collect();
    assert_eq!(texts, ["one", "one?", "right", "right?"]);
}

/// Deleted or withdrawn.
pub async fn a_chat_whose_character_is_gone_takes_no_turn(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let character = stores.character(Some(&haru), draft("shared")).await;
    let hers = stores.chat_with(&mina, character.id).await;
    let his = stores.chat_with(&haru, character.id).await;
    let withdrawn = private_draft("shared");
    let update = stores
        .characters
        .update(
            actor(&haru),
            character.id,
            withdrawn,
            None,
            Origin::default(),
            at(5),
        )
        .await;
    update.expect("update");
    assert_eq!(
        begun(&stores, &begin(&hers, None)).await,
        BeginOutcome::ChatReadOnly
    );
    let request = begin(&his, None);
    stores.start(&request).await;
    let deleted = stores
        .characters
        .delete(actor(&haru), character.id, Origin::default(), at(6))
        .await;
    assert!(deleted.expect("delete"));
    let reply = stores
        .end(&finish(&request, "the end"))
        .await
        .assistant_message;
    let next = begin(&his, Some(reply.id));
    assert_eq!(begun(&stores, &next).await, BeginOutcome::ChatReadOnly);
    assert!(stores.branch(&hers, 50).await.is_empty());
}

/// And makes the turn `streaming`; the first word keeps its time.
pub async fn a_checkpoint_saves_the_text_so_far(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    for (text, second) in [("안녕", 11), ("안녕하세요", 15)] {
        let saved = ReplyCheckpoint {
            first_text_at: Some(at(second)),
            ..checkpoint(&request, text)
        };
        assert_eq!(
            stores.turns.checkpoint(saved).await.expect("checkpoint"),
            CheckpointOutcome::Saved
        );
        let record = stores.turns.get(haru.id, chat.id, request.turn_id).await;
        let record = record.expect("get").expect("the turn is there");
        assert_eq!(record.turn.state, TurnState::Streaming);
        assert_eq!(record.turn.first_text_at, Some(at(11)));
        let reply = record.assistant_message;
        assert_eq!(
            (reply.content.as_str(), reply.status),
            (text, MessageStatus::Streaming)
        );
        assert_eq!(reply.model.as_deref(), Some("claude-haiku-5-5"));
        assert_eq!(record.charge, None);
    }
    let unknown = checkpoint(&again(&request), "nowhere");
    assert_eq!(
        stores.turns.checkpoint(unknown).await.expect("checkpoint"),
        CheckpointOutcome::Over
    );
}

/// A late one must not undo the end.
pub async fn a_checkpoint_after_the_end_changes_nothing(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    let ended = stores.end(&finish(&request, "the whole text")).await;
    let late = stores
        .turns
        .checkpoint(checkpoint(&request, "the wh"))
        .await;
    assert_eq!(late.expect("checkpoint"), CheckpointOutcome::Over);
    let record = stores.turns.get(haru.id, chat.id, request.turn_id).await;
    assert_eq!(record.expect("get"), Some(ended));
}

/// In the answer, in the turn, in the messages and in the chat.
pub async fn a_finished_turn_has_its_text_tokens_and_charge(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    let record = stores.end(&finish(&request, "반가워요")).await;
    assert_eq!(record.turn.state, TurnState::Completed);
    assert_eq!(
        (record.turn.first_text_at, record.turn.ended_at),
        (Some(at(11)), Some(at(12)))
    );
    assert_eq!(record.charge, Some(charge(TOKENS)));
    assert_eq!(record.user_message.token_count, TOKENS.input);
    let reply = &record.assistant_message;
    assert_eq!(
        (reply.content.as_str(), reply.status),
        ("반가워요", MessageStatus::Complete)
    );
    assert_eq!(reply.token_count, TOKENS.output);
    assert_eq!(reply.stop_reason, Some(StopReason::EndTurn));
    assert_eq!(reply.model.as_deref(), Some("claude-haiku-5-5"));
    let tokens = reply.tokens;
    assert_eq!((tokens.input, tokens.output), (TOKENS.input, TOKENS.output));
    assert_eq!(
        (tokens.cache_read, tokens.cache_write()),
        (TOKENS.cache_read, TOKENS.cache_write())
    );

    let read_back = stores.turns.get(haru.id, chat.id, request.turn_id).await;
    assert_eq!(read_back.expect("get"), Some(record.clone()));
    let now = stores.chat_now(&chat).await;
    assert_eq!((now.running_turn_id, now.last_message_at), (None, at(12)));
    assert_eq!(now.head_message_id, Some(record.assistant_message.id));
}

/// No row of the ledger, no day.
pub async fn a_turn_that_never_reached_upstream_costs_nothing(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    let failed = FinishTurn {
        end: TurnEnd::Failed,
        failure: Some(TurnFailure::UpstreamOverloaded),
        stop_reason: None,
        attempts: Vec::new(),
        first_text_at: None,
        ..finish(&request, "")
    };
    let record = stores.end(&failed).await;
    assert_eq!(record.turn.failure, Some(TurnFailure::UpstreamOverloaded));
    assert_eq!(
        (record.charge.as_ref(), record.turn.first_text_at),
        (None, None)
    );
    assert_eq!(record.user_message.token_count, 0);
    assert_eq!(record.assistant_message.tokens, TokenUsage::default());
    assert!(days(&stores, &request).await.is_empty());
}

async fn days(stores: &Stores, request: &BeginTurn) -> Vec<lionrocket_domain::usage::UsageDay> {
    let today = DayRange {
        from: day(TODAY),
        to: day(TODAY),
    };
    stores
        .usage
        .days(request.user_id, today)
        .await
        .expect("days")
}

/// The reply's status goes with the turn's state.
pub async fn a_turn_ends_in_each_way_it_can(stores: Stores) {
    let haru = stores.user("haru").await;
    for (end, failure, status) in [
        (TurnEnd::Completed, None, MessageStatus::Complete),
        (TurnEnd::Stopped, None, MessageStatus::Stopped),
        (
            TurnEnd::Failed,
            Some(TurnFailure::UpstreamTimeout),
            MessageStatus::Failed,
        ),
        (
            TurnEnd::Interrupted,
            Some(TurnFailure::ReplyInterrupted),
            MessageStatus::Interrupted,
        ),
    ] {
        let chat = stores.chat(&haru).await;
        let request = begin(&chat, None);
        stores.start(&request).await;
        let record = stores
            .end(&FinishTurn {
                end,
                failure,
                ..finish(&request, "part")
            })
            .await;
        assert_eq!(record.turn.state, TurnState::from(end));
        assert_eq!(record.turn.failure, failure);
        assert_eq!(record.assistant_message.status, status);
        let read_back = stores.turns.get(haru.id, chat.id, request.turn_id).await;
        assert_eq!(read_back.expect("get"), Some(record));
    }
}

/// The first end stands, whatever the second says.
pub async fn finishing_twice_charges_once(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    let first = stores.end(&finish(&request, "first")).await;
    let second = FinishTurn {
        end: TurnEnd::Interrupted,
        attempts: vec![attempt(TokenUsage {
            output: 1000,
            ..TOKENS
        })],
        ended_at: at(99),
        ..finish(&request, "second")
    };
    let outcome = stores.turns.finish(second).await.expect("finish");
    assert_eq!(outcome, FinishOutcome::AlreadyFinished(Box::new(first)));
    let days = days(&stores, &request).await;
    assert_eq!(days.iter().map(|day| day.chat_count).sum::<u64>(), 1);
    assert_eq!(
        days.iter().map(|day| day.tokens.total()).sum::<u64>(),
        TOKENS.total()
    );
    assert_eq!(stores.chat_now(&chat).await.last_message_at, at(12));
}

/// Of 16, and all agree on it.
pub async fn of_ends_at_once_one_counts(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    let ends = (0..16).map(|number| {
        stores
            .turns
            .finish(finish(&request, &format!("end {number}")))
    });
    let mut finished = 0;
    let mut texts = HashSet::new();
    for outcome in join_all(ends).await {
        let record = match outcome.expect("finish") {
            FinishOutcome::Finished(record) => {
                finished += 1;
                record
            }
            FinishOutcome::AlreadyFinished(record) => record,
            FinishOutcome::ChatGone => panic!("the chat is there"),
        };
        texts.insert(record.assistant_message.content);
    }
    assert_eq!((finished, texts.len()), (1, 1));
    let days = days(&stores, &request).await;
    assert_eq!(days.iter().map(|day| day.chat_count).sum::<u64>(), 1);
}

/// What was used is paid for.
pub async fn a_turn_of_a_deleted_chat_is_still_charged_once(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    assert!(stores.chats.delete(haru.id, chat.id).await.expect("delete"));
    let late = stores.turns.checkpoint(checkpoint(&request, "late")).await;
    assert_eq!(late.expect("checkpoint"), CheckpointOutcome::Over);
    for _ in 0..2 {
        let outcome = stores.turns.finish(finish(&request, "late")).await;
        assert_eq!(outcome.expect("finish"), FinishOutcome::ChatGone);
    }
    let days = days(&stores, &request).await;
    let [only] = days.as_slice() else {
        panic!("one day: {days:?}");
    };
    assert_eq!(
        (only.chat_count, only.cost_micro_usd),
        (1, charge(TOKENS).cost_micro_usd)
    );
    stores.start(&begin(&stores.chat(&haru).await, None)).await;
}

/// In that chat, and nobody else's.
pub async fn a_turn_is_its_owners_alone(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let turn = stores.exchange(&chat, None, "one").await.turn;
    let found = async |owner, chat_id, turn_id| {
        let record = stores.turns.get(owner, chat_id, turn_id).await;
        record.expect("get").is_some()
    };
    assert!(found(haru.id, chat.id, turn.id).await);
    assert!(!found(mina.id, chat.id, turn.id).await);
    assert!(!found(haru.id, other.id, turn.id).await);
    assert!(!found(haru.id, chat.id, turn_id()).await);
}

/// However many ask at once; a lease that holds protects its turn.
pub async fn orphans_are_claimed_once_and_oldest_first(stores: Stores) {
    let haru = stores.user("haru").await;
    let mut old = Vec::new();
    for second in [3, 1, 2] {
        let request = BeginTurn {
            accepted_at: at(second),
            lease_until: at(30),
            max_running_per_user: 10,
            ..begin(&stores.chat(&haru).await, None)
        };
        stores.start(&request).await;
        old.push(request);
    }
    old.sort_by_key(|request| request.accepted_at);
    let alive = BeginTurn {
        max_running_per_user: 10,
        ..begin(&stores.chat(&haru).await, None)
    };
    stores.start(&alive).await;
    let over = BeginTurn {
        lease_until: at(30),
        max_running_per_user: 10,
        ..begin(&stores.chat(&haru).await, None)
    };
    stores.start(&over).await;
    stores.end(&finish(&over, "done")).await;

    let first = stores
        .turns
        .claim_orphans(node(2), Some(at(31)), at(60), 1, Vec::new())
        .await;
    let first = first.expect("claim");
    let ids: Vec<_> = first.iter().map(|orphan| orphan.account.turn_id).collect();
    assert_eq!(
        ids,
        old.iter()
            .take(1)
            .map(|request| request.turn_id)
            .collect::<Vec<_>>()
    );
    let claims = (3..11).map(|number| {
        stores
            .turns
            .claim_orphans(node(number), Some(at(31)), at(60), 10, Vec::new())
    });
    let mut claimed = Vec::new();
    for claim in join_all(claims).await {
        claimed.extend(
            claim
                .expect("claim")
                .into_iter()
                .map(|orphan| orphan.account.turn_id),
        );
    }
    assert_eq!(
        claimed,
        old.iter()
            .skip(1)
            .map(|request| request.turn_id)
            .collect::<Vec<_>>()
    );
    let none = stores
        .turns
        .claim_orphans(node(20), Some(at(59)), at(90), 10, Vec::new())
        .await;
    assert!(none.expect("claim").is_empty());
    let at_work = old.iter().map(|request| request.turn_id).collect();
    let others = stores
        .turns
        .claim_orphans(node(20), Some(at(61)), at(60), 10, at_work)
        .await;
    let others = others.expect("claim");
    let others: Vec<_> = others.iter().map(|one| one.account.turn_id).collect();
    assert_eq!(
        others,
        [alive.turn_id],
        "whoever works on a turn does not take it over"
    );
    let all = stores
        .turns
        .claim_orphans(node(20), Some(at(61)), at(90), 10, Vec::new())
        .await;
    assert_eq!(
        all.expect("claim").len(),
        4,
        "leases that were given end as well"
    );
}

/// So that it can be ended and charged.
pub async fn an_orphan_brings_what_was_saved_of_it(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = BeginTurn {
        messages: exchange(None, "저장"),
        ..begin(&chat, None)
    };
    stores.start(&request).await;
    let saved = checkpoint(&request, "여기까지");
    assert_eq!(
        stores.turns.checkpoint(saved).await.expect("checkpoint"),
        CheckpointOutcome::Saved
    );
    let early = stores
        .turns
        .claim_orphans(node(2), Some(at(89)), at(200), 10, Vec::new())
        .await;
    assert!(
        early.expect("claim").is_empty(),
        "the checkpoint renewed the lease"
    );
    let orphans = stores
        .turns
        .claim_orphans(node(2), Some(at(91)), at(200), 10, Vec::new())
        .await;
    let orphans = orphans.expect("claim");
    let [orphan] = orphans.as_slice() else {
        panic!("one orphan: {orphans:?}");
    };
    let wanted = lionrocket_domain::usage::ChargeAccount {
        character_id: chat.character.id,
        ..account(&request)
    };
    assert_eq!(orphan.account, wanted);
    assert_eq!((orphan.text.as_str(), orphan.tokens), ("여기까지", TOKENS));
    assert_eq!(orphan.model.as_deref(), Some("claude-haiku-5-5"));
    assert_eq!(orphan.first_text_at, Some(at(11)));
    let interrupted = FinishTurn {
        account: orphan.account,
        end: TurnEnd::Interrupted,
        failure: Some(TurnFailure::ReplyInterrupted),
        is_left_over: true,
        ..finish(&request, "여기까지 왔다")
    };
    let record = stores.end(&interrupted).await;
    assert_eq!(record.assistant_message.status, MessageStatus::Interrupted);
    assert_eq!(record.assistant_message.content, "여기까지 왔다");
    // Whoever was shown the last words before they were saved has the beginning of this text.
    assert_eq!(record.turn.resumed_from, "여기까지 왔다".len());
}

/// As a sibling, and the branch that is shown ends with it.
pub async fn another_reply_stands_beside_the_first_and_begins_with_what_it_continues(
    stores: Stores,
) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let first = stores.exchange(&chat, None, "one").await;
    let request = BeginTurn {
        messages: NewMessages::Reply {
            user_message_id: first.user_message.id,
            beginning: "여기".to_owned(),
        },
        ..begin(&chat, None)
    };
    let started = stores.start(&request).await;
    let mut question = first.user_message.clone();
    assert_eq!(started.user_message, question);
    let reply = &started.assistant_message;
    assert_eq!((reply.content.as_str(), reply.depth), ("여기", 1));
    assert_eq!(started.turn.resumed_from, "여기".len());
    let ended = stores.end(&finish(&request, "여기까지")).await;
    question.token_count = TOKENS.input;
    assert_eq!(ended.user_message, question);
    let branch = stores.branch(&chat, 50).await;
    let shown: Vec<_> = branch.iter().map(|item| item.message.id).collect();
    assert_eq!(shown, [question.id, reply.id]);
    let siblings = branch.last().map(|item| item.sibling_ids.clone());
    assert_eq!(siblings, Some(vec![first.assistant_message.id, reply.id]));
    for wrong in [first.assistant_message.id, MessageId::from_stored(999_999)] {
        let request = BeginTurn {
            messages: NewMessages::Reply {
                user_message_id: wrong,
                beginning: String::new(),
            },
            ..begin(&chat, None)
        };
        assert_eq!(begun(&stores, &request).await, BeginOutcome::ParentMoved);
    }
}

async fn claim_one(stores: &Stores) -> OrphanedTurn {
    let orphans = stores
        .turns
        .claim_orphans(node(2), Some(at(5000)), at(6000), 10, Vec::new())
        .await;
    let mut orphans = orphans.expect("claim");
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    orphans.pop().expect("one")
}

/// And nobody else.
pub async fn a_turn_is_stopped_by_its_owner_and_the_wish_outlives_the_process(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let (chat, other) = (stores.chat(&haru).await, stores.chat(&haru).await);
    let request = begin(&chat, None);
    stores.start(&request).await;
    let stop = async |owner: &User, chat: &Chat| {
        let stopped = stores
            .turns
            .request_stop(owner.id, chat.id, request.turn_id, at(20))
            .await;
        stopped.expect("stop")
    };
    assert_eq!(stop(&mina, &chat).await, None);
    assert_eq!(stop(&haru, &other).await, None);
    let saved = stores.turns.checkpoint(checkpoint(&request, "e")).await;
    assert_eq!(saved.expect("checkpoint"), CheckpointOutcome::Saved);
    for _ in 0..2 {
        let record = stop(&haru, &chat).await.expect("the turn is there");
        assert_eq!(record.turn.state, TurnState::Streaming);
    }
    let saved = stores.turns.checkpoint(checkpoint(&request, "eins")).await;
    assert_eq!(saved.expect("checkpoint"), CheckpointOutcome::StopRequested);
    let orphan = claim_one(&stores).await;
    assert!(orphan.stop_requested);
    assert_eq!(orphan.text, "eins");
    let stopped = FinishTurn {
        end: TurnEnd::Stopped,
        stop_reason: None,
        ..finish(&request, "eins")
    };
    let ended = stores.end(&stopped).await;
    assert_eq!(ended.assistant_message.status, MessageStatus::Stopped);
    assert_eq!(stop(&haru, &chat).await, Some(ended));
}

/// Its words, its cost and the reason of the model stay, and it is counted as stopped.
pub async fn a_turn_whose_end_was_asked_for_is_stopped_however_it_ends(stores: Stores) {
    let haru = stores.user("haru").await;
    for (end, failure) in [
        (TurnEnd::Completed, None),
        (TurnEnd::Failed, Some(TurnFailure::UpstreamTimeout)),
        (TurnEnd::Interrupted, Some(TurnFailure::ReplyInterrupted)),
    ] {
        let chat = stores.chat(&haru).await;
        let request = begin(&chat, None);
        stores.start(&request).await;
        let asked = stores
            .turns
            .request_stop(haru.id, chat.id, request.turn_id, at(11));
        let asked = asked.await.expect("stop").expect("the turn is there");
        assert_eq!(asked.turn.state, TurnState::Queued);
        let ended = stores
            .end(&FinishTurn {
                end,
                failure,
                ..finish(&request, "all of it")
            })
            .await;
        assert_eq!(
            (ended.turn.state, ended.turn.failure),
            (TurnState::Stopped, None)
        );
        let reply = &ended.assistant_message;
        assert_eq!(
            (reply.content.as_str(), reply.status),
            ("all of it", MessageStatus::Stopped)
        );
        assert_eq!(reply.stop_reason, Some(StopReason::EndTurn));
        assert_eq!(ended.charge, Some(charge(TOKENS)));
        let read_back = stores.turns.get(haru.id, chat.id, request.turn_id).await;
        assert_eq!(read_back.expect("get"), Some(ended));
    }
    let today = DayRange {
        from: day(TODAY),
        to: day(TODAY),
    };
    let figures = stores.stats.overview(today, 10).await.expect("overview");
    let turns = figures.model_days.first().expect("a model").activity.turns;
    assert_eq!((turns.stopped, turns.completed), (3, 0));
    assert_eq!((turns.failed, turns.interrupted), (0, 0));
    assert_eq!(figures.failures, []);
}

fn resumption(request: &BeginTurn, text: &str, attempts: Vec<Attempt>) -> ResumeTurn {
    ResumeTurn {
        account: account(request),
        text: text.to_owned(),
        attempts,
        first_text_at: Some(at(11)),
        budget: request.budget,
        lease_until: at(7000),
        now: at(5000),
    }
}

/// The ledger has one row, the sum of all attempts.
pub async fn a_turn_that_is_taken_up_goes_on_from_its_text_and_pays_for_every_attempt(
    stores: Stores,
) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    let saved = stores.turns.checkpoint(checkpoint(&request, "eins")).await;
    assert_eq!(saved.expect("checkpoint"), CheckpointOutcome::Saved);
    let orphan = claim_one(&stores).await;
    assert_eq!((orphan.attempts, orphan.resumed_from), (1, 0));
    assert_eq!(orphan.upstream_request_id.as_deref(), Some("req_1"));
    let estimated = Attempt {
        charge: Charge {
            estimated: true,
            ..charge(TOKENS)
        },
        ..attempt(TOKENS)
    };
    let again = resumption(&request, "eins zwei", vec![estimated]);
    let resumed = stores.turns.resume(again.clone()).await;
    assert!(matches!(resumed, Ok(ResumeOutcome::Resumed)));
    // A process that dies before it has noted that leaves the same attempts to the next one.
    let resumed = stores.turns.resume(again).await;
    assert!(matches!(resumed, Ok(ResumeOutcome::Resumed)));
    let record = stores.turns.get(haru.id, chat.id, request.turn_id).await;
    let record = record.expect("get").expect("the turn is there");
    assert_eq!((record.turn.attempts, record.turn.resumed_from), (2, 9));
    let reply = &record.assistant_message;
    assert_eq!(
        (reply.content.as_str(), reply.model.as_ref()),
        ("eins zwei", None)
    );
    assert_eq!(reply.tokens, TokenUsage::default());
    let rest = TokenUsage {
        output: 100,
        ..TOKENS
    };
    let end = FinishTurn {
        attempts: vec![Attempt {
            upstream_request_id: Some("req_2".to_owned()),
            ..attempt(rest)
        }],
        ..finish(&request, "eins zwei drei")
    };
    let ended = stores.end(&end).await;
    let sum = ended.charge.clone().expect("a charge");
    assert_eq!(sum.tokens.total(), TOKENS.total() + rest.total());
    assert_eq!(
        sum.cost_micro_usd,
        charge(TOKENS).cost_micro_usd + charge(rest).cost_micro_usd
    );
    assert!(sum.estimated);
    assert_eq!(ended.assistant_message.tokens.output, TOKENS.output + 100);
    let read_back = stores.turns.get(haru.id, chat.id, request.turn_id).await;
    assert_eq!(read_back.expect("get"), Some(ended));
    let days = days(&stores, &request).await;
    let [only] = days.as_slice() else {
        panic!("one day: {days:?}");
    };
    assert_eq!(
        (only.chat_count, only.tokens.total()),
        (1, sum.tokens.total())
    );
    let late = stores
        .turns
        .resume(resumption(&request, "late", Vec::new()))
        .await;
    assert_eq!(late.expect("resume"), ResumeOutcome::Over);
}

/// The process that claimed it first has died as well, and has written nothing down.
pub async fn a_turn_that_is_claimed_again_before_it_went_on_owes_for_all_that_was_said(
    stores: Stores,
) {
    let haru = stores.user("haru").await;
    let request = begin(&stores.chat(&haru).await, None);
    stores.start(&request).await;
    let saved = stores.turns.checkpoint(checkpoint(&request, "eins")).await;
    assert_eq!(saved.expect("checkpoint"), CheckpointOutcome::Saved);
    let first = claim_one(&stores).await;
    let again = stores
        .turns
        .claim_orphans(node(3), None, at(9000), 10, Vec::new());
    let again = again.await.expect("claim").pop().expect("one");
    assert_eq!((first.resumed_from, first.attempts), (0, 1));
    assert_eq!((again.resumed_from, again.attempts), (0, 2));
    assert_eq!(again.upstream_request_id, first.upstream_request_id);
    let resumed = resumption(&request, &again.text, Vec::new());
    let resumed = stores.turns.resume(resumed).await.expect("resume");
    assert_eq!(resumed, ResumeOutcome::Resumed);
    let third = stores
        .turns
        .claim_orphans(node(4), None, at(9000), 10, Vec::new());
    let third = third.await.expect("claim").pop().expect("one");
    assert_eq!(third.resumed_from, "eins".len());
}

/// What was spent on the first attempt counts, and what was set aside stays.
pub async fn a_turn_is_not_taken_up_beyond_a_budget_or_while_the_service_is_paused(stores: Stores) {
    let haru = stores.user("haru").await;
    let amount = |tokens| Amount {
        tokens,
        cost_micro_usd: 0,
    };
    let request = BeginTurn {
        budget: TurnBudget {
            limits: DailyBudgets {
                user: DailyLimit {
                    tokens: Some(100),
                    cost_micro_usd: None,
                },
                service: DailyLimit::default(),
            },
            most: amount(80),
            least: amount(80),
        },
        ..begin(&stores.chat(&haru).await, None)
    };
    stores.start(&request).await;
    claim_one(&stores).await;
    let used = async || {
        stores
            .usage
            .used(haru.id, day(TODAY))
            .await
            .expect("used")
            .tokens
    };
    // 80 more and the 28 that the first attempt took are more than 100.
    let beyond = resumption(&request, "eins", vec![attempt(TOKENS)]);
    let outcome = stores.turns.resume(beyond).await.expect("resume");
    assert_eq!(
        (outcome, used().await),
        (ResumeOutcome::BudgetExhausted, 80)
    );
    let mut within = resumption(&request, "eins", vec![attempt(TOKENS)]);
    within.budget.most = amount(72);
    switch(&stores, &haru, false).await;
    let outcome = stores.turns.resume(within.clone()).await.expect("resume");
    assert_eq!((outcome, used().await), (ResumeOutcome::Paused, 80));
    switch(&stores, &haru, true).await;
    let outcome = stores.turns.resume(within).await.expect("resume");
    assert!(matches!(outcome, ResumeOutcome::Resumed));
    assert_eq!(used().await, 100);
    let end = FinishTurn {
        attempts: Vec::new(),
        ..finish(&request, "eins")
    };
    let ended = stores.end(&end).await;
    assert_eq!(ended.charge.map(|charge| charge.tokens), Some(TOKENS));
    assert_eq!(used().await, TOKENS.total());
}

/// However often its end is written.
pub async fn attempts_of_a_deleted_chat_are_charged_once(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    stores.start(&request).await;
    claim_one(&stores).await;
    let resumed = stores
        .turns
        .resume(resumption(&request, "eins", vec![attempt(TOKENS)]))
        .await;
    assert!(matches!(resumed.expect("resume"), ResumeOutcome::Resumed));
    assert!(stores.chats.delete(haru.id, chat.id).await.expect("delete"));
    let late = FinishTurn {
        attempts: vec![Attempt {
            upstream_request_id: Some("req_2".to_owned()),
            ..attempt(TOKENS)
        }],
        ..finish(&request, "late")
    };
    for _ in 0..2 {
        let outcome = stores.turns.finish(late.clone()).await;
        assert_eq!(outcome.expect("finish"), FinishOutcome::ChatGone);
    }
    let days = days(&stores, &request).await;
    let [only] = days.as_slice() else {
        panic!("one day: {days:?}");
    };
    assert_eq!(
        (only.chat_count, only.tokens.total()),
        (1, 2 * TOKENS.total())
    );
}

/// Whatever their lease, once.
pub async fn a_process_that_serves_alone_takes_over_what_all_others_had(stores: Stores) {
    let haru = stores.user("haru").await;
    let request = begin(&stores.chat(&haru).await, None);
    stores.start(&request).await;
    let claim = async |number| {
        let claimed = stores
            .turns
            .claim_orphans(node(number), None, at(9000), 10, Vec::new())
            .await;
        claimed.expect("claim").len()
    };
    assert_eq!(claim(1).await, 0, "it is its own");
    assert_eq!((claim(2).await, claim(2).await), (1, 0));
    assert_eq!(claim(3).await, 1);
}
