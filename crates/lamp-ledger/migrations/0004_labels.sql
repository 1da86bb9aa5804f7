-- Labels. A civil day is kept as the number of days since 1970-01-01.

-- What the prediction log said of the rows that labels are about.
CREATE TABLE logged_answers (
    prediction_id TEXT   NOT NULL PRIMARY KEY,
    service       TEXT   NOT NULL,
    day           BIGINT NOT NULL,
    served_at     BIGINT NOT NULL,
    served_by     TEXT   NOT NULL CHECK (served_by IN ('primary', 'shadow')),
    primary_said  TEXT,
    shadow_said   TEXT
);

CREATE INDEX logged_answers_day ON logged_answers (service, day);

-- One draw a service and day; a day without predictions has one too, of nothing.
CREATE TABLE label_draws (
    service     TEXT   NOT NULL,
    day         BIGINT NOT NULL,
    sampler     TEXT   NOT NULL,
    seed        TEXT   NOT NULL,
    population  BIGINT NOT NULL CHECK (population >= 0),
    wanted      BIGINT NOT NULL CHECK (wanted >= 0),
    drawn       BIGINT NOT NULL CHECK (drawn >= 0 AND drawn <= population),
    is_complete BIGINT NOT NULL CHECK (is_complete IN (0, 1)),
    drawn_by    TEXT   NOT NULL,
    drawn_auth  TEXT   NOT NULL,
    drawn_at    BIGINT NOT NULL,
    PRIMARY KEY (service, day)
);

CREATE TABLE drawn_predictions (
    prediction_id TEXT   NOT NULL PRIMARY KEY REFERENCES logged_answers (prediction_id),
    service       TEXT   NOT NULL,
    day           BIGINT NOT NULL,
    place         BIGINT NOT NULL CHECK (place > 0),
    inclusion     DOUBLE PRECISION NOT NULL CHECK (inclusion > 0 AND inclusion <= 1),
    UNIQUE (service, day, place),
    FOREIGN KEY (service, day) REFERENCES label_draws (service, day)
);

-- Every label that ever was. Of each prediction and basis, the one with the highest seq counts.
CREATE TABLE labels (
    seq           BIGINT NOT NULL PRIMARY KEY,
    prediction_id TEXT   NOT NULL REFERENCES logged_answers (prediction_id),
    service       TEXT   NOT NULL,
    basis         TEXT   NOT NULL CHECK (basis IN ('drawn', 'imported')),
    source        TEXT   NOT NULL CHECK (source IN ('hand', 'import', 'api')),
    value         TEXT   NOT NULL,
    note          TEXT,
    event_at      BIGINT,
    labelled_by   TEXT   NOT NULL,
    labelled_auth TEXT   NOT NULL,
    labelled_at   BIGINT NOT NULL
);

CREATE INDEX labels_prediction ON labels (prediction_id, basis, seq);
CREATE INDEX labels_service ON labels (service, seq);

-- A metric as it was known on a day. Of each key, the row with the highest seq stands.
CREATE TABLE estimates (
    seq         BIGINT NOT NULL PRIMARY KEY,
    service     TEXT   NOT NULL,
    model       TEXT   NOT NULL,
    served_by   TEXT   NOT NULL CHECK (served_by IN ('', 'primary', 'shadow')),
    basis       TEXT   NOT NULL CHECK (basis IN ('drawn', 'imported')),
    look_back   TEXT   NOT NULL,
    metric      TEXT   NOT NULL,
    day         BIGINT NOT NULL,
    label_seq   BIGINT NOT NULL,
    computed_at BIGINT NOT NULL,
    estimate    TEXT   NOT NULL
);

CREATE INDEX estimates_series ON estimates (service, look_back, day, seq);
