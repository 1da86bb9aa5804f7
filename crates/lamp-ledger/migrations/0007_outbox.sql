-- What a team is told. Written with the effect that it tells of, delivered later, at least once.
CREATE TABLE outbox (
    id         TEXT   NOT NULL PRIMARY KEY,
    seq        BIGINT NOT NULL UNIQUE,
    kind       TEXT   NOT NULL,
    subject    TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    state      TEXT   NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up')),
    attempts   BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    ended_at   BIGINT,
    last_error TEXT
);

CREATE INDEX outbox_waiting ON outbox (due_at, seq) WHERE state = 'waiting';
