//! Budgets of the day and the switch of the service.

use jiff::SignedDuration;
use lionrocket_domain::budget::{DailyBudgets, DailyLimit};
use serde_json::json;

use crate::api::{Api, RequestExt, request};

const fn tokens(tokens: u64) -> DailyLimit {
    DailyLimit {
        tokens: Some(tokens),
        cost_micro_usd: None,
    }
}

#[actix_web::test]
async fn a_budget_that_is_used_up_is_told_with_the_time_to_wait() {
    for (budgets, code) in [
        (
            DailyBudgets {
                user: tokens(0),
                service: DailyLimit::default(),
            },
            "budget_exhausted",
        ),
        (
            DailyBudgets {
                user: DailyLimit::default(),
                service: tokens(0),
            },
            "service_budget_exhausted",
        ),
    ] {
        let api = Api::with_budgets(budgets).await;
        let haru = api.world.person("haru").await;
        let chat = api.chat(&haru).await;
        let path = format!("/api/chats/{chat}/messages");
        let send = || {
            request("POST", &path)
                .by(&haru)
                .json_text(r#"{"content":"hi"}"#)
        };
        let answer = api.send(send()).await;
        let problem = answer.problem(429, code);
        // Noon in UTC is nine in the evening in Seoul.
        assert_eq!(problem["resets_at"], "2026-11-22T15:00:00Z");
        assert_eq!(answer.header("retry-after"), "10800");
        let view = api.send(request("GET", &path).by(&haru)).await.json();
        assert_eq!(view["items"].as_array().unwrap().len(), 1, "the greeting");
    }
}

#[actix_web::test]
async fn a_new_day_begins_at_midnight_in_the_zone_of_the_statistics() {
    // Enough for one reply of the largest size, and not for two.
    let api = Api::with_budgets(DailyBudgets {
        user: tokens(1_400),
        service: DailyLimit::default(),
    })
    .await;
    let haru = api.world.person("haru").await;
    let chat = api.chat(&haru).await;
    let path = format!("/api/chats/{chat}/messages");
    let send = || {
        request("POST", &path)
            .by(&haru)
            .json_text(r#"{"content":"hi"}"#)
    };
    let mut sent = 0;
    while api.send(send()).await.status == 201 {
        sent += 1;
        assert!(sent < 100, "the budget is never used up");
    }
    assert!(sent > 0);
    api.world
        .clock
        .advance(SignedDuration::from_hours(3) - SignedDuration::from_secs(1));
    api.send(send()).await.problem(429, "budget_exhausted");
    api.world.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(api.send(send()).await.status, 201);
}

#[actix_web::test]
async fn people_see_what_they_may_still_use() {
    let api = Api::with_budgets(DailyBudgets {
        user: tokens(20_000),
        service: DailyLimit::default(),
    })
    .await;
    let haru = api.world.person("haru").await;
    let chat = api.chat(&haru).await;
    api.turn(&haru, chat).await;
    let view = api.send(request("GET", "/auth/me/usage").by(&haru)).await;
    let view = view.json();
    let budget = &view["budget"];
    assert_eq!(budget["daily_token_budget"], 20_000);
    assert_eq!(budget["used_tokens"], view["items"][0]["total_tokens"]);
    assert_eq!(budget["resets_at"], "2026-11-22T15:00:00Z");
}

#[actix_web::test]
async fn an_administrator_stops_new_messages_and_takes_them_again() {
    let api = Api::with_budgets(DailyBudgets {
        user: DailyLimit::default(),
        service: DailyLimit {
            tokens: Some(1_000_000),
            cost_micro_usd: Some(5_000_000),
        },
    })
    .await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    let path = format!("/api/chats/{chat}/messages");
    let send = || {
        request("POST", &path)
            .by(&haru)
            .json_text(r#"{"content":"hi"}"#)
    };
    let switch = |accepts: bool| {
        request("PUT", "/admin/service")
            .by(&admin)
            .json_text(json!({ "accepts_messages": accepts }).to_string())
    };
    let before = api.send(request("GET", "/admin/service").by(&admin)).await;
    assert_eq!(
        before.json(),
        json!({
            "accepts_messages": true,
            "changed_at": null,
            "today": {
                "total_tokens": 0,
                "cost_micro_usd": 0,
                "token_budget": 1_000_000,
                "cost_budget_micro_usd": 5_000_000,
            },
        })
    );
    let stopped = api.send(switch(false)).await;
    assert_eq!(stopped.status, 200, "{}", stopped.text());
    assert_eq!(stopped.json()["accepts_messages"], false);
    assert_eq!(stopped.json()["changed_at"], "2026-11-22T12:00:00Z");
    let paused = api.send(send()).await;
    paused.problem(503, "service_paused");
    assert_eq!(paused.header("retry-after"), "60");
    assert_eq!(api.send(switch(true)).await.status, 200);
    assert_eq!(api.send(send()).await.status, 201);
    let after = api.send(request("GET", "/admin/service").by(&admin)).await;
    assert!(after.json()["today"]["total_tokens"].as_u64().unwrap() > 0);

    let log = api
        .send(request("GET", "/admin/audit-log").by(&admin))
        .await;
    let log = log.json();
    let switched: Vec<_> = log["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["action"] == "service.update")
        .map(|row| row["details"]["accepts_messages"].clone())
        .collect();
    assert_eq!(switched, [json!(true), json!(false)]);
}
