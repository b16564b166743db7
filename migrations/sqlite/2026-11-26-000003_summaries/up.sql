-- Summaries of what models are not sent any more.

-- Whether what leaves the window of a chat is summed up.
ALTER TABLE chats ADD COLUMN summary_enabled INTEGER NOT NULL DEFAULT 1
CHECK (summary_enabled IN (0, 1));
-- Counts the changes of the chat's summaries and of that switch.
ALTER TABLE chats ADD COLUMN summary_version INTEGER NOT NULL DEFAULT 1 CHECK (summary_version >= 1);

-- A summary belongs to a place in the tree of messages: it tells of the branch up to there.
CREATE TABLE chat_summaries (
    chat_id INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
    -- The last message that it tells of. No foreign key: messages go with their chat only.
    covers_up_to INTEGER NOT NULL,
    -- How many messages come before that one on its branch.
    depth INTEGER NOT NULL CHECK (depth >= 0),
    text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    is_edited INTEGER NOT NULL DEFAULT 0 CHECK (is_edited IN (0, 1)),
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (chat_id, covers_up_to)
) STRICT, WITHOUT ROWID;

-- Summaries that are being made. Nothing refers to them and they refer to nothing: what was asked of a
-- model is charged also when the chat is deleted meanwhile.
CREATE TABLE summary_runs (
    -- Its name in the ledger, among those of turns.
    id TEXT NOT NULL PRIMARY KEY,
    user_id INTEGER NOT NULL,
    chat_id INTEGER NOT NULL,
    character_id INTEGER,
    covers_up_to INTEGER NOT NULL,
    -- What the chat's summary_version was: whoever changes a summary meanwhile has the last word.
    summary_version INTEGER NOT NULL,
    usage_date TEXT NOT NULL
    CHECK (usage_date GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    node_id TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    started_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One for each chat at a time.
CREATE UNIQUE INDEX summary_runs_of_chat ON summary_runs (chat_id);

-- What a row of the ledger is for: a person's exchange, or a summary.
ALTER TABLE usage_events ADD COLUMN kind TEXT NOT NULL DEFAULT 'reply'
CHECK (kind IN ('reply', 'summary'));

DROP TRIGGER usage_events_can_only_lose_their_user;
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
    OR NEW.kind IS NOT OLD.kind
BEGIN
    SELECT RAISE(ABORT, 'usage_events is append-only');
END;
