-- For a span of time, somebody else is on the rota. The last row that covers an instant counts.
CREATE TABLE rota_swaps (
    seq           BIGINT NOT NULL PRIMARY KEY,
    rota          TEXT   NOT NULL,
    from_at       BIGINT NOT NULL,
    until_at      BIGINT NOT NULL,
    person        TEXT   NOT NULL,
    why           TEXT   NOT NULL,
    recorded_by   TEXT   NOT NULL,
    recorded_auth TEXT   NOT NULL,
    recorded_at   BIGINT NOT NULL,
    CHECK (from_at < until_at)
);

CREATE INDEX rota_swaps_rota ON rota_swaps (rota, until_at);

-- One duty for each period or candidate, whoever creates it.
CREATE TABLE duties (
    id         TEXT   NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL UNIQUE,
    project    TEXT   NOT NULL,
    kind       TEXT   NOT NULL CHECK (kind IN ('labels', 'histograms', 'validate')),
    subject    TEXT   NOT NULL,
    rota       TEXT,
    assignee   TEXT,
    pieces     BIGINT NOT NULL,
    opens_at   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('open', 'done', 'waived', 'missed')),
    ended_by   TEXT,
    ended_auth TEXT,
    ended_at   BIGINT,
    note       TEXT,
    evidence   TEXT,
    UNIQUE (project, kind, subject)
);

CREATE INDEX duties_open ON duties (due_at) WHERE state = 'open';
CREATE INDEX duties_period ON duties (project, kind, opens_at);

-- What happened to a duty, in order.
CREATE TABLE duty_events (
    seq          BIGINT NOT NULL PRIMARY KEY,
    duty         TEXT   NOT NULL REFERENCES duties (id),
    at           BIGINT NOT NULL,
    actor        TEXT   NOT NULL,
    actor_auth   TEXT   NOT NULL,
    on_behalf_of TEXT,
    action       TEXT   NOT NULL,
    details      TEXT   NOT NULL
);

CREATE INDEX duty_events_duty ON duty_events (duty, seq);

-- The columns that a histograms duty asks for, chosen once. An empty `partition_key` stands for the whole version.
CREATE TABLE duty_columns (
    duty          TEXT   NOT NULL REFERENCES duties (id),
    place         BIGINT NOT NULL CHECK (place > 0),
    dataset       TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    partition_key TEXT   NOT NULL,
    column_name   TEXT   NOT NULL,
    chosen_as     TEXT   NOT NULL CHECK (chosen_as IN ('moved', 'turn')),
    profile       TEXT   NOT NULL,
    reference     TEXT,
    moved         DOUBLE PRECISION,
    PRIMARY KEY (duty, place),
    UNIQUE (duty, dataset, column_name),
    FOREIGN KEY (dataset, version) REFERENCES dataset_versions (dataset, version)
);

-- What a person said of a column. The last row of a place counts.
CREATE TABLE duty_verdicts (
    seq       BIGINT NOT NULL PRIMARY KEY,
    duty      TEXT   NOT NULL,
    place     BIGINT NOT NULL,
    verdict   TEXT   NOT NULL CHECK (verdict IN ('looks_right', 'suspicious')),
    note      TEXT,
    incident  TEXT REFERENCES incidents (id),
    seen_by   TEXT   NOT NULL,
    seen_auth TEXT   NOT NULL,
    seen_at   BIGINT NOT NULL,
    FOREIGN KEY (duty, place) REFERENCES duty_columns (duty, place)
);

CREATE INDEX duty_verdicts_duty ON duty_verdicts (duty, place, seq);
