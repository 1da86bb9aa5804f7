-- One schema for SQLite and Postgres: TEXT, BIGINT (times in microseconds, 0/1 for no and yes) and
-- DOUBLE PRECISION. Texts are compared for equality only: the databases sort them differently.

-- Who did what. The head names the last event, so that a missing tail is seen.
CREATE TABLE audit_events (
    seq           BIGINT NOT NULL PRIMARY KEY CHECK (seq > 0),
    previous      TEXT   NOT NULL,
    hash          TEXT   NOT NULL,
    at            BIGINT NOT NULL,
    injected_time BIGINT NOT NULL CHECK (injected_time IN (0, 1)),
    actor         TEXT   NOT NULL,
    actor_auth    TEXT   NOT NULL,
    action        TEXT   NOT NULL,
    subject       TEXT   NOT NULL,
    details       TEXT   NOT NULL
);

CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq  BIGINT NOT NULL,
    hash TEXT   NOT NULL
);

INSERT INTO audit_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- `seq` counts the rows of a table in the order in which they were written: clocks can jump.
CREATE TABLE runs (
    id           TEXT   NOT NULL PRIMARY KEY,
    seq          BIGINT NOT NULL UNIQUE,
    project      TEXT   NOT NULL,
    purpose_kind TEXT   NOT NULL CHECK (purpose_kind IN ('train', 'build')),
    purpose_name TEXT   NOT NULL,
    commit_hash  TEXT   NOT NULL,
    origin       TEXT   NOT NULL CHECK (origin IN ('committed', 'wip')),
    state        TEXT   NOT NULL
        CHECK (state IN ('preparing', 'running', 'collecting', 'succeeded', 'failed', 'stopped')),
    created_by   TEXT   NOT NULL,
    created_auth TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    ended_at     BIGINT,
    manifest     TEXT,
    failure      TEXT
);

CREATE INDEX runs_unfinished ON runs (seq) WHERE state IN ('preparing', 'running', 'collecting');

CREATE TABLE dataset_versions (
    dataset      TEXT   NOT NULL,
    version      BIGINT NOT NULL CHECK (version > 0),
    digest       TEXT   NOT NULL,
    files        BIGINT NOT NULL,
    bytes        BIGINT NOT NULL,
    row_count    BIGINT,
    run_id       TEXT REFERENCES runs (id),
    created_by   TEXT   NOT NULL,
    created_auth TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    note         TEXT,
    PRIMARY KEY (dataset, version),
    UNIQUE (dataset, digest)
);

CREATE INDEX dataset_versions_run ON dataset_versions (run_id);

-- An empty `partition_key` stands for the whole version.
CREATE TABLE checks (
    seq           BIGINT NOT NULL PRIMARY KEY,
    dataset       TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    partition_key TEXT   NOT NULL,
    contract      TEXT   NOT NULL,
    checked_at    BIGINT NOT NULL,
    rule          TEXT   NOT NULL,
    column_name   TEXT,
    verdict       TEXT   NOT NULL CHECK (verdict IN ('passed', 'failed', 'not_evaluated')),
    measured      DOUBLE PRECISION,
    bound         TEXT   NOT NULL,
    message       TEXT   NOT NULL,
    severity      TEXT,
    FOREIGN KEY (dataset, version) REFERENCES dataset_versions (dataset, version)
);

CREATE INDEX checks_latest ON checks (dataset, version, rule, partition_key, seq);

CREATE TABLE models (
    model       TEXT   NOT NULL,
    version     BIGINT NOT NULL CHECK (version > 0),
    seq         BIGINT NOT NULL UNIQUE,
    project     TEXT   NOT NULL,
    task        TEXT   NOT NULL,
    package     TEXT   NOT NULL,
    flavour     TEXT   NOT NULL,
    run_id      TEXT   NOT NULL UNIQUE REFERENCES runs (id),
    commit_hash TEXT   NOT NULL,
    state       TEXT   NOT NULL CHECK (state IN ('candidate', 'approved', 'rejected', 'retired')),
    created_at  BIGINT NOT NULL,
    evidence    TEXT   NOT NULL,
    PRIMARY KEY (model, version)
);

CREATE TABLE approvals (
    seq          BIGINT NOT NULL PRIMARY KEY,
    model        TEXT   NOT NULL,
    version      BIGINT NOT NULL,
    decision     TEXT   NOT NULL CHECK (decision IN ('approved', 'rejected')),
    decided_by   TEXT   NOT NULL,
    decided_auth TEXT   NOT NULL,
    decided_at   BIGINT NOT NULL,
    note         TEXT   NOT NULL,
    evidence     TEXT   NOT NULL,
    FOREIGN KEY (model, version) REFERENCES models (model, version)
);

CREATE INDEX approvals_model ON approvals (model, version);

-- Every route that ever was. The one with the highest epoch stands.
CREATE TABLE route_changes (
    service         TEXT   NOT NULL,
    epoch           BIGINT NOT NULL CHECK (epoch > 0),
    primary_model   TEXT,
    primary_version BIGINT,
    shadow_model    TEXT,
    shadow_version  BIGINT,
    active          TEXT   NOT NULL CHECK (active IN ('primary', 'shadow')),
    changed_by      TEXT   NOT NULL,
    changed_auth    TEXT   NOT NULL,
    changed_at      BIGINT NOT NULL,
    why             TEXT   NOT NULL,
    PRIMARY KEY (service, epoch),
    FOREIGN KEY (primary_model, primary_version) REFERENCES models (model, version),
    FOREIGN KEY (shadow_model, shadow_version) REFERENCES models (model, version)
);

CREATE TABLE replica_acks (
    replica TEXT   NOT NULL,
    service TEXT   NOT NULL,
    epoch   BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    state   TEXT   NOT NULL,
    PRIMARY KEY (replica, service)
);

-- A job without a lease waits; a finished job has no row.
CREATE TABLE jobs (
    id          TEXT   NOT NULL PRIMARY KEY,
    seq         BIGINT NOT NULL UNIQUE,
    job_key     TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    due_at      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    lease_until BIGINT,
    last_error  TEXT
);

CREATE UNIQUE INDEX jobs_waiting ON jobs (job_key) WHERE lease_until IS NULL;

CREATE TABLE incidents (
    id          TEXT   NOT NULL PRIMARY KEY,
    seq         BIGINT NOT NULL UNIQUE,
    cause       TEXT   NOT NULL,
    subject     TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    opened_at   BIGINT NOT NULL,
    resolved_at BIGINT
);

CREATE UNIQUE INDEX incidents_open ON incidents (cause, subject) WHERE resolved_at IS NULL;
