//! How SQLite runs the statements whose effort must not grow with the data.

use std::collections::BTreeSet;

use diesel::{
    QueryableByName, RunQueryDsl, SqliteConnection, debug_query, query_builder::QueryFragment,
    sql_query, sql_types::Text, sqlite::Sqlite,
};
use jiff::Timestamp;
use lionrocket_sql_model::{
    admin::ListViews,
    branch::{BranchUpTo, MessagesUpTo, PageUpTo, SiblingsUpTo},
    chats::{FindBeginFacts, FindChat, FindTurnBasis, ListChats, ListChatsById, SearchChats},
    messages::{FindMessage, ListMessagesById},
    statistics::{
        CountAccountsBefore, FindAccountDays, FindFailures, FindLatencies, FindModelDays,
        FindTopCharacters, FindTopUsers,
    },
    summaries::{FindNewestSummary, FindSummary, FindSummaryBasis, FindSummaryFacts},
    time::StoredTime,
    turns::{EndTurn, FindOrphans, FindTurnByKey, FindTurnOf, RenewTurn, RequestStop},
    usage::FindAttempts,
};

use crate::files::DatabaseFile;

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The steps of a statement's plan.
fn plan(connection: &mut SqliteConnection, statement: &impl QueryFragment<Sqlite>) -> Vec<String> {
    let text = debug_query::<Sqlite, _>(statement).to_string();
    let steps: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {text}"))
        .load(connection)
        .unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}

/// Nothing is read from end to end but the rows that a walk has just found, the turns that are under
/// way, and a list that comes with the statement.
fn reads_by_index(steps: &[String]) {
    assert!(!steps.is_empty());
    for step in steps {
        let is_small = step == "SCAN b"
            || step.starts_with("SCAN json_each ")
            || step.contains("USING INDEX turns_running_");
        assert!(
            is_small || !step.starts_with("SCAN"),
            "{step} in {steps:#?}"
        );
    }
}

#[test]
fn statements_that_run_often_find_rows_by_index() {
    let file = DatabaseFile::new();
    drop(file.open());
    let connection = &mut file.connect();
    let now = StoredTime::from(Timestamp::UNIX_EPOCH);
    let (user_id, chat_id, id) = (1, 1, 1);
    let find_begin_facts = FindBeginFacts {
        user_id,
        id,
        parent_id: Some(1),
        parent_role: "assistant",
    };
    let end_turn = EndTurn {
        id: "t",
        state: "completed",
        error_code: None,
        first_text_at: None,
        resumed_from: None,
        ended_at: now,
    };
    let renew_turn = RenewTurn {
        id: "t",
        lease_until: now,
        first_text_at: None,
        cache_write_1h_tokens: 0,
        upstream_request_id: None,
    };
    let attempts = FindAttempts { turn_id: "t" };
    let request_stop = RequestStop {
        user_id,
        chat_id,
        id: "t",
        now,
    };
    let by_key = FindTurnByKey {
        chat_id,
        idempotency_key: "k",
    };
    let turn_of = FindTurnOf {
        user_id,
        chat_id,
        id: "t",
    };
    let orphans = FindOrphans {
        lease_before: Some(now),
        node_id: "n",
        at_work: "[]",
        limit: 10,
    };
    let views = ListViews {
        user_id,
        before: i64::MAX,
        limit: 51,
    };
    for steps in [
        plan(connection, &FindSummaryBasis { user_id, id }),
        plan(connection, &FindSummaryFacts { user_id, id }),
        plan(connection, &views),
        plan(connection, &find_begin_facts),
        plan(connection, &end_turn),
        plan(connection, &renew_turn),
        plan(connection, &attempts),
        plan(connection, &request_stop),
        plan(connection, &by_key),
        plan(connection, &turn_of),
        plan(connection, &orphans),
        plan(connection, &FindChat { user_id, id }),
        plan(connection, &FindTurnBasis { user_id, id }),
        plan(connection, &FindMessage { chat_id, id }),
    ] {
        reads_by_index(&steps);
    }
}

#[test]
fn branches_and_their_summaries_are_read_by_index() {
    let file = DatabaseFile::new();
    drop(file.open());
    let connection = &mut file.connect();
    let (chat_id, last_id, limit) = (1, 1, 50);
    let newest = MessagesUpTo {
        chat_id,
        after_id: 0,
        last_id,
        limit,
    };
    let walk = BranchUpTo {
        chat_id,
        last_id,
        limit,
    };
    let page = PageUpTo {
        chat_id,
        last_id,
        limit,
    };
    let siblings = SiblingsUpTo {
        chat_id,
        last_id,
        limit,
    };
    let summary = FindSummary {
        chat_id,
        last_id,
        limit,
    };
    let newest_summary = FindNewestSummary { chat_id, last_id };
    for steps in [
        plan(connection, &newest),
        plan(connection, &walk),
        plan(connection, &page),
        plan(connection, &siblings),
        plan(connection, &newest_summary),
        plan(connection, &summary),
    ] {
        reads_by_index(&steps);
    }
}

#[test]
fn lists_of_chats_are_read_in_order_and_not_sorted() {
    let file = DatabaseFile::new();
    drop(file.open());
    let connection = &mut file.connect();
    let list = ListChats {
        user_id: 1,
        before_time: StoredTime::LATEST,
        before_id: i64::MAX,
        limit: 51,
    };
    let search = SearchChats {
        user_id: 1,
        pattern: "%a%",
        before_time: StoredTime::LATEST,
        before_id: i64::MAX,
        limit: 51,
    };
    for steps in [plan(connection, &list), plan(connection, &search)] {
        reads_by_index(&steps);
        let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        assert!(!sorted, "{steps:#?}");
        let place = "(user_id=? AND last_message_at<?)";
        assert!(
            steps
                .iter()
                .any(|step| step.contains("chats_of_user") && step.contains(place)),
            "{steps:#?}"
        );
    }
}

#[test]
fn all_chats_and_messages_of_a_person_are_read_in_order_and_not_sorted() {
    let file = DatabaseFile::new();
    drop(file.open());
    let connection = &mut file.connect();
    let (user_id, chat_id, after_id, limit) = (1, 1, 0, 51);
    let chats = ListChatsById {
        user_id,
        after_id,
        limit,
    };
    let messages = ListMessagesById {
        user_id,
        chat_id,
        after_id,
        limit,
    };
    for (steps, place) in [
        (
            plan(connection, &chats),
            "chats_of_user_by_id (user_id=? AND id>?)",
        ),
        (
            plan(connection, &messages),
            "messages_of_chat (chat_id=? AND id>?)",
        ),
    ] {
        reads_by_index(&steps);
        let sorted = steps.iter().any(|step| step.contains("TEMP B-TREE"));
        let found = steps.iter().any(|step| step.contains(place));
        assert!(found && !sorted, "{steps:#?}");
    }
}

/// The tables that a statement's steps read, by the names that the statement gives them.
fn tables_read(steps: &[String]) -> BTreeSet<&str> {
    steps
        .iter()
        .filter_map(|step| {
            let rest = step
                .strip_prefix("SEARCH ")
                .or(step.strip_prefix("SCAN "))?;
            rest.split(' ').next()
        })
        .collect()
}

#[test]
fn the_overview_reads_days_and_never_messages() {
    let file = DatabaseFile::new();
    drop(file.open());
    let connection = &mut file.connect();
    let (first, last, limit) = ("2026-11-01", "2026-11-30", 10);
    for (steps, tables) in [
        (
            plan(connection, &CountAccountsBefore { day: first }),
            ["account_days"].as_slice(),
        ),
        (
            plan(connection, &FindAccountDays { first, last }),
            &["account_days"],
        ),
        (
            plan(connection, &FindModelDays { first, last }),
            &["model_days"],
        ),
        (
            plan(connection, &FindTopCharacters { first, last, limit }),
            &["c", "character_days", "top"],
        ),
        (
            plan(connection, &FindTopUsers { first, last, limit }),
            &["top", "u", "usage_stats"],
        ),
        (
            plan(connection, &FindFailures { first, last }),
            &["failure_days"],
        ),
        (
            plan(connection, &FindLatencies { first, last }),
            &["latency_days"],
        ),
    ] {
        let read: Vec<&str> = tables_read(&steps)
            .into_iter()
            .filter(|name| !name.starts_with('('))
            .collect();
        assert_eq!(read, tables, "{steps:#?}");
        for step in &steps {
            // The ten that were found are gone through; nothing that is stored is.
            let is_small = step.starts_with("SCAN top") || step.starts_with("SCAN (subquery");
            assert!(is_small || !step.starts_with("SCAN"), "{steps:#?}");
        }
    }
}
