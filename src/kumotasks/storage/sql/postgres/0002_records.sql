-- Everything cold: a kind, a key, bytes. The etag changes with every put.

CREATE TABLE record (
    kind    TEXT COLLATE "C" NOT NULL,
    key     TEXT COLLATE "C" NOT NULL,
    value   BYTEA NOT NULL,
    etag    TEXT COLLATE "C" NOT NULL,
    updated BIGINT NOT NULL,
    PRIMARY KEY (kind, key)
);

CREATE INDEX record_age ON record (kind, updated);
