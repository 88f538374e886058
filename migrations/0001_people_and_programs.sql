-- Who may use the server, beside those whom the configuration names. Times are Unix nanoseconds, scopes the words
-- `ingest`, `read`, `admin` with spaces between them, digests 64 hex digits after `sha256:`.

CREATE TABLE users (
    name          TEXT    NOT NULL PRIMARY KEY,
    password_hash TEXT    NOT NULL,  -- argon2id, PHC form
    scopes        TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL
) STRICT;

CREATE TABLE tokens (
    name       TEXT    NOT NULL PRIMARY KEY,
    digest     TEXT    NOT NULL UNIQUE,
    scopes     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL
) STRICT;

CREATE TABLE sessions (
    digest    TEXT    NOT NULL PRIMARY KEY,  -- of the secret in the cookie
    holder    TEXT    NOT NULL,              -- `user` or `token`
    name      TEXT    NOT NULL,              -- a user's name; a token's digest
    stamp     TEXT    NOT NULL,              -- a user's password_hash when the session was opened; empty for tokens
    opened_at INTEGER NOT NULL,
    used_at   INTEGER NOT NULL
) STRICT;
