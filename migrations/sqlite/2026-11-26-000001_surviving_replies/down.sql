DROP TABLE usage_attempts;
ALTER TABLE turns DROP COLUMN upstream_request_id;
ALTER TABLE turns DROP COLUMN resumed_from;
ALTER TABLE turns DROP COLUMN stop_requested_at;
