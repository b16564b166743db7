//! What the database says, read from outside the server and without any of its code.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    iter::successors,
    path::Path,
};

use anyhow::{Context as _, Result};
use diesel::{
    Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    sql_query,
    sql_types::{BigInt, Nullable, Text},
};

/// What must hold in every state of the database that can be seen. Each statement names what breaks
/// the law.
const LAWS: &[(&str, &str)] = &[
    (
        "the file is sound",
        "SELECT quick_check AS broken FROM pragma_quick_check WHERE quick_check <> 'ok'",
    ),
    (
        "whatever a row refers to is there",
        r#"SELECT "table" || ' row ' || coalesce(rowid, '?') AS broken FROM pragma_foreign_key_check"#,
    ),
    (
        "a turn has its two messages",
        "SELECT turns.id AS broken FROM turns
        LEFT JOIN messages AS own
            ON own.id = turns.user_message_id AND own.chat_id = turns.chat_id AND own.role = 'user'
        LEFT JOIN messages AS reply
            ON reply.id = turns.assistant_message_id AND reply.turn_id = turns.id
            AND reply.role = 'assistant' AND reply.parent_id = own.id
        WHERE own.id IS NULL OR reply.id IS NULL",
    ),
    (
        "a message belongs to a turn, unless it is a greeting",
        "SELECT 'message ' || messages.id AS broken FROM messages
        LEFT JOIN turns ON turns.id = messages.turn_id
        WHERE turns.id IS NULL AND (
            messages.turn_id IS NOT NULL OR messages.role = 'user' OR messages.parent_id IS NOT NULL
        )",
    ),
    (
        "people and replies take turns",
        "SELECT 'message ' || later.id AS broken FROM messages AS later
        JOIN messages AS earlier ON earlier.id = later.parent_id
        WHERE earlier.role = later.role OR earlier.depth + 1 <> later.depth
            OR earlier.chat_id <> later.chat_id",
    ),
    (
        "a turn writes a message once",
        "SELECT turn_id || ' ' || role AS broken FROM messages
        WHERE turn_id IS NOT NULL GROUP BY turn_id, role HAVING count(*) <> 1",
    ),
    (
        "a key stands for one turn",
        "SELECT idempotency_key AS broken FROM turns
        WHERE idempotency_key IS NOT NULL GROUP BY chat_id, idempotency_key HAVING count(*) <> 1",
    ),
    (
        "a reply stands where its turn stands",
        "SELECT turns.id || ' ' || turns.state || ' but ' || reply.status AS broken FROM turns
        JOIN messages AS reply ON reply.id = turns.assistant_message_id
        WHERE reply.status <> CASE turns.state
            WHEN 'completed' THEN 'complete' WHEN 'queued' THEN 'streaming' ELSE turns.state END",
    ),
    (
        "a turn whose end was asked for is stopped",
        "SELECT turns.id || ' ' || turns.state AS broken FROM turns
        WHERE turns.ended_at IS NOT NULL AND turns.stop_requested_at IS NOT NULL
            AND turns.state <> 'stopped'",
    ),
    (
        "a chat shows its newest end",
        "SELECT 'chat ' || chats.id AS broken FROM chats
        LEFT JOIN messages AS head ON head.chat_id = chats.id AND head.id = chats.head_message_id
        WHERE (head.id IS NULL AND EXISTS (SELECT 1 FROM messages WHERE chat_id = chats.id))
            OR EXISTS (SELECT 1 FROM messages WHERE chat_id = chats.id AND parent_id = head.id)",
    ),
    (
        "a turn that reached a model is charged once it is over",
        "SELECT turns.id AS broken FROM turns
        JOIN messages AS reply ON reply.id = turns.assistant_message_id
        LEFT JOIN usage_events ON usage_events.turn_id = turns.id
        WHERE turns.ended_at IS NOT NULL AND usage_events.turn_id IS NULL
            AND (turns.state = 'completed' OR reply.model IS NOT NULL OR reply.content <> '')
            -- One that was to go on and did not has the words of the one that was cut.
            AND NOT EXISTS (
                SELECT 1 FROM messages AS cut
                WHERE cut.parent_id = reply.parent_id AND cut.id < reply.id
                    AND cut.content = reply.content AND turns.state <> 'completed'
            )",
    ),
    (
        "the ledger says what the reply says",
        "SELECT ledger.turn_id AS broken FROM usage_events AS ledger
        LEFT JOIN turns ON turns.id = ledger.turn_id
        LEFT JOIN messages AS reply ON reply.id = turns.assistant_message_id
        WHERE ledger.kind = 'reply' AND (turns.ended_at IS NULL
            OR ledger.user_id IS NOT turns.user_id
            OR ledger.usage_date IS NOT turns.usage_date
            OR ledger.model IS NOT reply.model
            OR ledger.input_tokens IS NOT reply.input_tokens
            OR ledger.output_tokens IS NOT reply.output_tokens
            OR ledger.cache_read_tokens IS NOT reply.cache_read_tokens
            OR ledger.cache_write_5m_tokens + ledger.cache_write_1h_tokens
                IS NOT reply.cache_write_tokens)",
    ),
    (
        "a turn's row of the ledger is the sum of its attempts",
        "WITH attempts AS (
            SELECT turn_id, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens,
                sum(cache_read_tokens) AS cache_read_tokens,
                sum(cache_write_5m_tokens) AS cache_write_5m_tokens,
                sum(cache_write_1h_tokens) AS cache_write_1h_tokens,
                sum(cost_micro_usd) AS cost_micro_usd
            FROM usage_attempts GROUP BY turn_id
        )
        SELECT coalesce(ledger.turn_id, attempts.turn_id) AS broken
        FROM usage_events AS ledger FULL JOIN attempts ON attempts.turn_id = ledger.turn_id
        LEFT JOIN turns ON turns.id = attempts.turn_id
        -- A turn that goes on after a crash has attempts before it has an end.
        WHERE NOT (ledger.turn_id IS NULL AND turns.id IS NOT NULL AND turns.ended_at IS NULL) AND (
            ledger.input_tokens IS NOT attempts.input_tokens
            OR ledger.output_tokens IS NOT attempts.output_tokens
            OR ledger.cache_read_tokens IS NOT attempts.cache_read_tokens
            OR ledger.cache_write_5m_tokens IS NOT attempts.cache_write_5m_tokens
            OR ledger.cache_write_1h_tokens IS NOT attempts.cache_write_1h_tokens
            OR ledger.cost_micro_usd IS NOT attempts.cost_micro_usd
        )",
    ),
    (
        "a person's day is the sum of the ledger",
        "WITH ledger AS (
            SELECT user_id, usage_date, sum(kind = 'reply') AS chat_count,
                sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, sum(cache_read_tokens) AS cache_read_tokens,
                sum(cache_write_5m_tokens + cache_write_1h_tokens) AS cache_write_tokens,
                sum(cost_micro_usd) AS cost_micro_usd
            FROM usage_events GROUP BY user_id, usage_date
        )
        SELECT coalesce(ledger.user_id, day.user_id) || ' on '
            || coalesce(ledger.usage_date, day.usage_date) AS broken
        FROM ledger
        FULL JOIN usage_stats AS day
            ON day.user_id = ledger.user_id AND day.usage_date = ledger.usage_date
        WHERE ledger.chat_count IS NOT day.chat_count
            OR ledger.input_tokens IS NOT day.input_tokens
            OR ledger.output_tokens IS NOT day.output_tokens
            OR ledger.cache_read_tokens IS NOT day.cache_read_tokens
            OR ledger.cache_write_tokens IS NOT day.cache_write_tokens
            OR ledger.input_tokens + ledger.output_tokens + ledger.cache_read_tokens
                + ledger.cache_write_tokens IS NOT day.total_tokens
            OR ledger.cost_micro_usd IS NOT day.cost_micro_usd",
    ),
    (
        "a model's day is the sum of its turns",
        "WITH asked AS (
            SELECT turns.usage_date, coalesce(ledger.model, '') AS model, ledger.turn_id, state,
                input_tokens, output_tokens, cache_read_tokens,
                cache_write_5m_tokens + ledger.cache_write_1h_tokens AS cache_write_tokens,
                cost_micro_usd
            FROM turns LEFT JOIN usage_events AS ledger ON ledger.turn_id = turns.id
            WHERE turns.ended_at IS NOT NULL
            -- A summary costs and is no exchange.
            UNION ALL SELECT usage_date, model, NULL, '', input_tokens, output_tokens,
                cache_read_tokens, cache_write_5m_tokens + cache_write_1h_tokens, cost_micro_usd
            FROM usage_events WHERE kind = 'summary'
        ), ended AS (
            SELECT usage_date, model, count(turn_id) AS exchanges,
                coalesce(sum(input_tokens), 0) AS input_tokens,
                coalesce(sum(output_tokens), 0) AS output_tokens,
                coalesce(sum(cache_read_tokens), 0) AS cache_read_tokens,
                coalesce(sum(cache_write_tokens), 0) AS cache_write_tokens,
                coalesce(sum(cost_micro_usd), 0) AS cost_micro_usd,
                sum(state = 'completed') AS completed, sum(state = 'stopped') AS stopped,
                sum(state = 'failed') AS failed, sum(state = 'interrupted') AS interrupted
            FROM asked GROUP BY 1, 2
        )
        SELECT coalesce(ended.model, day.model) || ' on '
            || coalesce(ended.usage_date, day.usage_date) AS broken
        FROM ended
        FULL JOIN model_days AS day
            ON day.usage_date = ended.usage_date AND day.model = ended.model
        WHERE ended.exchanges IS NOT day.exchanges
            OR ended.input_tokens IS NOT day.input_tokens
            OR ended.output_tokens IS NOT day.output_tokens
            OR ended.cache_read_tokens IS NOT day.cache_read_tokens
            OR ended.cache_write_tokens IS NOT day.cache_write_tokens
            OR ended.cost_micro_usd IS NOT day.cost_micro_usd
            OR ended.completed IS NOT day.completed OR ended.stopped IS NOT day.stopped
            OR ended.failed IS NOT day.failed OR ended.interrupted IS NOT day.interrupted",
    ),
    (
        "a character's day is the sum of the ledger",
        "WITH ledger AS (
            SELECT usage_date, character_id, sum(kind = 'reply') AS exchanges,
                sum(input_tokens + output_tokens + cache_read_tokens + cache_write_5m_tokens
                    + cache_write_1h_tokens) AS total_tokens,
                sum(cost_micro_usd) AS cost_micro_usd
            FROM usage_events WHERE character_id IS NOT NULL GROUP BY usage_date, character_id
        )
        SELECT 'character ' || coalesce(ledger.character_id, day.character_id) AS broken
        FROM ledger
        FULL JOIN character_days AS day
            ON day.usage_date = ledger.usage_date AND day.character_id = ledger.character_id
        WHERE ledger.exchanges IS NOT day.exchanges
            OR ledger.total_tokens IS NOT day.total_tokens
            OR ledger.cost_micro_usd IS NOT day.cost_micro_usd",
    ),
    (
        "latencies are counted once for each turn with a text",
        "SELECT 'turns ' || turns.count || ', counted ' || days.count AS broken
        FROM (
            SELECT count(*) AS count FROM turns
            WHERE first_text_at IS NOT NULL AND ended_at IS NOT NULL
        ) AS turns,
        (SELECT coalesce(sum(turns), 0) AS count FROM latency_days) AS days
        WHERE turns.count <> days.count",
    ),
    (
        "failures are counted once for each turn that failed",
        "WITH failed AS (
            SELECT usage_date, error_code, count(*) AS turns FROM turns
            WHERE error_code IS NOT NULL AND ended_at IS NOT NULL GROUP BY usage_date, error_code
        )
        SELECT coalesce(failed.error_code, day.error_code) AS broken
        FROM failed
        FULL JOIN failure_days AS day
            ON day.usage_date = failed.usage_date AND day.error_code = failed.error_code
        WHERE failed.turns IS NOT day.turns",
    ),
    (
        "whoever was charged is counted as active once a day",
        "WITH active AS (
            SELECT usage_date, count(DISTINCT user_id) AS accounts FROM usage_events
            WHERE kind = 'reply' GROUP BY usage_date
        )
        SELECT coalesce(active.usage_date, day.usage_date) AS broken
        FROM active FULL JOIN account_days AS day ON day.usage_date = active.usage_date
        WHERE coalesce(active.accounts, 0) <> coalesce(day.active_accounts, 0)",
    ),
    (
        "every account is counted",
        "SELECT accounts.count || ' but ' || days.count AS broken
        FROM (SELECT count(*) AS count FROM users) AS accounts,
        (SELECT coalesce(sum(new_accounts - erased_accounts), 0) AS count FROM account_days) AS days
        WHERE accounts.count <> days.count",
    ),
    (
        "nothing is set aside for a turn that is over",
        "SELECT budget_reservations.turn_id AS broken FROM budget_reservations
        LEFT JOIN turns ON turns.id = budget_reservations.turn_id AND turns.ended_at IS NULL
        LEFT JOIN summary_runs ON summary_runs.id = budget_reservations.turn_id
        WHERE turns.id IS NULL AND summary_runs.id IS NULL",
    ),
];

/// A turn with its messages.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub(crate) struct Turn {
    #[diesel(sql_type = Text)]
    pub(crate) id: String,
    #[diesel(sql_type = BigInt)]
    pub(crate) chat_id: i64,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) key: Option<String>,
    #[diesel(sql_type = Text)]
    pub(crate) state: String,
    #[diesel(sql_type = Text)]
    pub(crate) node_id: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) ended_at: Option<i64>,
    #[diesel(sql_type = BigInt)]
    pub(crate) own_id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) reply_id: i64,
    #[diesel(sql_type = Text)]
    pub(crate) own: String,
    #[diesel(sql_type = Text)]
    pub(crate) reply: String,
}

impl Turn {
    pub(crate) const fn is_over(&self) -> bool {
        self.ended_at.is_some()
    }
}

/// A message and where it stands.
#[derive(Clone, Debug, QueryableByName)]
pub(crate) struct Message {
    #[diesel(sql_type = BigInt)]
    pub(crate) id: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) chat_id: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub(crate) parent_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    pub(crate) turn_id: Option<String>,
    #[diesel(sql_type = Text)]
    pub(crate) role: String,
    #[diesel(sql_type = Text)]
    pub(crate) content: String,
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = BigInt)]
    chat_id: i64,
    #[diesel(sql_type = BigInt)]
    message_id: i64,
}

#[derive(QueryableByName)]
struct Broken {
    #[diesel(sql_type = Nullable<Text>)]
    broken: Option<String>,
}

/// How far things are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, QueryableByName)]
pub(crate) struct Progress {
    #[diesel(sql_type = BigInt)]
    pub(crate) begun: i64,
    /// Turns that run and of whose reply a part is saved, and all that have ended.
    #[diesel(sql_type = BigInt)]
    pub(crate) saved: i64,
    #[diesel(sql_type = BigInt)]
    pub(crate) ended: i64,
}

/// A connection that cannot write.
pub(crate) struct Database {
    connection: SqliteConnection,
}

impl Database {
    /// Opens the file that a server is using.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let url = format!("file:{}?mode=ro", path.display());
        let mut connection = SqliteConnection::establish(&url)?;
        connection.batch_execute("PRAGMA busy_timeout = 5000; PRAGMA query_only = ON")?;
        Ok(Self { connection })
    }

    pub(crate) fn progress(&mut self) -> Result<Progress> {
        let query = sql_query(
            "SELECT count(*) AS begun,
                count(turns.ended_at) + coalesce(sum(ended_at IS NULL AND content <> ''), 0) AS saved,
                count(turns.ended_at) AS ended
            FROM turns JOIN messages ON messages.id = turns.assistant_message_id",
        );
        Ok(query.get_result(&mut self.connection)?)
    }

    /// The nodes that work on turns.
    pub(crate) fn working_nodes(&mut self) -> Result<BTreeSet<String>> {
        let query =
            sql_query("SELECT DISTINCT node_id AS broken FROM turns WHERE ended_at IS NULL");
        let rows: Vec<Broken> = query.load(&mut self.connection)?;
        Ok(rows.into_iter().filter_map(|row| row.broken).collect())
    }

    /// Everything, as of one moment.
    pub(crate) fn state(&mut self) -> Result<State> {
        self.connection.batch_execute("BEGIN")?;
        let state = self.read();
        self.connection.batch_execute("ROLLBACK")?;
        state
    }

    fn read(&mut self) -> Result<State> {
        let query = sql_query(
            "SELECT turns.id, turns.chat_id, turns.idempotency_key AS key, turns.state, turns.node_id,
                turns.ended_at, own.id AS own_id, reply.id AS reply_id, own.content AS own,
                reply.content AS reply
            FROM turns
            JOIN messages AS own ON own.id = turns.user_message_id
            JOIN messages AS reply ON reply.id = turns.assistant_message_id",
        );
        let turns: Vec<Turn> = query.load(&mut self.connection)?;
        let messages = sql_query(
            "SELECT id, chat_id, parent_id, turn_id, role, content FROM messages ORDER BY id",
        );
        let messages: Vec<Message> = messages.load(&mut self.connection)?;
        let mut own_messages = HashMap::new();
        let mut followers: HashMap<_, Vec<i64>> = HashMap::new();
        for message in &messages {
            let place = (message.chat_id, message.parent_id);
            followers.entry(place).or_default().push(message.id);
        }
        for own in messages.iter().filter(|message| message.role == "user") {
            *own_messages.entry(own.content.clone()).or_default() += 1;
        }
        let heads = sql_query(
            "SELECT id AS chat_id, head_message_id AS message_id FROM chats
            WHERE head_message_id IS NOT NULL",
        );
        let heads: Vec<Head> = heads.load(&mut self.connection)?;
        let mut broken = Vec::new();
        for (law, query) in LAWS {
            let rows: Vec<Broken> = sql_query(*query).load(&mut self.connection).context(*law)?;
            let what = |row: Broken| row.broken.unwrap_or_else(|| "?".to_owned());
            broken.extend(
                rows.into_iter()
                    .map(|row| format!("not so: {law}: {}", what(row))),
            );
        }
        Ok(State {
            turns: turns
                .into_iter()
                .map(|turn| (turn.id.clone(), turn))
                .collect(),
            messages: messages
                .into_iter()
                .map(|message| (message.id, message))
                .collect(),
            heads: heads
                .into_iter()
                .map(|head| (head.chat_id, head.message_id))
                .collect(),
            followers,
            own_messages,
            broken,
        })
    }
}

/// All that the checks look at.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) turns: HashMap<String, Turn>,
    pub(crate) messages: HashMap<i64, Message>,
    /// The messages that follow a message of a chat, or begin it, oldest first.
    followers: HashMap<(i64, Option<i64>), Vec<i64>>,
    /// The last message of the branch that a chat shows.
    pub(crate) heads: HashMap<i64, i64>,
    /// How often each message of a person is there.
    pub(crate) own_messages: HashMap<String, u32>,
    /// Laws that are broken.
    pub(crate) broken: Vec<String>,
}

impl State {
    /// Reads a database that nobody uses, as a server will find it. The work is done on a copy, so
    /// that the server has to recover by itself.
    pub(crate) fn found(database: &Path) -> Result<Option<Self>> {
        if !database.exists() {
            return Ok(None);
        }
        let copies = tempfile::tempdir()?;
        let copy = copies.path().join("copy.db");
        fs::copy(database, &copy)?;
        let log = |path: &Path| {
            let mut name = path.as_os_str().to_owned();
            name.push("-wal");
            name
        };
        if Path::new(&log(database)).exists() {
            fs::copy(log(database), log(&copy))?;
        }
        let mut connection = SqliteConnection::establish(&copy.to_string_lossy())?;
        let tables =
            sql_query("SELECT name AS broken FROM sqlite_schema WHERE name = 'service_state'");
        let tables: Vec<Broken> = tables.load(&mut connection)?;
        if tables.is_empty() {
            return Ok(None);
        }
        Database { connection }.state().map(Some)
    }

    /// The turns that were begun with a key.
    pub(crate) fn with_key<'a>(
        &'a self,
        chat: i64,
        key: &'a str,
    ) -> impl Iterator<Item = &'a Turn> {
        let is_it = move |turn: &&Turn| turn.chat_id == chat && turn.key.as_deref() == Some(key);
        self.turns.values().filter(is_it)
    }

    /// The messages that follow the same one as this, oldest first.
    pub(crate) fn siblings(&self, message: &Message) -> &[i64] {
        self.followers(message.chat_id, message.parent_id)
    }

    fn followers(&self, chat: i64, parent: Option<i64>) -> &[i64] {
        self.followers
            .get(&(chat, parent))
            .map_or(&[], Vec::as_slice)
    }

    /// The branch that ends with a message, from its beginning.
    pub(crate) fn branch(&self, end: i64) -> Vec<&Message> {
        let parent = |message: &&Message| self.messages.get(&message.parent_id?);
        let mut branch: Vec<_> = successors(self.messages.get(&end), parent).collect();
        branch.reverse();
        branch
    }

    /// The end of the branch through a message that takes the newest one at each fork, as it was
    /// before another message was there.
    pub(crate) fn newest_end(&self, chat: i64, first: i64, before: i64) -> i64 {
        let next = |at: &i64| {
            let mut newest_first = self.followers(chat, Some(*at)).iter().rev();
            newest_first.find(|id| **id < before).copied()
        };
        successors(Some(first), next).last().unwrap_or(first)
    }

    /// The nodes that work, or worked, on turns that are not over.
    pub(crate) fn working_nodes(&self) -> BTreeSet<String> {
        let running = self.turns.values().filter(|turn| !turn.is_over());
        running.map(|turn| turn.node_id.clone()).collect()
    }
}
