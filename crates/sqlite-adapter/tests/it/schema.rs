//! The migrations and what they make.

use std::collections::BTreeSet;

use diesel::{
    Column, Connection, Expression, QueryDsl, QueryableByName, RunQueryDsl, SqliteConnection,
    sql_query,
    sql_types::{BigInt, Binary, Bool, Nullable, Text},
};
use diesel_migrations::MigrationHarness;
use lionrocket_sql_model::{schema, time::UtcTimestamp};
use lionrocket_sqlite_adapter::MIGRATIONS;

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, QueryableByName)]
struct SchemaEntry {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    sql: Option<String>,
}

#[derive(Debug, PartialEq, Eq, QueryableByName)]
struct ColumnShape {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    is_required: bool,
}

/// How a SQL type of the model is declared in SQLite.
trait Declared {
    const KIND: &'static str;
    const IS_REQUIRED: bool = true;
}

impl Declared for BigInt {
    const KIND: &'static str = "INTEGER";
}

impl Declared for Bool {
    const KIND: &'static str = "INTEGER";
}

impl Declared for UtcTimestamp {
    const KIND: &'static str = "INTEGER";
}

impl Declared for Text {
    const KIND: &'static str = "TEXT";
}

impl Declared for Binary {
    const KIND: &'static str = "BLOB";
}

impl<T> Declared for Nullable<T>
where
    T: Declared + diesel::sql_types::SqlType<IsNull = diesel::sql_types::is_nullable::NotNull>,
{
    const KIND: &'static str = T::KIND;
    const IS_REQUIRED: bool = false;
}

fn shape<C>(_: C) -> ColumnShape
where
    C: Column,
    <C as Expression>::SqlType: Declared,
{
    ColumnShape {
        name: C::NAME.to_owned(),
        kind: <C as Expression>::SqlType::KIND.to_owned(),
        is_required: <C as Expression>::SqlType::IS_REQUIRED,
    }
}

fn migrated() -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    connection
}

fn entries(connection: &mut SqliteConnection) -> BTreeSet<SchemaEntry> {
    sql_query("SELECT name, sql FROM sqlite_schema")
        .load(connection)
        .unwrap()
        .into_iter()
        .collect()
}

#[test]
fn migrations_go_back_and_forth_without_a_trace() {
    let mut connection = migrated();
    let before = entries(&mut connection);
    connection.revert_all_migrations(MIGRATIONS).unwrap();
    let names: Vec<_> = entries(&mut connection)
        .into_iter()
        .map(|entry| entry.name)
        .filter(|name| !name.starts_with("sqlite_"))
        .collect();
    assert_eq!(names, ["__diesel_schema_migrations"]);
    connection.run_pending_migrations(MIGRATIONS).unwrap();
    assert_eq!(entries(&mut connection), before);
}

macro_rules! tables_are_as_described {
    ($($table:ident: $($column:ident),+;)+) => {
        #[test]
        fn every_table_is_as_the_model_describes_it() {
            let mut connection = migrated();
            let mut described = BTreeSet::new();
            $(
                described.insert(stringify!($table).to_owned());
                let made: Vec<ColumnShape> = sql_query(concat!(
                    "SELECT name, type AS kind, \"notnull\" AS is_required FROM pragma_table_info('",
                    stringify!($table), "')"
                ))
                .load(&mut connection)
                .unwrap();
                let wanted = vec![$(shape(schema::$table::$column)),+];
                assert_eq!(made, wanted, stringify!($table));
                // Fails when the model has a column that the table has not.
                schema::$table::table.limit(0).execute(&mut connection).unwrap();
            )+
            let made: BTreeSet<String> = entries(&mut connection)
                .into_iter()
                .filter(|entry| {
                    entry.sql.as_deref().is_some_and(|sql| sql.starts_with("CREATE TABLE"))
                        && !entry.name.starts_with("sqlite_")
                        && !entry.name.starts_with("__diesel")
                })
                .map(|entry| {
                    assert!(entry.sql.unwrap().contains("STRICT"), "{}", entry.name);
                    entry.name
                })
                .collect();
            assert_eq!(made, described);
        }
    };
}

tables_are_as_described! {
    users: id, username, email, password_hash, is_admin, created_at, username_key, email_key,
        is_active, display_name, locale, token_version, daily_token_budget, version, deleted_at,
        failed_logins, consent_version;
    sessions: id, user_id, created_at, expires_at, last_seen_at, ended_at, refresh_hash,
        previous_refresh_hash, refreshed_at, user_agent, client_address,
        reauthenticated_at;
    invites: id, token_hash, created_by, created_at, expires_at, max_uses, uses,
        daily_token_budget, note, revoked_at;
    password_resets: token_hash, user_id, created_at, expires_at;
    characters: id, name, system_prompt, created_by, created_at, updated_at, name_folded,
        visibility, greeting, description, description_folded, avatar_file, version, deleted_at,
        is_builtin;
    common_prompts: id, name, content, created_at, updated_at, is_active, position, version;
    chats: id, user_id, character_id, created_at, last_message_at, character_name,
        character_name_folded, title, title_folded, head_message_id, pinned, version, summary_enabled,
        summary_version;
    chat_summaries: chat_id, covers_up_to, depth, text, is_edited, updated_at;
    summary_runs: id, user_id, chat_id, character_id, covers_up_to, summary_version, usage_date,
        node_id, lease_until, started_at;
    messages: id, chat_id, role, content, token_count, created_at, parent_id, depth, turn_id,
        status, model, stop_reason, input_tokens, output_tokens, cache_read_tokens,
        cache_write_tokens;
    turns: id, user_id, chat_id, character_id, user_message_id, assistant_message_id, state,
        error_code, node_id, lease_until, idempotency_key, request_hash, attempts, usage_date,
        cache_write_1h_tokens, accepted_at, first_text_at, ended_at, stop_requested_at, resumed_from,
        upstream_request_id;
    usage_attempts: turn_id, attempt, upstream_request_id, model, input_tokens, output_tokens,
        cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cost_micro_usd,
        price_version, estimated, created_at;
    usage_events: turn_id, user_id, chat_id, character_id, usage_date, model, input_tokens,
        output_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
        cost_micro_usd, price_version, estimated, created_at, kind;
    usage_stats: id, user_id, usage_date, chat_count, total_tokens, input_tokens, output_tokens,
        cache_read_tokens, cache_write_tokens, cost_micro_usd;
    budget_reservations: turn_id, user_id, usage_date, tokens, cost_micro_usd;
    model_days: usage_date, model, exchanges, input_tokens, output_tokens, cache_read_tokens,
        cache_write_tokens, cost_micro_usd, completed, stopped, failed, interrupted;
    character_days: usage_date, character_id, exchanges, total_tokens, cost_micro_usd;
    latency_days: usage_date, bucket, turns;
    failure_days: usage_date, error_code, turns;
    account_days: usage_date, new_accounts, erased_accounts, active_accounts;
    service_state: id, accepts_messages, changed_at;
    migration_checksums: version, sha256;
    audit_log: id, created_at, actor_user_id, action, target_type, target_id, subject_user_id,
        reason, request_id, client_address, details, key_id, previous_hash, hash;
}
