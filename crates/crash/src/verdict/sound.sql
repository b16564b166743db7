-- Six exchanges as a server would have left them: two complete, one that a crash cut short, and then
-- its rest, another answer to the second message, and another third message. The rest is shown.
INSERT INTO users (id, username, email, created_at, username_key, email_key)
VALUES (1, 'mina', 'mina@example.com', 1, 'mina', 'mina@example.com');
INSERT INTO characters (id, name, system_prompt, created_at, updated_at, name_folded)
VALUES (1, 'Haru', 'You keep a lighthouse.', 1, 1, 'haru');
INSERT INTO chats (
    id, user_id, character_id, created_at, last_message_at, character_name, character_name_folded,
    head_message_id
) VALUES (1, 1, 1, 1, 9, 'Haru', 'haru', 7);
INSERT INTO messages (
    id, chat_id, role, content, token_count, created_at, parent_id, depth, turn_id, status, model,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens
) VALUES
(1, 1, 'user', 'one', 10, 1, NULL, 0, 'turn-1', 'complete', NULL, 0, 0, 0, 0),
(2, 1, 'assistant', 'the first reply', 3, 1, 1, 1, 'turn-1', 'complete', 'm', 10, 3, 1, 2),
(3, 1, 'user', 'two', 20, 1, 2, 2, 'turn-2', 'complete', NULL, 0, 0, 0, 0),
(4, 1, 'assistant', 'the second reply', 3, 1, 3, 3, 'turn-2', 'complete', 'm', 20, 3, 1, 2),
(5, 1, 'user', 'three', 0, 1, 4, 4, 'turn-3', 'complete', NULL, 0, 0, 0, 0),
(6, 1, 'assistant', 'the third', 1, 1, 5, 5, 'turn-3', 'interrupted', 'm', 30, 1, 1, 2),
(7, 1, 'assistant', 'the third reply', 1, 1, 5, 5, 'turn-4', 'complete', 'm', 10, 1, 0, 0),
(8, 1, 'assistant', 'another second', 2, 1, 3, 3, 'turn-5', 'complete', 'm', 10, 2, 0, 0),
(9, 1, 'user', 'drei', 0, 1, 4, 4, 'turn-6', 'complete', NULL, 0, 0, 0, 0),
(10, 1, 'assistant', 'the other third', 3, 1, 9, 5, 'turn-6', 'complete', 'm', 10, 3, 0, 0);
INSERT INTO turns (
    id, user_id, chat_id, character_id, user_message_id, assistant_message_id, state, error_code,
    node_id, lease_until, idempotency_key, request_hash, usage_date, accepted_at, first_text_at, ended_at
) VALUES
('turn-1', 1, 1, 1, 1, 2, 'completed', NULL, 'node', 2, 'key-1', zeroblob(32), '2026-11-25', 1, 2, 3),
('turn-2', 1, 1, 1, 3, 4, 'completed', NULL, 'node', 5, 'key-2', zeroblob(32), '2026-11-26', 4, 5, 6),
('turn-3', 1, 1, 1, 5, 6, 'interrupted', 'reply_interrupted', 'node', 8, 'key-3', zeroblob(32), '2026-11-26', 7, 8, 9),
('turn-4', 1, 1, 1, 5, 7, 'completed', NULL, 'node', 9, 'key-4', zeroblob(32), '2026-11-27', 10, 11, 12),
('turn-5', 1, 1, 1, 3, 8, 'completed', NULL, 'node', 9, 'key-5', zeroblob(32), '2026-11-27', 13, 14, 15),
('turn-6', 1, 1, 1, 9, 10, 'completed', NULL, 'node', 9, 'key-6', zeroblob(32), '2026-11-27', 16, 17, 18);
INSERT INTO usage_events (
    turn_id, user_id, chat_id, character_id, usage_date, model, input_tokens, output_tokens,
    cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens, cost_micro_usd, price_version,
    estimated, created_at
) VALUES
('turn-1', 1, 1, 1, '2026-11-25', 'm', 10, 3, 1, 2, 0, 100, 'p', 0, 3),
('turn-2', 1, 1, 1, '2026-11-26', 'm', 20, 3, 1, 1, 1, 200, 'p', 0, 6),
('turn-3', 1, 1, 1, '2026-11-26', 'm', 30, 1, 1, 2, 0, 300, 'p', 1, 9),
('turn-4', 1, 1, 1, '2026-11-27', 'm', 10, 1, 0, 0, 0, 10, 'p', 0, 12),
('turn-5', 1, 1, 1, '2026-11-27', 'm', 10, 2, 0, 0, 0, 20, 'p', 0, 15),
('turn-6', 1, 1, 1, '2026-11-27', 'm', 10, 3, 0, 0, 0, 30, 'p', 0, 18);
INSERT INTO usage_attempts (
    turn_id, attempt, model, input_tokens, output_tokens, cache_read_tokens, cache_write_5m_tokens,
    cache_write_1h_tokens, cost_micro_usd, price_version, estimated, created_at
) VALUES
('turn-1', 1, 'm', 10, 3, 1, 2, 0, 100, 'p', 0, 3),
('turn-2', 1, 'm', 5, 1, 0, 1, 0, 50, 'p', 1, 5),
('turn-2', 2, 'm', 15, 2, 1, 0, 1, 150, 'p', 0, 6),
('turn-3', 1, 'm', 30, 1, 1, 2, 0, 300, 'p', 1, 9),
('turn-4', 1, 'm', 10, 1, 0, 0, 0, 10, 'p', 0, 12),
('turn-5', 1, 'm', 10, 2, 0, 0, 0, 20, 'p', 0, 15),
('turn-6', 1, 'm', 10, 3, 0, 0, 0, 30, 'p', 0, 18);
INSERT INTO usage_stats (
    user_id, usage_date, chat_count, total_tokens, input_tokens, output_tokens, cache_read_tokens,
    cache_write_tokens, cost_micro_usd
) VALUES
(1, '2026-11-25', 1, 16, 10, 3, 1, 2, 100),
(1, '2026-11-26', 2, 60, 50, 4, 2, 4, 500),
(1, '2026-11-27', 3, 36, 30, 6, 0, 0, 60);
INSERT INTO model_days (
    usage_date, model, exchanges, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    cost_micro_usd, completed, stopped, failed, interrupted
) VALUES
('2026-11-25', 'm', 1, 10, 3, 1, 2, 100, 1, 0, 0, 0),
('2026-11-26', 'm', 2, 50, 4, 2, 4, 500, 1, 0, 0, 1),
('2026-11-27', 'm', 3, 30, 6, 0, 0, 60, 3, 0, 0, 0);
INSERT INTO character_days (usage_date, character_id, exchanges, total_tokens, cost_micro_usd)
VALUES ('2026-11-25', 1, 1, 16, 100), ('2026-11-26', 1, 2, 60, 500), ('2026-11-27', 1, 3, 36, 60);
INSERT INTO latency_days (usage_date, bucket, turns) VALUES ('2026-11-25', 1, 1), ('2026-11-26', 1, 2), ('2026-11-27', 1, 3);
INSERT INTO failure_days (usage_date, error_code, turns) VALUES ('2026-11-26', 'reply_interrupted', 1);
INSERT INTO account_days (usage_date, new_accounts, active_accounts)
VALUES ('2026-11-25', 1, 1), ('2026-11-26', 0, 1), ('2026-11-27', 0, 1);
