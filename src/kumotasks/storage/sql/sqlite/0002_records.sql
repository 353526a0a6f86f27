-- Everything cold: a kind, a key, bytes. The etag changes with every put.

CREATE TABLE record (
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   BLOB NOT NULL,
    etag    TEXT NOT NULL,
    updated INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
);
