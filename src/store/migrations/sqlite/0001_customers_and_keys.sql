-- Times are Unix seconds. STRICT, so that a column holds what it says.
CREATE TABLE customers (
    code        TEXT    NOT NULL PRIMARY KEY,
    scope       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER
) STRICT, WITHOUT ROWID;

-- Only the hash of an API Key is kept. The prefix is what a person may use to tell two keys apart;
-- it is not known for a key that was imported by its hash.
CREATE TABLE api_keys (
    id         TEXT    NOT NULL PRIMARY KEY,
    customer   TEXT    NOT NULL REFERENCES customers (code),
    prefix     TEXT,
    hash       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE INDEX api_keys_of_customer ON api_keys (customer);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE revoked_at IS NULL;

-- The last day on which the lookup service was asked for a customer, in days since 1970.
CREATE TABLE lookup_days (
    customer TEXT    NOT NULL PRIMARY KEY REFERENCES customers (code),
    day      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- "before" and "after" are JSON objects and never hold a key or a hash.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    customer TEXT    NOT NULL,
    key_id   TEXT,
    "before" TEXT,
    "after"  TEXT
) STRICT;

CREATE INDEX audit_of_customer ON audit (customer, id);
