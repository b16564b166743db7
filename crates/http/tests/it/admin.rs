//! Looking after accounts, and what people said on the record.

use jiff::SignedDuration;
use lionrocket_domain::character::Visibility;
use lionrocket_ports::audit::{AuditFilter, AuditLog as _};
use lionrocket_test_support::Person;
use serde_json::{Value, json};

use crate::api::{Answer, Api, RequestExt, request};

async fn get(api: &Api, path: &str, by: &Person) -> Answer {
    api.send(request("GET", path).by(by)).await
}

async fn change(api: &Api, of: &Person, body: &str, by: &Person) -> Answer {
    let path = format!("/admin/users/{}", of.actor.user_id);
    api.send(request("PATCH", &path).by(by).json_text(body))
        .await
}

/// Every operation on accounts and records that a person and a chat of theirs have.
fn operations(person: &Person, chat: impl std::fmt::Display) -> Vec<(&'static str, String)> {
    let user = format!("/admin/users/{}", person.actor.user_id);
    vec![
        ("GET", "/admin/users".to_owned()),
        ("GET", user.clone()),
        ("PATCH", user.clone()),
        ("DELETE", user.clone()),
        ("GET", format!("{user}/chats?reason=a+complaint")),
        ("GET", format!("{user}/usage")),
        (
            "GET",
            format!("/admin/chats/{chat}/messages?reason=a+complaint"),
        ),
        ("GET", "/admin/audit-log".to_owned()),
    ]
}

/// The rows of the log, oldest first, by action.
async fn log(api: &Api) -> Vec<String> {
    let page = api.world.store.list(AuditFilter::default()).await.unwrap();
    let rows = page.items.into_iter().rev();
    // The people of the tests are made by command.
    rows.map(|row| row.entry.action)
        .filter(|action| action != "user.create")
        .collect()
}

#[actix_web::test]
async fn nobody_but_administrators_gets_past_the_door() {
    let api = Api::new().await;
    let (owner, other) = (
        api.world.person("owner").await,
        api.world.person("other").await,
    );
    let chat = api.chat(&owner).await;
    for (method, path) in operations(&owner, chat) {
        for person in [&owner, &other] {
            let answer = api.send(request(method, &path).by(person)).await;
            answer.problem(403, "forbidden");
            // Not even whether there is such a thing, or what is wrong with the question.
            let path = path.split('?').next().unwrap_or_default();
            let unknown = path.replace(&owner.actor.user_id.to_string(), "999999");
            let answer = api
                .send(request(method, &format!("{unknown}?x=y")).by(person))
                .await;
            answer.problem(403, "forbidden");
        }
        let answer = api.send(request(method, &path)).await;
        answer.problem(401, "unauthorized");
    }
    assert_eq!(log(&api).await, [""; 0]);
}

#[actix_web::test]
async fn what_is_not_there_is_not_found_and_not_recorded() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    for id in ["999999", "0", "-1", "x", "9007199254740992"] {
        for (method, path, body) in [
            ("GET", format!("/admin/users/{id}"), ""),
            (
                "PATCH",
                format!("/admin/users/{id}"),
                r#"{"is_admin":true}"#,
            ),
            ("DELETE", format!("/admin/users/{id}"), ""),
            (
                "GET",
                format!("/admin/users/{id}/chats?reason=a+complaint"),
                "",
            ),
            ("GET", format!("/admin/users/{id}/usage"), ""),
            (
                "GET",
                format!("/admin/chats/{id}/messages?reason=a+complaint"),
                "",
            ),
        ] {
            let mut call = request(method, &path).by(&admin);
            if !body.is_empty() {
                call = call.json_text(body);
            }
            api.send(call).await.problem(404, "not_found");
        }
    }
    assert_eq!(log(&api).await, [""; 0]);
}

#[actix_web::test]
async fn accounts_are_listed_with_what_was_done_with_them() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    api.turn(&haru, chat).await;
    let list = get(&api, "/admin/users", &admin).await.json();
    let items = list["items"].as_array().unwrap();
    assert_eq!((items.len(), &list["next_cursor"]), (2, &Value::Null));
    let view = &items[0];
    assert_eq!(view["username"], "haru");
    assert_eq!(view["email"], "haru@example.com");
    assert_eq!(
        (&view["is_admin"], &view["is_active"]),
        (&json!(false), &json!(true))
    );
    assert_eq!((&view["chats"], &view["exchanges"]), (&json!(1), &json!(1)));
    assert!(view["total_tokens"].as_u64().unwrap() > 0);
    assert!(view["cost_micro_usd"].is_u64());
    assert_eq!(view["last_active_at"], "2026-11-22T12:00:00Z");
    assert_eq!(
        (&view["deleted_at"], &view["version"]),
        (&Value::Null, &json!(1))
    );
    assert!(view.get("password_hash").is_none());
    let alone = get(&api, &format!("/admin/users/{}", view["id"]), &admin).await;
    assert_eq!(alone.json(), *view);
    // A list is an overview; one account is somebody's data.
    assert_eq!(log(&api).await, ["user.read"]);
}

#[actix_web::test]
async fn accounts_are_searched_filtered_and_paged() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    for name in ["haru", "mina", "juno"] {
        api.world.person(name).await;
    }
    let names = async |query: &str| {
        let list = get(&api, &format!("/admin/users?{query}"), &admin)
            .await
            .json();
        let items = list["items"].as_array().unwrap().clone();
        let names = items
            .iter()
            .map(|item| item["username"].as_str().unwrap().to_owned());
        (
            names.collect::<Vec<_>>(),
            list["next_cursor"].as_str().map(str::to_owned),
        )
    };
    assert_eq!(names("q=HARU").await.0, ["haru"]);
    assert_eq!(names("q=%25").await.0, [""; 0]);
    assert_eq!(names("state=admin").await.0, ["admin"]);
    assert_eq!(names("state=disabled").await.0, [""; 0]);
    let (first, cursor) = names("limit=3").await;
    assert_eq!(first, ["juno", "mina", "haru"]);
    let (second, cursor) = names(&format!("limit=3&cursor={}", cursor.unwrap())).await;
    assert_eq!((second, cursor), (vec!["admin".to_owned()], None));
    for (query, pointer, code) in [
        ("state=dead", "?state", "not_a_choice"),
        ("limit=0", "?limit", "out_of_range"),
        ("limit=101", "?limit", "out_of_range"),
        ("cursor=x", "?cursor", "invalid_format"),
        ("sort=name", "?sort", "unknown_field"),
    ] {
        let answer = get(&api, &format!("/admin/users?{query}"), &admin).await;
        assert_eq!(answer.fields(), [(pointer.to_owned(), code.to_owned())]);
    }
}

#[actix_web::test]
async fn a_change_of_an_account_knows_its_fields_and_no_others() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let all =
        r#"{"is_active":true,"is_admin":false,"daily_token_budget":5000,"display_name":" 하루 "}"#;
    let view = change(&api, &haru, all, &admin).await.json();
    assert_eq!(
        (&view["daily_token_budget"], &view["display_name"]),
        (&json!(5000), &json!("하루"))
    );
    assert_eq!(view["version"], 2);
    let nothing = r#"{"daily_token_budget":null,"display_name":null}"#;
    let view = change(&api, &haru, nothing, &admin).await.json();
    assert_eq!(
        (&view["daily_token_budget"], &view["display_name"]),
        (&Value::Null, &Value::Null)
    );
    for body in [
        r#"{"daily_token_budget":0}"#,
        r#"{"daily_token_budget":9007199254740991}"#,
        "{}",
    ] {
        assert_eq!(
            change(&api, &haru, body, &admin).await.status,
            200,
            "{body}"
        );
    }
    for (body, pointer, code) in [
        (r#"{"id":7}"#, "/id", "unknown_field"),
        (r#"{"token_version":7}"#, "/token_version", "unknown_field"),
        (r#"{"password":"x"}"#, "/password", "unknown_field"),
        (r#"{"username":"x"}"#, "/username", "unknown_field"),
        (r#"{"is_active":null}"#, "/is_active", "wrong_type"),
        (r#"{"is_admin":1}"#, "/is_admin", "wrong_type"),
        (
            r#"{"is_admin":true,"is_admin":true}"#,
            "/is_admin",
            "duplicate",
        ),
        (
            r#"{"daily_token_budget":-1}"#,
            "/daily_token_budget",
            "out_of_range",
        ),
        (
            r#"{"daily_token_budget":9007199254740992}"#,
            "/daily_token_budget",
            "out_of_range",
        ),
        (
            r#"{"daily_token_budget":"9"}"#,
            "/daily_token_budget",
            "wrong_type",
        ),
        (r#"{"display_name":""}"#, "/display_name", "required"),
    ] {
        let answer = change(&api, &haru, body, &admin).await;
        assert_eq!(
            answer.fields(),
            [(pointer.to_owned(), code.to_owned())],
            "{body}"
        );
    }
    let long = |count| format!(r#"{{"display_name":"{}"}}"#, "하".repeat(count));
    assert_eq!(change(&api, &haru, &long(60), &admin).await.status, 200);
    assert_eq!(
        change(&api, &haru, &long(61), &admin).await.fields()[0].1,
        "too_long"
    );
}

#[actix_web::test]
async fn a_stale_change_of_an_account_is_refused() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let path = format!("/admin/users/{}", haru.actor.user_id);
    let read = get(&api, &path, &admin).await;
    let tag = read.header("etag").to_owned();
    assert!(tag.starts_with("\"1-"), "{tag}");
    let known = request("GET", &path)
        .by(&admin)
        .with("If-None-Match", tag.clone());
    assert_eq!(api.send(known).await.status, 304);
    let with_tag = |tag: &str| {
        let body = r#"{"daily_token_budget":7}"#;
        request("PATCH", &path)
            .by(&admin)
            .json_text(body)
            .with("If-Match", tag)
    };
    let changed = api.send(with_tag(&tag)).await;
    assert_eq!(changed.status, 200);
    assert!(changed.header("etag").starts_with("\"2-"));
    api.send(with_tag(&tag))
        .await
        .problem(412, "precondition_failed");
    assert_eq!(api.send(with_tag("*")).await.status, 200);
}

#[actix_web::test]
async fn who_is_disabled_or_changes_role_is_signed_out_at_once() {
    let api = Api::new().await;
    let admin = api.world.admin("admin").await;
    for (name, body) in [
        ("haru", r#"{"is_active":false}"#),
        ("mina", r#"{"is_admin":true}"#),
    ] {
        let person = api.world.person(name).await;
        assert_eq!(get(&api, "/auth/me", &person).await.status, 200);
        assert_eq!(change(&api, &person, body, &admin).await.status, 200);
        get(&api, "/auth/me", &person)
            .await
            .problem(401, "unauthorized");
    }
    let demoted = api.world.admin("demoted").await;
    assert_eq!(
        change(&api, &demoted, r#"{"is_admin":false}"#, &admin)
            .await
            .status,
        200
    );
    get(&api, "/admin/users", &demoted)
        .await
        .problem(401, "unauthorized");
    let harmless = api.world.person("harmless").await;
    let body = r#"{"daily_token_budget":7,"is_active":true,"is_admin":false}"#;
    assert_eq!(change(&api, &harmless, body, &admin).await.status, 200);
    assert_eq!(get(&api, "/auth/me", &harmless).await.status, 200);
}

#[actix_web::test]
async fn a_deletion_signs_out_at_once_and_can_be_taken_back() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let path = format!("/admin/users/{}", haru.actor.user_id);
    for later in [0, 60] {
        api.world.clock.advance(SignedDuration::from_secs(later));
        let deleted = api.send(request("DELETE", &path).by(&admin)).await;
        assert_eq!(deleted.status, 202);
        assert_eq!(deleted.json(), json!({"erase_at": "2026-11-29T12:00:00Z"}));
    }
    get(&api, "/auth/me", &haru)
        .await
        .problem(401, "unauthorized");
    let view = get(&api, &path, &admin).await.json();
    assert_eq!(view["deleted_at"], "2026-11-22T12:00:00Z");
    let view = change(&api, &haru, r#"{"is_active":true}"#, &admin)
        .await
        .json();
    assert_eq!(
        (&view["deleted_at"], &view["is_active"]),
        (&Value::Null, &json!(true))
    );
}

#[actix_web::test]
async fn the_last_administrator_can_be_neither_disabled_nor_demoted_nor_deleted() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let path = format!("/admin/users/{}", admin.actor.user_id);
    for body in [r#"{"is_active":false}"#, r#"{"is_admin":false}"#] {
        change(&api, &admin, body, &admin)
            .await
            .problem(409, "last_administrator");
    }
    let deleted = api.send(request("DELETE", &path).by(&admin)).await;
    deleted.problem(409, "last_administrator");
    assert_eq!(get(&api, "/admin/users", &admin).await.status, 200);
    change(&api, &haru, r#"{"is_admin":true}"#, &admin).await;
    assert_eq!(
        change(&api, &admin, r#"{"is_admin":false}"#, &admin)
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn somebodys_chats_and_messages_are_read_with_a_reason_and_on_the_record() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    api.turn(&haru, chat).await;
    let own = get(&api, "/api/chats", &haru).await.json();
    let user = haru.actor.user_id;
    let chats = get(
        &api,
        &format!("/admin/users/{user}/chats?reason=a+complaint"),
        &admin,
    )
    .await;
    assert_eq!(chats.json(), own);
    let path = format!("/admin/chats/{chat}/messages?limit=2&reason=a+complaint");
    let page = get(&api, &path, &admin).await.json();
    let own = get(&api, &format!("/api/chats/{chat}/messages?limit=2"), &haru)
        .await
        .json();
    assert_eq!(page, own);
    let reply = &page["items"][1];
    assert_eq!(
        (&reply["model"], &reply["status"]),
        (&json!("lionrocket-demo"), &json!("complete"))
    );
    let before = page["next_cursor"].as_str().unwrap();
    let older = get(&api, &format!("{path}&before={before}"), &admin)
        .await
        .json();
    assert_eq!(older["items"].as_array().unwrap().len(), 1);
    // One row for each page.
    assert_eq!(
        log(&api).await,
        ["chats.read", "messages.read", "messages.read"]
    );
    let rows = api
        .world
        .store
        .list(AuditFilter::default())
        .await
        .unwrap()
        .items;
    let row = &rows[1].entry;
    assert_eq!(row.reason.as_deref(), Some("a complaint"));
    assert_eq!(
        (row.actor, row.subject),
        (Some(admin.actor.user_id), Some(user))
    );
    assert_eq!(
        (&*row.target_type, &row.target_id),
        ("chat", &chat.to_string())
    );
    assert!(row.origin.request_id.is_some());
}

#[actix_web::test]
async fn without_a_reason_nothing_is_read() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let (user, chat) = (haru.actor.user_id, api.chat(&haru).await);
    for path in [
        format!("/admin/users/{user}/chats"),
        format!("/admin/chats/{chat}/messages"),
    ] {
        for (reason, code) in [
            (String::new(), "required"),
            ("?reason=".to_owned(), "required"),
            ("?reason=%20%20%20%20%20%20".to_owned(), "required"),
            ("?reason=abcd".to_owned(), "too_short"),
            ("?reason=a%0Abcdef".to_owned(), "line_break"),
            (format!("?reason={}", "a".repeat(201)), "too_long"),
            ("?reason=abcde&reason=abcde".to_owned(), "duplicate"),
        ] {
            let answer = get(&api, &format!("{path}{reason}"), &admin).await;
            assert_eq!(answer.fields(), [("?reason".to_owned(), code.to_owned())]);
        }
        for reason in ["abcde".to_owned(), "a".repeat(200)] {
            let answer = get(&api, &format!("{path}?reason={reason}"), &admin).await;
            assert_eq!(answer.status, 200);
        }
    }
    assert_eq!(log(&api).await.len(), 4);
}

#[actix_web::test]
async fn somebodys_usage_is_told_as_json_and_as_a_file() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    api.turn(&haru, chat).await;
    let path = format!("/admin/users/{}/usage", haru.actor.user_id);
    let own = get(&api, "/auth/me/usage", &haru).await.json();
    let told = get(&api, &path, &admin).await;
    assert_eq!(told.json()["items"], own["items"]);
    let as_file = |query: &str| {
        request("GET", &format!("{path}{query}"))
            .by(&admin)
            .with("Accept", "text/csv")
    };
    let refused = api.send(as_file("")).await;
    assert_eq!(
        refused.fields(),
        [("?reason".to_owned(), "required".to_owned())]
    );
    let file = api.send(as_file("?reason=the+monthly+bill")).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    let name = format!(
        "attachment; filename=\"usage-of-user-{}.csv\"",
        haru.actor.user_id
    );
    assert_eq!(file.header("content-disposition"), name);
    let day = &own["items"][0];
    let expected = format!(
        "\u{feff}usage_date,chat_count,total_tokens,input_tokens,output_tokens,cache_read_tokens,\
         cache_write_tokens,cost_micro_usd\r\n2026-11-22,1,{},{},{},{},{},{}\r\n",
        day["total_tokens"],
        day["input_tokens"],
        day["output_tokens"],
        day["cache_read_tokens"],
        day["cache_write_tokens"],
        day["cost_micro_usd"],
    );
    assert_eq!(file.text(), expected);
    let neither = request("GET", &path).by(&admin).with("Accept", "text/html");
    api.send(neither).await.problem(406, "not_acceptable");
    let reversed = get(
        &api,
        &format!("{path}?from=2026-11-02&to=2026-11-01"),
        &admin,
    )
    .await;
    assert_eq!(reversed.fields()[0].1, "range_reversed");
    assert_eq!(log(&api).await, ["usage.read", "usage.read"]);
}

#[actix_web::test]
async fn the_audit_log_is_read_on_the_record() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    change(&api, &haru, r#"{"is_active":false}"#, &admin).await;
    let (boss, person) = (admin.actor.user_id, haru.actor.user_id);
    let list = get(&api, "/admin/audit-log", &admin).await.json();
    let items = list["items"].as_array().unwrap();
    // Its own row is written before anything is read.
    assert_eq!(items[0]["action"], "audit.read");
    let row = &items[1];
    assert_eq!(
        (&row["action"], &row["target_type"]),
        (&json!("user.update"), &json!("user"))
    );
    assert_eq!(row["actor_user_id"], boss.get());
    assert_eq!(row["subject_user_id"], person.get());
    let details = json!({"is_active": {"old": true, "new": false}});
    assert_eq!(row["details"], details);
    assert_eq!(row["created_at"], "2026-11-22T12:00:00Z");
    let count = async |query: &str| {
        let list = get(&api, &format!("/admin/audit-log?{query}"), &admin)
            .await
            .json();
        list["items"].as_array().unwrap().len()
    };
    assert_eq!(count("action=user.update").await, 1);
    // Making it, the change, and the question itself, since it asks for what is about them.
    assert_eq!(count(&format!("subject={person}")).await, 3);
    assert_eq!(count(&format!("actor={person}")).await, 0);
    let first = get(&api, "/admin/audit-log?limit=1", &admin).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let next = get(
        &api,
        &format!("/admin/audit-log?limit=1&cursor={cursor}"),
        &admin,
    )
    .await
    .json();
    let id = |list: &Value| list["items"][0]["id"].as_i64().unwrap();
    assert_eq!(id(&next), id(&first) - 1);
    for (query, pointer, code) in [
        ("action=user.adore", "?action", "not_a_choice"),
        ("actor=0", "?actor", "invalid_format"),
        ("subject=x", "?subject", "invalid_format"),
        ("cursor=x", "?cursor", "invalid_format"),
    ] {
        let answer = get(&api, &format!("/admin/audit-log?{query}"), &admin).await;
        assert_eq!(answer.fields(), [(pointer.to_owned(), code.to_owned())]);
    }
}

#[actix_web::test]
async fn a_changed_common_prompt_takes_effect_on_the_next_turn_and_is_on_the_record() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    let said = async |words: &str| {
        api.turn(&haru, chat).await;
        let prompt = api.world.model.last_prompt().unwrap();
        prompt.system.iter().any(|block| block.text.contains(words))
    };
    assert!(!said("Be kind.").await);
    let body = |content: &str, is_active: bool| {
        json!({"name": "House rules", "content": content, "is_active": is_active}).to_string()
    };
    let create = request("POST", "/api/prompts").by(&admin);
    let made = api.send(create.json_text(body("Be kind.", true))).await;
    assert_eq!(made.status, 201);
    assert!(said("Be kind.").await);
    let path = format!("/api/prompts/{}", made.json()["id"]);
    let read = get(&api, &path, &admin).await;
    assert_eq!(read.json()["content"], "Be kind.");
    assert!(read.header("etag").starts_with("\"1-"));
    for (content, is_active) in [("Be brief.", true), ("Be brief.", false)] {
        let change = request("PUT", &path).by(&admin);
        let change = change.json_text(body(content, is_active));
        assert_eq!(api.send(change).await.status, 200);
        assert_eq!(said("Be brief.").await, is_active);
        assert!(!said("Be kind.").await);
    }
    let deleted = api.send(request("DELETE", &path).by(&admin)).await;
    assert_eq!(deleted.status, 204);
    let acts = [
        "prompt.create",
        "prompt.update",
        "prompt.update",
        "prompt.delete",
    ];
    assert_eq!(log(&api).await, acts);
}

#[actix_web::test]
async fn a_change_of_somebody_elses_character_is_on_the_record_and_one_of_ones_own_is_not() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    for (owner, expected) in [
        (&admin, &[][..]),
        (&haru, &["character.update", "character.delete"][..]),
    ] {
        let id = api.character(owner, Visibility::Private).await;
        let path = format!("/api/characters/{id}");
        let change = request("PUT", &path).by(&admin);
        let change = change.json_text(r#"{"name":"n","system_prompt":"p"}"#);
        assert_eq!(api.send(change).await.status, 200);
        let deleted = api.send(request("DELETE", &path).by(&admin)).await;
        assert_eq!(deleted.status, 204);
        assert_eq!(log(&api).await, expected);
    }
    let report = api.world.audit.verify().await.unwrap();
    assert!(report.is_intact(), "{report:?}");
}

#[actix_web::test]
async fn a_person_sees_who_looked_at_their_data_when_and_why() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    change(&api, &admin, r#"{"display_name":"The boss"}"#, &admin).await;
    let messages = format!("/admin/chats/{chat}/messages?reason=a+complaint");
    assert_eq!(get(&api, &messages, &admin).await.status, 200);
    let list = get(&api, "/auth/me/admin-views", &haru).await.json();
    let expected = json!({"items": [{
        "viewed_at": "2026-11-22T12:00:00Z",
        "administrator": "The boss",
        "action": "messages.read",
        "reason": "a complaint",
        "chat_id": chat,
        "chat_title": "하루",
    }], "next_cursor": null});
    assert_eq!(list, expected);
    let of_admin = get(&api, "/auth/me/admin-views", &admin).await.json();
    assert_eq!(of_admin["items"], json!([]));
}

#[actix_web::test]
async fn an_operator_may_keep_looks_from_being_shown() {
    let api = Api::with_info(|info| info.admin_reads_visible = false).await;
    let haru = api.world.person("haru").await;
    get(&api, "/auth/me/admin-views", &haru)
        .await
        .problem(403, "forbidden");
    let config = api.send(request("GET", "/api/config")).await.json();
    assert_eq!(config["admin_reads_visible"], false);
    assert_eq!(config["privacy_notice_version"], 1);
}

#[actix_web::test]
async fn an_administrator_is_nobody_special_among_chats() {
    let api = Api::new().await;
    let (admin, haru) = (
        api.world.admin("admin").await,
        api.world.person("haru").await,
    );
    let chat = api.chat(&haru).await;
    let (turn, _) = api.turn(&haru, chat).await;
    let own = api.character(&admin, Visibility::Private).await;
    assert!(own.get() > 0);
    for (method, path, body) in [
        ("GET", String::new(), ""),
        ("PATCH", String::new(), r#"{"title":"mine"}"#),
        ("DELETE", String::new(), ""),
        ("GET", "/messages".to_owned(), ""),
        ("POST", "/messages".to_owned(), r#"{"content":"hi"}"#),
        ("GET", format!("/turns/{turn}"), ""),
        ("GET", format!("/turns/{turn}/events"), ""),
    ] {
        let mut call = request(method, &format!("/api/chats/{chat}{path}")).by(&admin);
        if !body.is_empty() {
            call = call.json_text(body);
        }
        api.send(call).await.problem(404, "not_found");
    }
    for accept in ["application/json", "text/event-stream"] {
        let path = format!("/api/chats/{chat}/messages");
        let call = request("POST", &path)
            .by(&admin)
            .json_text(r#"{"content":"hi"}"#);
        let call = call.with("Accept", accept).with("Prefer", "respond-async");
        api.send(call).await.problem(404, "not_found");
    }
    let list = get(&api, "/api/chats", &admin).await.json();
    assert_eq!(list["items"], json!([]));
    assert_eq!(
        get(&api, &format!("/api/chats/{chat}"), &haru).await.status,
        200
    );
}
