-- Who looks at an incident, and how it ended.
ALTER TABLE incidents ADD COLUMN project TEXT;
ALTER TABLE incidents ADD COLUMN acked_by TEXT;
ALTER TABLE incidents ADD COLUMN acked_auth TEXT;
ALTER TABLE incidents ADD COLUMN acked_at BIGINT;
ALTER TABLE incidents ADD COLUMN resolved_by TEXT;
ALTER TABLE incidents ADD COLUMN resolved_auth TEXT;
ALTER TABLE incidents ADD COLUMN note TEXT;
