-- Times are Unix seconds. Codes and ids are ordered byte by byte, as in SQLite.
CREATE TABLE customers (
    code        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    scope       TEXT             NOT NULL,
    created_at  BIGINT           NOT NULL,
    disabled_at BIGINT
);

-- Only the hash of an API Key is kept. The prefix is what a person may use to tell two keys apart;
-- it is not known for a key that was imported by its hash.
CREATE TABLE api_keys (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    customer   TEXT COLLATE "C" NOT NULL REFERENCES customers (code),
    prefix     TEXT,
    hash       TEXT             NOT NULL,
    created_at BIGINT           NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE INDEX api_keys_of_customer ON api_keys (customer);
CREATE INDEX api_keys_by_expiry ON api_keys (expires_at) WHERE revoked_at IS NULL;

-- The last day on which the lookup service was asked for a customer, in days since 1970.
CREATE TABLE lookup_days (
    customer TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES customers (code),
    day      BIGINT           NOT NULL
);

-- "before" and "after" are JSON objects and never hold a key or a hash.
CREATE TABLE audit (
    id       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       BIGINT           NOT NULL,
    actor    TEXT             NOT NULL,
    action   TEXT             NOT NULL,
    customer TEXT COLLATE "C" NOT NULL,
    key_id   TEXT,
    "before" TEXT,
    "after"  TEXT
);

CREATE INDEX audit_of_customer ON audit (customer, id);
