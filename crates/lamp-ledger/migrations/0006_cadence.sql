-- One period of one model's cadence. The key is its cut-off, so that there is one row of each, whoever looks. A run is
-- claimed here before it is recorded in `runs`.
CREATE TABLE rotations (
    model       TEXT   NOT NULL,
    cutoff      TEXT   NOT NULL,
    seq         BIGINT NOT NULL UNIQUE,
    state       TEXT   NOT NULL
        CHECK (state IN ('due', 'building', 'training', 'reported', 'failed', 'skipped')),
    as_of       BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    missed      BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    commit_hash TEXT,
    run_id      TEXT,
    builds      TEXT   NOT NULL,
    reason      TEXT,
    moved_at    BIGINT NOT NULL,
    retry_at    BIGINT NOT NULL,
    PRIMARY KEY (model, cutoff)
);

CREATE INDEX rotations_unfinished ON rotations (seq) WHERE state IN ('due', 'building', 'training');

-- Finished studies. The same study, weighed with other costs, has the same id and another digest; the last stands.
CREATE TABLE studies (
    seq          BIGINT NOT NULL PRIMARY KEY,
    id           TEXT   NOT NULL,
    digest       TEXT   NOT NULL,
    model        TEXT   NOT NULL,
    created_by   TEXT   NOT NULL,
    created_auth TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    document     TEXT   NOT NULL
);

CREATE INDEX studies_id ON studies (id, seq);
CREATE INDEX studies_model ON studies (model, seq);
