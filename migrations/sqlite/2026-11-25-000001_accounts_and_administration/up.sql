-- Accounts that are invited, deleted with a time of grace and reset by a link; budgets; statistics by day.

ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1);
-- Deletion was asked for; the account is erased once the time of grace is over.
ALTER TABLE users ADD COLUMN deleted_at INTEGER;
-- Wrong passwords since the last right one.
ALTER TABLE users ADD COLUMN failed_logins INTEGER NOT NULL DEFAULT 0 CHECK (failed_logins >= 0);
-- The version of the notice of what administrators can read that was shown at sign-up.
ALTER TABLE users ADD COLUMN consent_version INTEGER;

CREATE INDEX users_to_erase ON users (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX users_who_administer ON users (id) WHERE is_admin;
-- All of a person's chats in an order that does not change while they are read.
CREATE INDEX chats_of_user_by_id ON chats (user_id, id);

-- When the password was last asked for again within the session.
ALTER TABLE sessions ADD COLUMN reauthenticated_at INTEGER;

CREATE TABLE invites (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- SHA-256 of the secret in the link.
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    max_uses INTEGER NOT NULL CHECK (max_uses >= 1),
    uses INTEGER NOT NULL DEFAULT 0 CHECK (uses BETWEEN 0 AND max_uses),
    -- Given to the accounts that are made with it; NULL: the service's own limit applies.
    daily_token_budget INTEGER CHECK (daily_token_budget >= 0),
    note TEXT NOT NULL DEFAULT '',
    revoked_at INTEGER
) STRICT;

CREATE TABLE password_resets (
    -- SHA-256 of the secret in the link.
    token_hash BLOB NOT NULL PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX password_resets_of_user ON password_resets (user_id);

-- What running turns may cost at most. Not part of the turn, which goes with its chat: deleting a
-- chat must not give the budget back.
CREATE TABLE budget_reservations (
    turn_id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    tokens INTEGER NOT NULL CHECK (tokens >= 0),
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0)
) STRICT, WITHOUT ROWID;

-- Statistics by day, written together with the end of each turn, so that the overview never reads
-- messages. They name no person.
CREATE TABLE model_days (
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    -- Empty: the turn ended before a model answered.
    model TEXT NOT NULL,
    exchanges INTEGER NOT NULL DEFAULT 0 CHECK (exchanges >= 0),
    input_tokens INTEGER NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cache_read_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_read_tokens >= 0),
    cache_write_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_write_tokens >= 0),
    cost_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (cost_micro_usd >= 0),
    completed INTEGER NOT NULL DEFAULT 0 CHECK (completed >= 0),
    stopped INTEGER NOT NULL DEFAULT 0 CHECK (stopped >= 0),
    failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
    interrupted INTEGER NOT NULL DEFAULT 0 CHECK (interrupted >= 0),
    PRIMARY KEY (usage_date, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE character_days (
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    character_id INTEGER NOT NULL,
    exchanges INTEGER NOT NULL CHECK (exchanges >= 0),
    total_tokens INTEGER NOT NULL CHECK (total_tokens >= 0),
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0),
    PRIMARY KEY (usage_date, character_id)
) STRICT, WITHOUT ROWID;

-- How long the first text took: turns by a bucket of a logarithmic scale.
CREATE TABLE latency_days (
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    bucket INTEGER NOT NULL CHECK (bucket >= 0),
    turns INTEGER NOT NULL CHECK (turns >= 0),
    PRIMARY KEY (usage_date, bucket)
) STRICT, WITHOUT ROWID;

CREATE TABLE failure_days (
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    error_code TEXT NOT NULL,
    turns INTEGER NOT NULL CHECK (turns >= 0),
    PRIMARY KEY (usage_date, error_code)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_days (
    usage_date TEXT NOT NULL PRIMARY KEY
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    new_accounts INTEGER NOT NULL DEFAULT 0 CHECK (new_accounts >= 0),
    erased_accounts INTEGER NOT NULL DEFAULT 0 CHECK (erased_accounts >= 0),
    -- People with at least one charged exchange.
    active_accounts INTEGER NOT NULL DEFAULT 0 CHECK (active_accounts >= 0)
) STRICT, WITHOUT ROWID;

-- The one row of what an administrator switches while the service runs.
CREATE TABLE service_state (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    -- 0: no new message is taken; the brake for costs.
    accepts_messages INTEGER NOT NULL DEFAULT 1 CHECK (accepts_messages IN (0, 1)),
    changed_at INTEGER NOT NULL
) STRICT;

INSERT INTO service_state (id, changed_at) VALUES (1, 0);

-- What there is already is counted into the new statistics. Before this, days were Seoul's unless
-- the operator had chosen another zone.
INSERT INTO model_days (
    usage_date, model, exchanges, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, cost_micro_usd, completed, stopped, failed, interrupted
)
SELECT
    usage_events.usage_date, usage_events.model, count(*), sum(input_tokens), sum(output_tokens),
    sum(cache_read_tokens), sum(cache_write_5m_tokens + usage_events.cache_write_1h_tokens),
    sum(cost_micro_usd), sum(coalesce(state, 'completed') = 'completed'),
    sum(coalesce(state, '') = 'stopped'), sum(coalesce(state, '') = 'failed'),
    sum(coalesce(state, '') = 'interrupted')
FROM usage_events LEFT JOIN turns ON turns.id = usage_events.turn_id
GROUP BY usage_events.usage_date, usage_events.model;

INSERT INTO character_days (usage_date, character_id, exchanges, total_tokens, cost_micro_usd)
SELECT
    usage_date, character_id, count(*),
    sum(
        input_tokens + output_tokens + cache_read_tokens + cache_write_5m_tokens
        + cache_write_1h_tokens
    ),
    sum(cost_micro_usd)
FROM usage_events WHERE character_id IS NOT NULL GROUP BY usage_date, character_id;

INSERT INTO account_days (usage_date, new_accounts)
SELECT date(created_at / 1000000, 'unixepoch', '+9 hours'), count(*) FROM users GROUP BY 1;

INSERT INTO account_days (usage_date, active_accounts)
SELECT usage_date, count(*) FROM usage_stats WHERE true GROUP BY usage_date
ON CONFLICT (usage_date) DO UPDATE SET active_accounts = excluded.active_accounts;
