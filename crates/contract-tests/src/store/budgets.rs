//! Budgets and the switch of the service.

use futures_util::future::join_all;
use lionrocket_domain::{
    account::User,
    audit::{AuditAction, AuditRecord, AuditTarget, Origin, Performer},
    budget::{Amount, BudgetScope, DailyBudgets, DailyLimit},
    chat::Chat,
    ids::CharacterId,
    turn::{TurnEnd, TurnFailure},
    usage::TokenUsage,
};
use lionrocket_ports::{
    admin::AccountChange,
    audit::AuditFilter,
    turns::{BeginOutcome, BeginTurn, FinishOutcome, FinishTurn, Idempotency, TurnBudget},
};

use super::{
    fixture::{Stores, actor, at, attempt, begin, day, finish, node, turn_id},
    usage::numbers,
};

const TODAY: &str = "2026-11-22";

/// Tokens at ten micro-dollars each, as the fixture's charges have it.
const fn amount(tokens: u64) -> Amount {
    Amount {
        tokens,
        cost_micro_usd: tokens * 10,
    }
}

const fn tokens(tokens: u64) -> DailyLimit {
    DailyLimit {
        tokens: Some(tokens),
        cost_micro_usd: None,
    }
}

fn limits(user: DailyLimit, service: DailyLimit) -> DailyBudgets {
    DailyBudgets { user, service }
}

/// A turn that may cost so many tokens.
fn asking(chat: &Chat, limits: DailyBudgets, most: u64) -> BeginTurn {
    BeginTurn {
        budget: TurnBudget {
            limits,
            most: amount(most),
            least: amount(most / 2),
        },
        max_running_per_user: 100,
        ..begin(chat, None)
    }
}

/// A turn that did cost so many.
fn costing(request: &BeginTurn, tokens: u64) -> FinishTurn {
    FinishTurn {
        attempts: vec![attempt(TokenUsage {
            output: tokens,
            ..TokenUsage::default()
        })],
        ..finish(request, "done")
    }
}

async fn used(stores: &Stores, user: &User) -> u64 {
    let amount = stores.usage.used(user.id, day(TODAY)).await;
    amount.expect("used").tokens
}

async fn used_by_all(stores: &Stores) -> Amount {
    let status = stores.service.status(day(TODAY)).await;
    status.expect("status").used
}

async fn begun(stores: &Stores, request: &BeginTurn) -> BeginOutcome {
    stores.turns.begin(request.clone()).await.expect("begin")
}

const fn exhausted(scope: BudgetScope, is_certain: bool) -> BeginOutcome {
    BeginOutcome::BudgetExhausted { scope, is_certain }
}

/// What is set aside counts as used until the turn ends, then what it did cost.
pub async fn a_turn_sets_its_cost_aside_until_it_ends(stores: Stores) {
    let haru = stores.user("haru").await;
    let request = asking(
        &stores.chat(&haru).await,
        limits(tokens(100), tokens(100)),
        60,
    );
    stores.start(&request).await;
    assert_eq!(used(&stores, &haru).await, 60);
    assert_eq!(used_by_all(&stores).await, amount(60));
    stores.end(&costing(&request, 25)).await;
    assert_eq!(used(&stores, &haru).await, 25);
    assert_eq!(used_by_all(&stores).await, amount(25));
    // Told twice, given back once.
    let again = stores.turns.finish(costing(&request, 25)).await;
    assert!(matches!(again, Ok(FinishOutcome::AlreadyFinished(_))));
    assert_eq!(used(&stores, &haru).await, 25);
}

/// Nothing is written for those who have none.
pub async fn without_a_budget_nothing_is_set_aside(stores: Stores) {
    let haru = stores.user("haru").await;
    let request = asking(&stores.chat(&haru).await, DailyBudgets::default(), 60);
    stores.start(&request).await;
    assert_eq!(used(&stores, &haru).await, 0);
    assert_eq!(used_by_all(&stores).await, Amount::default());
}

/// Tokens and cost, the person's own and that of all; the last token can be used.
pub async fn a_turn_that_does_not_fit_is_refused(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let cost = |micro| DailyLimit {
        tokens: None,
        cost_micro_usd: Some(micro),
    };
    let none = DailyLimit::default();
    let first = asking(&stores.chat(&haru).await, limits(tokens(100), none), 40);
    stores.start(&first).await;
    stores.end(&costing(&first, 40)).await;
    let chat = stores.chat(&haru).await;
    for (limits, most, scope, is_certain) in [
        (limits(tokens(100), none), 61, BudgetScope::User, false),
        (limits(tokens(100), none), 130, BudgetScope::User, true),
        (limits(cost(1_000), none), 61, BudgetScope::User, false),
        (limits(none, tokens(100)), 61, BudgetScope::Service, false),
        (limits(none, cost(1_000)), 200, BudgetScope::Service, true),
        (limits(tokens(0), tokens(0)), 2, BudgetScope::User, true),
    ] {
        let request = asking(&chat, limits, most);
        assert_eq!(
            begun(&stores, &request).await,
            exhausted(scope, is_certain),
            "{limits:?}"
        );
    }
    // Others have budgets of their own, but that of all is one.
    let hers = asking(
        &stores.chat(&mina).await,
        limits(tokens(100), tokens(100)),
        61,
    );
    assert_eq!(
        begun(&stores, &hers).await,
        exhausted(BudgetScope::Service, false)
    );
    stores
        .start(&asking(&chat, limits(tokens(100), tokens(100)), 60))
        .await;
    let now = stores.chat_now(&chat).await;
    assert_eq!(now.head_message_id.map(|_| ()), Some(()));
}

/// A refused message leaves nothing behind.
pub async fn a_refused_message_is_not_kept(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let request = asking(&chat, limits(tokens(10), DailyLimit::default()), 11);
    begun(&stores, &request).await;
    assert_eq!(stores.chat_now(&chat).await, chat);
    assert_eq!(used(&stores, &haru).await, 0);
}

/// Higher or lower, and it can be nothing.
pub async fn a_persons_own_budget_goes_before_the_one_for_everybody(stores: Stores) {
    let haru = stores.user("haru").await;
    let everybody = limits(tokens(50), DailyLimit::default());
    let most_that_fits = [(Some(100), 100), (Some(10), 10), (Some(0), 0), (None, 50)];
    for (own, limit) in most_that_fits {
        let change = AccountChange {
            daily_token_budget: Some(own),
            ..AccountChange::default()
        };
        let by = Performer {
            actor: None,
            origin: Origin::default(),
        };
        let changed = stores.admin.change(haru.id, change, None, by, at(5)).await;
        changed.expect("change");
        let chat = stores.chat(&haru).await;
        let above = begun(&stores, &asking(&chat, everybody, limit + 1)).await;
        assert!(
            matches!(above, BeginOutcome::BudgetExhausted { .. }),
            "{own:?}: {above:?}"
        );
        let request = asking(&chat, everybody, limit);
        stores.start(&request).await;
        stores.end(&costing(&request, 0)).await;
    }
}

/// As many as fit, and not one more.
pub async fn of_turns_begun_at_once_only_as_many_start_as_fit(stores: Stores) {
    let haru = stores.user("haru").await;
    let budget = limits(tokens(700), DailyLimit::default());
    let mut requests = Vec::new();
    for _ in 0..50 {
        requests.push(asking(&stores.chat(&haru).await, budget, 100));
    }
    let begins = requests.iter().map(|request| begun(&stores, request));
    let outcomes = join_all(begins).await;
    let started = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, BeginOutcome::Started(_)))
        .count();
    assert_eq!(started, 7);
    assert_eq!(used(&stores, &haru).await, 700);
}

/// Neither of a running turn nor of one that has ended.
pub async fn deleting_gives_nothing_back(stores: Stores) {
    let haru = stores.user("haru").await;
    let budget = limits(tokens(100), tokens(100));
    let ended = asking(&stores.chat(&haru).await, budget, 40);
    stores.start(&ended).await;
    stores.end(&costing(&ended, 40)).await;
    let running = asking(&stores.chat(&haru).await, budget, 60);
    stores.start(&running).await;
    for request in [&ended, &running] {
        let deleted = stores.chats.delete(haru.id, request.chat_id).await;
        assert!(deleted.expect("delete"));
    }
    assert_eq!(used(&stores, &haru).await, 100);
    let more = asking(&stores.chat(&haru).await, budget, 1);
    assert_eq!(
        begun(&stores, &more).await,
        exhausted(BudgetScope::User, false)
    );
    // The end of the turn whose chat is gone: it is charged, and the rest is given back.
    let end = stores.turns.finish(costing(&running, 10)).await;
    assert_eq!(end.expect("finish"), FinishOutcome::ChatGone);
    assert_eq!(used(&stores, &haru).await, 50);
    assert_eq!(used_by_all(&stores).await, amount(50));
    for character in [1, 2, 3] {
        let id = CharacterId::from_stored(character);
        let gone = stores
            .characters
            .delete(
                actor(&haru),
                id,
                lionrocket_domain::audit::Origin::default(),
                at(30),
            )
            .await;
        drop(gone);
    }
    assert_eq!(used(&stores, &haru).await, 50);
}

/// Whatever it said.
pub async fn a_turn_that_failed_gives_everything_back(stores: Stores) {
    let haru = stores.user("haru").await;
    let budget = limits(tokens(100), tokens(100));
    let request = asking(&stores.chat(&haru).await, budget, 100);
    stores.start(&request).await;
    stores
        .end(&FinishTurn {
            end: TurnEnd::Failed,
            failure: Some(TurnFailure::UpstreamTimeout),
            attempts: Vec::new(),
            ..finish(&request, "")
        })
        .await;
    assert_eq!(used(&stores, &haru).await, 0);
    stores
        .start(&asking(&stores.chat(&haru).await, budget, 100))
        .await;
}

/// Not those of turns that run.
pub async fn what_was_set_aside_for_turns_that_are_gone_is_given_back(stores: Stores) {
    let haru = stores.user("haru").await;
    let budget = limits(tokens(100), DailyLimit::default());
    let gone = asking(&stores.chat(&haru).await, budget, 30);
    stores.start(&gone).await;
    let orphaned = asking(&stores.chat(&haru).await, budget, 30);
    stores.start(&orphaned).await;
    let running = asking(&stores.chat(&haru).await, budget, 30);
    stores.start(&running).await;
    let deleted = stores.chats.delete(haru.id, gone.chat_id).await;
    assert!(deleted.expect("delete"));
    // The process died. Another one ends what it finds, and there is nothing of the deleted chat.
    let orphans = stores
        .turns
        .claim_orphans(node(2), Some(at(1000)), at(2000), 10, Vec::new())
        .await;
    assert_eq!(orphans.expect("claim").len(), 2);
    stores
        .end(&FinishTurn {
            end: TurnEnd::Interrupted,
            attempts: Vec::new(),
            ..finish(&orphaned, "")
        })
        .await;
    assert_eq!(used(&stores, &haru).await, 60);
    let given_back = stores.turns.give_back_leftovers().await;
    assert_eq!(given_back.expect("give back"), 1);
    assert_eq!(used(&stores, &haru).await, 30);
}

/// What was used yesterday does not count.
pub async fn each_day_has_its_own_budget(stores: Stores) {
    let haru = stores.user("haru").await;
    let budget = limits(tokens(100), tokens(100));
    let today = asking(&stores.chat(&haru).await, budget, 100);
    stores.start(&today).await;
    let tomorrow = BeginTurn {
        usage_date: day("2026-11-23"),
        ..asking(&stores.chat(&haru).await, budget, 100)
    };
    stores.start(&tomorrow).await;
    stores.end(&costing(&today, 100)).await;
    assert_eq!(used(&stores, &haru).await, 100);
    let next_day = stores.usage.used(haru.id, day("2026-11-23")).await;
    assert_eq!(next_day.expect("used").tokens, 100);
}

/// It was paid for when it was sent.
pub async fn a_repeated_key_is_answered_whatever_is_left(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    let budget = limits(tokens(100), DailyLimit::default());
    let request = BeginTurn {
        idempotency: Some(Idempotency {
            key: "k".to_owned(),
            request_hash: [1; 32],
        }),
        ..asking(&chat, budget, 100)
    };
    stores.start(&request).await;
    stores.end(&costing(&request, 100)).await;
    switch(&stores, &haru, false).await;
    let again = BeginTurn {
        turn_id: turn_id(),
        ..request.clone()
    };
    assert!(matches!(
        begun(&stores, &again).await,
        BeginOutcome::Replayed(_)
    ));
}

pub(super) async fn switch(stores: &Stores, admin: &User, accepts_messages: bool) {
    let record = AuditRecord {
        actor: Some(admin.id),
        action: AuditAction::ServiceUpdate,
        target: AuditTarget::Service,
        subject: None,
        reason: None,
        origin: Origin::default(),
        details: None,
    };
    let status = stores
        .service
        .switch(accepts_messages, day(TODAY), record, at(50))
        .await
        .expect("switch");
    assert_eq!(status.accepts_messages, accepts_messages);
    assert_eq!(status.changed_at, Some(at(50)));
}

/// From the next one on, and with a record of who did it.
pub async fn a_paused_service_takes_no_message(stores: Stores) {
    let haru = stores.user("haru").await;
    let before = stores.service.status(day(TODAY)).await.expect("status");
    assert!(before.accepts_messages);
    assert_eq!(before.changed_at, None);
    let running = begin(&stores.chat(&haru).await, None);
    stores.start(&running).await;
    switch(&stores, &haru, false).await;
    let chat = stores.chat(&haru).await;
    let request = begin(&chat, None);
    assert_eq!(begun(&stores, &request).await, BeginOutcome::Paused);
    stores.end(&finish(&running, "goes on")).await;
    switch(&stores, &haru, true).await;
    stores.start(&request).await;
    let log = stores.audit.list(AuditFilter::default()).await;
    let actions: Vec<_> = log
        .expect("list")
        .items
        .into_iter()
        .map(|row| row.entry.action)
        .collect();
    assert_eq!(actions, ["service.update", "service.update"]);
}

/// Whoever answers is whom the request was made for.
pub async fn a_turn_is_refused_when_another_character_answers_than_was_expected(stores: Stores) {
    let haru = stores.user("haru").await;
    let chat = stores.chat(&haru).await;
    for character_id in [None, Some(CharacterId::from_stored(999))] {
        let request = BeginTurn {
            character_id,
            ..begin(&chat, None)
        };
        assert_eq!(begun(&stores, &request).await, BeginOutcome::ParentMoved);
    }
    stores.start(&begin(&chat, None)).await;
}

/// 40 days of random turns: what is used and set aside is never above the budget.
pub async fn no_budget_is_ever_overspent(stores: Stores) {
    let haru = stores.user("haru").await;
    let mina = stores.user("mina").await;
    for seed in 0..40 {
        let mut random = numbers(seed);
        let date = format!("2026-{:02}-{:02}", seed / 28 + 1, seed % 28 + 1);
        let user_limit = 50 + random(500);
        let service_limit = 50 + random(800);
        let budget = limits(tokens(user_limit), tokens(service_limit));
        let mut running: Vec<BeginTurn> = Vec::new();
        for _ in 0..30 {
            if running.is_empty() || random(3) > 0 {
                let user = if random(2) == 0 { &haru } else { &mina };
                let chat = stores.chat(user).await;
                let request = BeginTurn {
                    usage_date: day(&date),
                    ..asking(&chat, budget, 1 + random(200))
                };
                if matches!(begun(&stores, &request).await, BeginOutcome::Started(_)) {
                    running.push(request);
                }
            } else {
                let at = usize::try_from(random(running.len() as u64)).unwrap_or(0);
                let request = running.swap_remove(at);
                if random(4) == 0 {
                    let deleted = stores.chats.delete(request.user_id, request.chat_id).await;
                    deleted.expect("delete");
                }
                let cost = random(request.budget.most.tokens + 1);
                let mut end = costing(&request, cost);
                end.attempts
                    .retain(|attempt| !attempt.charge.tokens.output.is_multiple_of(5));
                stores.turns.finish(end).await.expect("finish");
            }
            for user in [&haru, &mina] {
                let amount = stores.usage.used(user.id, day(&date)).await;
                assert!(amount.expect("used").tokens <= user_limit, "seed {seed}");
            }
            let status = stores.service.status(day(&date)).await.expect("status");
            assert!(status.used.tokens <= service_limit, "seed {seed}");
        }
        for request in running {
            stores
                .turns
                .finish(costing(&request, 0))
                .await
                .expect("finish");
        }
    }
}
