DROP TRIGGER usage_events_can_only_lose_their_user;
ALTER TABLE usage_events DROP COLUMN kind;
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
DROP TABLE summary_runs;
DROP TABLE chat_summaries;
ALTER TABLE chats DROP COLUMN summary_version;
ALTER TABLE chats DROP COLUMN summary_enabled;
