-- People who may sign in, and what lets them in: a password (its argon2id hash), personal tokens and
-- sessions (the digests of their secrets).

CREATE TABLE users (
    email        TEXT   NOT NULL PRIMARY KEY,
    seq          BIGINT NOT NULL UNIQUE,
    role         TEXT   NOT NULL CHECK (role IN ('viewer', 'labeller', 'approver', 'admin')),
    password     TEXT,
    disabled     BIGINT NOT NULL CHECK (disabled IN (0, 1)),
    created_by   TEXT   NOT NULL,
    created_auth TEXT   NOT NULL,
    created_at   BIGINT NOT NULL
);

CREATE TABLE tokens (
    id           TEXT   NOT NULL PRIMARY KEY,
    seq          BIGINT NOT NULL UNIQUE,
    email        TEXT   NOT NULL REFERENCES users (email),
    name         TEXT   NOT NULL,
    secret       TEXT   NOT NULL UNIQUE,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    last_used_on TEXT,
    revoked_at   BIGINT
);

CREATE INDEX tokens_email ON tokens (email);

CREATE TABLE sessions (
    secret     TEXT   NOT NULL PRIMARY KEY,
    email      TEXT   NOT NULL REFERENCES users (email),
    created_at BIGINT NOT NULL,
    seen_at    BIGINT NOT NULL
);

CREATE INDEX sessions_email ON sessions (email);
