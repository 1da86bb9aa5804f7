-- How a partition compares with its history, and what a person said of it.
CREATE TABLE judgements (
    seq           BIGINT NOT NULL PRIMARY KEY,
    dataset       TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    partition_key TEXT   NOT NULL,
    content       TEXT   NOT NULL,
    judged_at     BIGINT NOT NULL,
    judgement     TEXT   NOT NULL,
    incident      TEXT REFERENCES incidents (id),
    FOREIGN KEY (dataset, version) REFERENCES dataset_versions (dataset, version)
);

CREATE INDEX judgements_latest ON judgements (dataset, partition_key, seq);

-- The last decision on a partition counts.
CREATE TABLE judgement_decisions (
    seq           BIGINT NOT NULL PRIMARY KEY,
    dataset       TEXT   NOT NULL,
    partition_key TEXT   NOT NULL,
    decision      TEXT   NOT NULL CHECK (decision IN ('accept', 'reject', 'expected-change')),
    columns       TEXT   NOT NULL,
    incident      TEXT   NOT NULL REFERENCES incidents (id),
    decided_by    TEXT   NOT NULL,
    decided_auth  TEXT   NOT NULL,
    decided_at    BIGINT NOT NULL
);

CREATE INDEX judgement_decisions_latest ON judgement_decisions (dataset, partition_key, seq);
