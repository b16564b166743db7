-- Replies that can be stopped and that go on after a crash; an account of every request upstream.

-- The person asked for the end. Kept, so that a crash between the asking and the end forgets nothing.
ALTER TABLE turns ADD COLUMN stop_requested_at INTEGER;
-- How many bytes of the reply the processes before the last one have left.
ALTER TABLE turns ADD COLUMN resumed_from INTEGER NOT NULL DEFAULT 0 CHECK (resumed_from >= 0);
-- Upstream's name for the request that runs.
ALTER TABLE turns ADD COLUMN upstream_request_id TEXT;

-- The operator's account: every request that upstream took. A turn's row of the ledger is the sum of
-- its attempts.
CREATE TABLE usage_attempts (
    turn_id TEXT NOT NULL,
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    upstream_request_id TEXT,
    model TEXT NOT NULL,
    input_tokens INTEGER NOT NULL CHECK (input_tokens >= 0),
    output_tokens INTEGER NOT NULL CHECK (output_tokens >= 0),
    cache_read_tokens INTEGER NOT NULL CHECK (cache_read_tokens >= 0),
    cache_write_5m_tokens INTEGER NOT NULL CHECK (cache_write_5m_tokens >= 0),
    cache_write_1h_tokens INTEGER NOT NULL CHECK (cache_write_1h_tokens >= 0),
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0),
    price_version TEXT NOT NULL,
    estimated INTEGER NOT NULL CHECK (estimated IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (turn_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER usage_attempts_cannot_be_deleted BEFORE DELETE ON usage_attempts
BEGIN
    SELECT RAISE(ABORT, 'usage_attempts is append-only');
END;

CREATE TRIGGER usage_attempts_cannot_be_changed BEFORE UPDATE ON usage_attempts
BEGIN
    SELECT RAISE(ABORT, 'usage_attempts is append-only');
END;

-- Until now a turn was one attempt.
INSERT INTO usage_attempts (
    turn_id, attempt, model, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cost_micro_usd, price_version, estimated, created_at
)
SELECT
    turn_id, 1, model, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cost_micro_usd, price_version, estimated, created_at
FROM usage_events;
