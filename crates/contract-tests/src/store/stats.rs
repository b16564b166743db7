//! Statistics of the whole service.

use lionrocket_domain::{
    account::User,
    calendar::DayRange,
    ids::CharacterId,
    statistics::{AccountDay, Figures, LatencyBucket, Overview},
    turn::{TurnEnd, TurnFailure},
    usage::{Attempt, Charge, ChargeAccount, TokenUsage},
};
use lionrocket_ports::{
    accounts::{CreateUserOutcome, NewUser},
    turns::{BeginTurn, FinishTurn},
};

use super::fixture::{
    Stores, TOKENS, account, at, attempt, begin, charge, day, draft, finish, new_user,
};

const FROM: &str = "2026-11-20";
const TO: &str = "2026-11-22";

async fn figures(stores: &Stores, from: &str, to: &str, top: u32) -> Figures {
    let range = DayRange {
        from: day(from),
        to: day(to),
    };
    let figures = stores.stats.overview(range, top).await;
    figures.expect("overview")
}

async fn user_made_on(stores: &Stores, name: &str, date: &str) -> User {
    let user = NewUser {
        created_on: day(date),
        ..new_user(name)
    };
    match stores.users.create(user).await.expect("create") {
        CreateUserOutcome::Created(user) => user,
        other => panic!("{name} was not made: {other:?}"),
    }
}

/// Has an exchange on a day, in a new chat, ended as the test wants it.
async fn exchange_on(
    stores: &Stores,
    user: &User,
    date: &str,
    change: impl FnOnce(FinishTurn) -> FinishTurn,
) {
    let request = BeginTurn {
        usage_date: day(date),
        ..begin(&stores.chat(user).await, None)
    };
    stores.start(&request).await;
    stores.end(&change(finish(&request, "done"))).await;
}

/// Nothing is made up.
pub async fn an_empty_store_has_nothing_to_tell(stores: Stores) {
    assert_eq!(figures(&stores, FROM, TO, 10).await, Figures::default());
}

/// Those of the range by day, those before it as a sum.
pub async fn accounts_are_counted_on_the_day_on_which_they_are_made(stores: Stores) {
    for (name, date) in [
        ("haru", "2026-11-01"),
        ("mina", "2026-11-19"),
        ("sora", "2026-11-20"),
        ("jiho", "2026-11-22"),
        ("bora", "2026-11-22"),
        ("yuna", "2026-11-23"),
    ] {
        user_made_on(&stores, name, date).await;
    }
    stores.users.create(new_user("haru")).await.expect("create");
    let told = figures(&stores, FROM, TO, 10).await;
    assert_eq!(told.accounts_before, 2);
    let made = |date, new_accounts| AccountDay {
        usage_date: day(date),
        new_accounts,
        erased_accounts: 0,
        active_accounts: 0,
    };
    assert_eq!(
        told.account_days,
        [made("2026-11-20", 1), made("2026-11-22", 2)]
    );
}

/// However many exchanges they have on it.
pub async fn a_person_is_active_once_on_a_day(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    for (user, date) in [
        (&haru, "2026-11-20"),
        (&haru, "2026-11-20"),
        (&mina, "2026-11-20"),
        (&haru, "2026-11-21"),
        (&mina, "2026-11-23"),
    ] {
        exchange_on(&stores, user, date, |end| end).await;
    }
    // A turn that costs nothing makes nobody active.
    exchange_on(&stores, &mina, "2026-11-21", |end| FinishTurn {
        attempts: Vec::new(),
        ..end
    })
    .await;
    let told = figures(&stores, FROM, TO, 10).await;
    let active: Vec<_> = told
        .account_days
        .iter()
        .filter(|day| day.active_accounts > 0)
        .map(|day| (day.usage_date.to_string(), day.active_accounts))
        .collect();
    assert_eq!(
        active,
        [("2026-11-20".to_owned(), 2), ("2026-11-21".to_owned(), 1)]
    );
    assert_eq!(told.active_accounts, 2);
}

/// Charged or not, and why they failed.
pub async fn turns_are_counted_by_model_day_and_end(stores: Stores) {
    let haru = stores.user("haru").await;
    exchange_on(&stores, &haru, "2026-11-20", |end| end).await;
    exchange_on(&stores, &haru, "2026-11-20", |end| FinishTurn {
        end: TurnEnd::Stopped,
        ..end
    })
    .await;
    exchange_on(&stores, &haru, "2026-11-21", |end| FinishTurn {
        end: TurnEnd::Interrupted,
        failure: Some(TurnFailure::ReplyInterrupted),
        attempts: vec![Attempt {
            charge: Charge {
                model: "large".to_owned(),
                ..charge(TOKENS)
            },
            upstream_request_id: None,
        }],
        ..end
    })
    .await;
    for _ in 0..2 {
        exchange_on(&stores, &haru, "2026-11-21", |end| FinishTurn {
            end: TurnEnd::Failed,
            failure: Some(TurnFailure::UpstreamTimeout),
            attempts: Vec::new(),
            first_text_at: None,
            ..end
        })
        .await;
    }
    let told = figures(&stores, FROM, TO, 10).await;
    let models: Vec<_> = told
        .model_days
        .iter()
        .map(|day| {
            let turns = day.activity.turns;
            (
                day.usage_date.to_string(),
                day.model.as_deref(),
                day.activity.exchanges,
                [
                    turns.completed,
                    turns.stopped,
                    turns.failed,
                    turns.interrupted,
                ],
            )
        })
        .collect();
    let (first, second) = ("2026-11-20".to_owned(), "2026-11-21".to_owned());
    assert_eq!(
        models,
        [
            (first, Some("claude-haiku-5-5"), 2, [1, 1, 0, 0]),
            (second.clone(), None, 0, [0, 0, 2, 0]),
            (second, Some("large"), 1, [0, 0, 0, 1]),
        ]
    );
    let tokens = told.model_days[0].activity.tokens;
    assert_eq!(tokens.input, 2 * TOKENS.input);
    assert_eq!(tokens.cache_write(), 2 * TOKENS.cache_write());
    let failures: Vec<_> = told
        .failures
        .iter()
        .map(|failure| (failure.code.as_str(), failure.turns))
        .collect();
    assert_eq!(
        failures,
        [("upstream_timeout", 2), ("reply_interrupted", 1)]
    );
}

/// From accepting the message to the first text.
pub async fn first_texts_are_counted_by_how_long_they_took(stores: Stores) {
    let haru = stores.user("haru").await;
    // Messages of the fixture are accepted ten seconds into the test.
    for seconds in [11, 11, 11, 12, 40] {
        exchange_on(&stores, &haru, TO, |end| FinishTurn {
            first_text_at: Some(at(seconds)),
            ..end
        })
        .await;
    }
    let told = figures(&stores, FROM, TO, 10).await.first_text;
    let typical = |ms| Some(LatencyBucket::of_ms(ms).typical_ms());
    assert_eq!(told.percentile_ms(50), typical(1_000));
    assert_eq!(told.percentile_ms(80), typical(2_000));
    assert_eq!(told.percentile_ms(99), typical(30_000));
}

/// As many as are asked for, the busiest first.
pub async fn the_busiest_characters_and_people_are_named(stores: Stores) {
    let (haru, mina) = (stores.user("haru").await, stores.user("mina").await);
    let mut characters = Vec::new();
    for name in ["one", "two", "gone"] {
        characters.push(stores.character(Some(&haru), draft(name)).await.id);
    }
    let counted = |user: &User, character: CharacterId, input| {
        let (stores, user) = (stores.clone(), user.clone());
        async move {
            let request = begin(&stores.chat_with(&user, character).await, None);
            stores.start(&request).await;
            let tokens = TokenUsage {
                input,
                ..TokenUsage::default()
            };
            let end = FinishTurn {
                account: ChargeAccount {
                    character_id: Some(character),
                    ..account(&request)
                },
                attempts: vec![attempt(tokens)],
                ..finish(&request, "done")
            };
            stores.end(&end).await;
        }
    };
    counted(&haru, characters[0], 5).await;
    counted(&haru, characters[1], 5).await;
    counted(&haru, characters[1], 5).await;
    counted(&mina, characters[2], 40).await;
    counted(&mina, characters[2], 1).await;
    counted(&mina, characters[2], 1).await;
    let deleted = stores
        .characters
        .delete(
            super::fixture::actor(&haru),
            characters[2],
            lionrocket_domain::audit::Origin::default(),
            at(20),
        )
        .await;
    deleted.expect("delete");
    let told = figures(&stores, FROM, TO, 2).await;
    let ranks: Vec<_> = told
        .characters
        .iter()
        .map(|rank| {
            let name = rank
                .name
                .as_ref()
                .map(lionrocket_domain::text::CharacterName::as_str);
            (rank.character_id, name, rank.exchanges, rank.total_tokens)
        })
        .collect();
    assert_eq!(
        ranks,
        [
            (characters[2], None, 3, 42),
            (characters[1], Some("two"), 2, 10)
        ]
    );
    let people: Vec<_> = told
        .users
        .iter()
        .map(|rank| (rank.user_id, rank.username.as_str(), rank.total_tokens))
        .collect();
    assert_eq!(people, [(mina.id, "mina", 42), (haru.id, "haru", 15)]);
    let one = figures(&stores, FROM, TO, 1).await;
    assert_eq!((one.users.len(), one.active_accounts), (1, 2));
}

/// Both ends included.
pub async fn other_days_are_left_out(stores: Stores) {
    let haru = stores.user("haru").await;
    for date in ["2026-11-19", FROM, "2026-11-21", TO, "2026-11-23"] {
        exchange_on(&stores, &haru, date, |end| end).await;
    }
    let range = DayRange {
        from: day(FROM),
        to: day(TO),
    };
    let overview = Overview::new(range, figures(&stores, FROM, TO, 10).await);
    assert_eq!(overview.totals.activity.exchanges, 3);
    assert_eq!(overview.users[0].exchanges, 3);
    assert_eq!(overview.characters[0].exchanges, 3);
    let days: Vec<_> = overview
        .days
        .iter()
        .map(|(_, summary)| summary.activity.exchanges)
        .collect();
    assert_eq!(days, [1, 1, 1]);
}
