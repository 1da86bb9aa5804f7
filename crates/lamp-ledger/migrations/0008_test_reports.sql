-- What `lamp test` said of a model's code, or of a project's own test. `failed` counts tests.
CREATE TABLE test_reports (
    seq         BIGINT NOT NULL PRIMARY KEY,
    subject     TEXT   NOT NULL,
    project     TEXT   NOT NULL,
    commit_hash TEXT,
    tree        TEXT   NOT NULL,
    failed      BIGINT NOT NULL CHECK (failed >= 0),
    report      TEXT   NOT NULL,
    tested_at   BIGINT NOT NULL,
    tested_by   TEXT   NOT NULL,
    tested_auth TEXT   NOT NULL
);

CREATE INDEX test_reports_latest ON test_reports (subject, seq);
