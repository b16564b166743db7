//! Usage by day.

use std::collections::HashMap;

use futures_util::future::join_all;
use lionrocket_domain::{
    account::User,
    calendar::DayRange,
    turn::{TurnEnd, TurnFailure},
    usage::{Attempt, TokenUsage, UsageDay},
};
use lionrocket_ports::turns::{BeginTurn, FinishOutcome, FinishTurn};

use super::fixture::{Stores, TOKENS, attempt, begin, charge, day, finish};

async fn days(stores: &Stores, user: &User, from: &str, to: &str) -> Vec<UsageDay> {
    let range = DayRange {
        from: day(from),
        to: day(to),
    };
    stores.usage.days(user.id, range).await.expect("days")
}

async fn exchange_on(stores: &Stores, user: &User, date: &str, tokens: TokenUsage) {
    let request = BeginTurn {
        usage_date: day(date),
        ..begin(&stores.chat(user).await, None)
    };
    stores.start(&request).await;
    let end = FinishTurn {
        attempts: vec![attempt(tokens)],
        ..finish(&request, "done")
    };
    stores.end(&end).await;
}

/// Both ends included, and nobody else's.
pub async fn days_are_told_oldest_first_within_the_range(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    for date in ["2026-11-22", "2026-10-31", "2026-11-01", "2026-11-23"] {
        exchange_on(&stores, &haru, date, TOKENS).await;
    }
    exchange_on(&stores, &mina, "2026-11-05", TOKENS).await;
    let told = days(&stores, &haru, "2026-11-01", "2026-11-22").await;
    let dates: Vec<_> = told.iter().map(|day| day.usage_date.to_string()).collect();
    assert_eq!(dates, ["2026-11-01", "2026-11-22"]);
    assert_eq!(
        days(&stores, &mina, "2026-11-01", "2026-11-22").await.len(),
        1
    );
    assert!(
        days(&stores, &mina, "2025-01-01", "2025-12-31")
            .await
            .is_empty()
    );
}

/// Cache writes of both kinds are one number here.
pub async fn a_day_adds_up_tokens_and_cost_by_kind(stores: Stores) {
    let haru = stores.user("haru").await;
    let more = TokenUsage {
        input: 100,
        output: 50,
        ..TokenUsage::default()
    };
    exchange_on(&stores, &haru, "2026-11-22", TOKENS).await;
    exchange_on(&stores, &haru, "2026-11-22", more).await;
    let told = days(&stores, &haru, "2026-11-22", "2026-11-22").await;
    let wanted = UsageDay {
        usage_date: day("2026-11-22"),
        chat_count: 2,
        tokens: TokenUsage {
            input: TOKENS.input + 100,
            output: TOKENS.output + 50,
            cache_read: TOKENS.cache_read,
            cache_write_5m: TOKENS.cache_write(),
            cache_write_1h: 0,
        },
        cost_micro_usd: charge(TOKENS).cost_micro_usd + charge(more).cost_micro_usd,
    };
    assert_eq!(told, [wanted]);
}

/// A number sequence that looks random and is the same each time.
pub(super) fn numbers(mut state: u64) -> impl FnMut(u64) -> u64 {
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    }
}

/// Every way to end, failures of several kinds among them.
const ENDS: [(TurnEnd, Option<TurnFailure>); 5] = [
    (TurnEnd::Completed, None),
    (TurnEnd::Stopped, None),
    (TurnEnd::Failed, Some(TurnFailure::UpstreamTimeout)),
    (TurnEnd::Failed, Some(TurnFailure::Refused)),
    (TurnEnd::Interrupted, Some(TurnFailure::ReplyInterrupted)),
];

/// 200 turns of four users on three days; some ends are told twice, some chats deleted before.
pub async fn the_ledger_and_the_days_agree_after_many_turns_at_once(stores: Stores) {
    let mut random = numbers(20_261_122);
    let mut users = Vec::new();
    for name in ["haru", "mina", "sora", "jiho"] {
        users.push(stores.user(name).await);
    }
    let mut ends = Vec::new();
    for (number, user) in users.iter().cycle().take(200).enumerate() {
        let request = BeginTurn {
            usage_date: day(&format!("2026-11-{}", 20 + random(3))),
            max_running_per_user: 200,
            ..begin(&stores.chat(user).await, None)
        };
        stores.start(&request).await;
        if number % 10 == 0 {
            let deleted = stores.chats.delete(user.id, request.chat_id).await;
            assert!(deleted.expect("delete"));
        }
        let tokens = TokenUsage {
            input: random(1000),
            output: random(1000),
            cache_read: random(100),
            cache_write_5m: random(100),
            cache_write_1h: random(100),
        };
        let (end, failure) = ENDS[number % ENDS.len()];
        ends.push(FinishTurn {
            end,
            failure,
            attempts: (number % 7 != 0)
                .then(|| attempt(tokens))
                .into_iter()
                .collect(),
            ..finish(&request, "done")
        });
    }
    let twice = ends.iter().chain(
        ends.iter()
            .filter(|end| end.account.turn_id.as_uuid().as_u128() % 3 == 0),
    );
    let outcomes = join_all(twice.map(|end| stores.turns.finish(end.clone()))).await;
    for outcome in outcomes {
        if let FinishOutcome::Finished(record) = outcome.expect("finish") {
            let read_back =
                stores
                    .turns
                    .get(record.turn.user_id, record.turn.chat_id, record.turn.id);
            assert_eq!(read_back.await.expect("get"), Some(*record));
        }
    }

    let mut wanted: HashMap<_, (u64, u64, u64)> = HashMap::new();
    for end in &ends {
        if let [Attempt { charge, .. }] = end.attempts.as_slice() {
            let day = wanted
                .entry((end.account.user_id, end.account.usage_date))
                .or_default();
            day.0 += 1;
            day.1 += charge.tokens.total();
            day.2 += charge.cost_micro_usd;
        }
    }
    let mut told = HashMap::new();
    for user in &users {
        for day in days(&stores, user, "2026-11-20", "2026-11-22").await {
            let sums = (day.chat_count, day.tokens.total(), day.cost_micro_usd);
            told.insert((user.id, day.usage_date), sums);
        }
    }
    assert_eq!(told, wanted);
}
