-- Times are whole microseconds since 1970, UTC. Days are `YYYY-MM-DD` in the zone of the statistics.
-- `*_key` columns hold folded text under which a thing is unique, `*_folded` ones folded text to search in.

CREATE TABLE users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    username TEXT NOT NULL,
    email TEXT NOT NULL,
    -- NULL: the account cannot sign in with a password.
    password_hash TEXT,
    is_admin INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    created_at INTEGER NOT NULL,
    username_key TEXT NOT NULL UNIQUE,
    email_key TEXT NOT NULL UNIQUE,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    display_name TEXT,
    locale TEXT,
    token_version INTEGER NOT NULL DEFAULT 1 CHECK (token_version >= 1),
    -- NULL: the service's own limit applies.
    daily_token_budget INTEGER CHECK (daily_token_budget >= 0)
) STRICT;

CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- SHA-256 of the refresh secret, and of the one before it, which may come once more when an
    -- answer was lost.
    refresh_hash BLOB CHECK (length(refresh_hash) = 32),
    previous_refresh_hash BLOB CHECK (length(previous_refresh_hash) = 32),
    refreshed_at INTEGER,
    user_agent TEXT,
    client_address TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE UNIQUE INDEX sessions_by_refresh_hash ON sessions (refresh_hash)
WHERE refresh_hash IS NOT NULL;
CREATE INDEX sessions_by_previous_refresh_hash ON sessions (previous_refresh_hash)
WHERE previous_refresh_hash IS NOT NULL;

CREATE TABLE characters (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    created_by INTEGER REFERENCES users (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    name_folded TEXT NOT NULL,
    visibility TEXT NOT NULL DEFAULT 'private' CHECK (visibility IN ('private', 'public')),
    greeting TEXT NOT NULL DEFAULT '',
    description TEXT NOT NULL DEFAULT '',
    description_folded TEXT NOT NULL DEFAULT '',
    avatar_file TEXT,
    version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1),
    deleted_at INTEGER,
    -- The service brought it along. Not the same as having no maker: a maker's account may be gone.
    is_builtin INTEGER NOT NULL DEFAULT 0 CHECK (is_builtin IN (0, 1))
) STRICT;

CREATE INDEX characters_of_user ON characters (created_by, id);
CREATE INDEX characters_by_visibility ON characters (visibility, id);

CREATE TABLE common_prompts (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
    position INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1)
) STRICT;

CREATE TABLE chats (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    character_id INTEGER REFERENCES characters (id) ON DELETE SET NULL,
    created_at INTEGER NOT NULL,
    last_message_at INTEGER NOT NULL,
    -- The character's name when the chat was opened, shown once the character is gone.
    character_name TEXT NOT NULL,
    character_name_folded TEXT NOT NULL,
    title TEXT,
    title_folded TEXT,
    -- No foreign key: messages go with their chat only, and a key here would need an index that
    -- every exchange writes to.
    head_message_id INTEGER,
    pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
    version INTEGER NOT NULL DEFAULT 1 CHECK (version >= 1)
) STRICT;

CREATE INDEX chats_of_user ON chats (user_id, last_message_at DESC, id DESC);
CREATE INDEX chats_of_character ON chats (character_id);

CREATE TABLE messages (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    content TEXT NOT NULL,
    token_count INTEGER NOT NULL DEFAULT 0 CHECK (token_count >= 0),
    created_at INTEGER NOT NULL,
    parent_id INTEGER,
    depth INTEGER NOT NULL CHECK (depth >= 0),
    -- No foreign key, as with chats.head_message_id: turns go with their chat only.
    turn_id TEXT,
    status TEXT NOT NULL
    CHECK (status IN ('complete', 'streaming', 'stopped', 'failed', 'interrupted')),
    model TEXT,
    stop_reason TEXT,
    input_tokens INTEGER NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cache_read_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_read_tokens >= 0),
    cache_write_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_write_tokens >= 0),
    -- The operator's limit (MESSAGE_MAX_CHARS) is checked before; this bound holds for any setting.
    CHECK (role <> 'user' OR length(content) BETWEEN 1 AND 100000),
    CHECK (role <> 'user' OR status = 'complete'),
    CHECK ((parent_id IS NULL) = (depth = 0)),
    -- A parent is of the same chat. Not RESTRICT: a chat's messages go all at once.
    FOREIGN KEY (chat_id, parent_id) REFERENCES messages (chat_id, id)
) STRICT;

-- The target of the foreign key above, and the way to a chat's messages.
CREATE UNIQUE INDEX messages_of_chat ON messages (chat_id, id);
-- Siblings, those without a parent as well.
CREATE INDEX messages_by_parent ON messages (chat_id, parent_id);

CREATE TABLE turns (
    id TEXT NOT NULL PRIMARY KEY,
    -- The chat's owner, kept here so that one partial index counts a user's running turns.
    user_id INTEGER NOT NULL,
    chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    character_id INTEGER,
    user_message_id INTEGER NOT NULL,
    assistant_message_id INTEGER NOT NULL,
    state TEXT NOT NULL
    CHECK (state IN ('queued', 'streaming', 'completed', 'stopped', 'failed', 'interrupted')),
    error_code TEXT,
    node_id TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    idempotency_key TEXT,
    request_hash BLOB CHECK (length(request_hash) = 32),
    -- How many processes have worked on it.
    attempts INTEGER NOT NULL DEFAULT 1 CHECK (attempts >= 1),
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    -- The part of the reply's cache_write_tokens that was written for an hour; it has its own price.
    cache_write_1h_tokens INTEGER NOT NULL DEFAULT 0 CHECK (cache_write_1h_tokens >= 0),
    accepted_at INTEGER NOT NULL,
    first_text_at INTEGER,
    ended_at INTEGER,
    CHECK ((state IN ('queued', 'streaming')) = (ended_at IS NULL)),
    CHECK ((idempotency_key IS NULL) = (request_hash IS NULL))
) STRICT, WITHOUT ROWID;

-- A turn runs while it has no end. These hold running turns only, so they stay small: small enough to
-- look through one for leases that are over, which saves an index that every exchange writes to twice.
CREATE UNIQUE INDEX turns_running_in_chat ON turns (chat_id) WHERE ended_at IS NULL;
CREATE INDEX turns_running_of_user ON turns (user_id) WHERE ended_at IS NULL;
-- A chat has one owner, so the chat stands for (user, chat). Rows without a key are in it as well:
-- this is also the way from a chat to its turns.
CREATE UNIQUE INDEX turns_by_idempotency_key ON turns (chat_id, idempotency_key);

-- The ledger. Nothing refers to it and it refers to nothing, so no deletion reaches it.
CREATE TABLE usage_events (
    turn_id TEXT NOT NULL PRIMARY KEY,
    -- NULL once the account is deleted.
    user_id INTEGER,
    chat_id INTEGER NOT NULL,
    character_id INTEGER,
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
    cache_read_tokens INTEGER NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_5m_tokens INTEGER NOT NULL CHECK (cache_write_5m_tokens >= 0),
    cache_write_1h_tokens INTEGER NOT NULL CHECK (cache_write_1h_tokens >= 0),
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0),
    price_version TEXT NOT NULL,
    estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER usage_events_cannot_be_deleted BEFORE DELETE ON usage_events
BEGIN
    SELECT RAISE(ABORT, 'usage_events is append-only');
END;

CREATE TRIGGER usage_events_can_only_lose_their_user BEFORE UPDATE ON usage_events
WHEN NEW.user_id IS NOT NULL
    OR NEW.turn_id IS NOT OLD.turn_id
    OR NEW.chat_id IS NOT OLD.chat_id
    OR NEW.character_id IS NOT OLD.character_id
    OR NEW.usage_date IS NOT OLD.usage_date
    OR NEW.model IS NOT OLD.model
    OR NEW.input_tokens IS NOT OLD.input_tokens
    OR NEW.output_tokens IS NOT OLD.output_tokens
    OR NEW.cache_read_tokens IS NOT OLD.cache_read_tokens
    OR NEW.cache_write_5m_tokens IS NOT OLD.cache_write_5m_tokens
    OR NEW.cache_write_1h_tokens IS NOT OLD.cache_write_1h_tokens
    OR NEW.cost_micro_usd IS NOT OLD.cost_micro_usd
    OR NEW.price_version IS NOT OLD.price_version
    OR NEW.estimated IS NOT OLD.estimated
    OR NEW.created_at IS NOT OLD.created_at
BEGIN
    SELECT RAISE(ABORT, 'usage_events is append-only');
END;

CREATE TABLE usage_stats (
    id INTEGER NOT NULL PRIMARY KEY,
    -- NULL once the account is deleted: the day's totals stay right.
    user_id INTEGER REFERENCES users (id) ON DELETE SET NULL,
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    chat_count INTEGER NOT NULL CHECK (chat_count >= 0),
    total_tokens INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
    cache_read_tokens INTEGER NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_tokens INTEGER NOT NULL CHECK (cache_write_tokens >= 0),
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0),
    CHECK (total_tokens = input_tokens + output_tokens + cache_read_tokens + cache_write_tokens),
    UNIQUE (user_id, usage_date)
) STRICT;

CREATE INDEX usage_stats_by_date ON usage_stats (usage_date);

-- Whoever deletes an account, its rows of the ledger lose the link to it in the same transaction.
CREATE TRIGGER users_leave_the_ledger AFTER DELETE ON users
BEGIN
    UPDATE usage_events SET user_id = NULL WHERE user_id = OLD.id;
END;

CREATE TABLE audit_log (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    created_at INTEGER NOT NULL,
    -- Who did it; no foreign key, since the record outlives the account.
    actor_user_id INTEGER,
    action TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    -- Whose data it was about.
    subject_user_id INTEGER,
    reason TEXT,
    request_id TEXT,
    client_address TEXT,
    details TEXT CHECK (json_valid(details)),
    -- The chain: a keyed hash over the row and the hash before it.
    key_id TEXT NOT NULL,
    previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
    hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32)
) STRICT;

CREATE INDEX audit_log_of_subject ON audit_log (subject_user_id, id);

CREATE TRIGGER audit_log_cannot_be_deleted BEFORE DELETE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;

CREATE TRIGGER audit_log_cannot_be_changed BEFORE UPDATE ON audit_log
BEGIN
    SELECT RAISE(ABORT, 'audit_log is append-only');
END;
