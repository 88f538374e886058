-- Who did what. Each entry holds the hash of the one before it, so that none can be changed or taken out of the middle
-- unseen; AUTOINCREMENT remembers how many there were, so that none can be taken off the end alone.

CREATE TABLE audit (
    seq      INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,  -- Unix nanoseconds
    who      TEXT    NOT NULL,
    origin   TEXT    NOT NULL,  -- an address, `command`, `signal`, `server`
    what     TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    previous TEXT    NOT NULL,  -- the hash of the entry before; 64 zeros for the first
    hash     TEXT    NOT NULL   -- SHA-256, hex; of what, says crates/catalog/src/audit.rs
) STRICT;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN
    SELECT raise(ABORT, 'entries of the audit log are not changed');
END;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN
    SELECT raise(ABORT, 'entries of the audit log are not deleted');
END;
