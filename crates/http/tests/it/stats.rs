//! The statistics of the service.

use crate::api::{Api, RequestExt, request};

const PATH: &str = "/admin/stats/overview";

#[actix_web::test]
async fn administrators_see_what_the_service_is_used_for() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    api.turn(&haru, chat).await;
    let answer = api.send(request("GET", PATH).by(&admin)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let view = answer.json();
    assert_eq!(
        (&view["from"], &view["to"]),
        (&"2026-10-24".into(), &"2026-11-22".into())
    );
    let days = view["days"].as_array().unwrap();
    assert_eq!(days.len(), 30);
    assert_eq!(days[0]["exchanges"], 0);
    assert_eq!(days[29]["usage_date"], "2026-11-22");
    for figures in [&days[29], &view["totals"]] {
        assert_eq!(figures["users"], 2);
        assert_eq!(figures["new_users"], 2);
        assert_eq!(figures["active_users"], 1);
        assert_eq!(figures["exchanges"], 1);
        assert_eq!(figures["turns"]["completed"], 1);
        assert_eq!(figures["error_rate"], 0.0);
    }
    let total = &view["totals"]["total_tokens"];
    assert_eq!(&view["models"][0]["total_tokens"], total);
    assert_eq!(&view["users"][0]["total_tokens"], total);
    assert_eq!(view["users"][0]["username"], "haru");
    assert_eq!(view["characters"][0]["name"], "하루");
    assert_eq!(view["failures"], serde_json::json!([]));
    assert_eq!(view["first_text_latency"]["p50_ms"], 0);
}

#[actix_web::test]
async fn the_days_of_the_service_come_as_a_table_to_those_who_ask_for_one() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let path = format!("{PATH}?from=2026-11-21&to=2026-11-22");
    let call = request("GET", &path).by(&admin).with("Accept", "text/csv");
    let answer = api.send(call).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").starts_with("text/csv"));
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"overview-2026-11-21-2026-11-22.csv\""
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let lines: Vec<&str> = answer.text().lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("\u{feff}usage_date,users,new_users,active_users,exchanges,"));
    assert_eq!(lines[1], "2026-11-21,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0");
    assert!(lines[2].starts_with("2026-11-22,1,1,0,"));
}

#[actix_web::test]
async fn a_range_of_statistics_has_at_most_a_year() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    let ask = |query: &str| {
        let path = format!("{PATH}?{query}");
        api.send(request("GET", &path).by(&admin))
    };
    let year = ask("from=2025-11-22&to=2026-11-22").await;
    assert_eq!(year.status, 200, "366 days");
    let more = ask("from=2025-11-21&to=2026-11-22").await;
    assert_eq!(
        more.fields(),
        [("?from".to_owned(), "range_too_long".to_owned())]
    );
    let reversed = ask("from=2026-11-23&to=2026-11-22").await;
    assert_eq!(
        reversed.fields(),
        [("?to".to_owned(), "range_reversed".to_owned())]
    );
}
