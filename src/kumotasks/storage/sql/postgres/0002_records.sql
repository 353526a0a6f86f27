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

-- What was put or deleted lately, for the other nodes. `writer` is the transaction: whoever reads what has a writer that
-- was not finished at his last look misses nothing, though transactions do not commit in their order.
CREATE TABLE record_change (
    place  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind   TEXT COLLATE "C" NOT NULL,
    key    TEXT COLLATE "C" NOT NULL,
    writer BIGINT NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    at     BIGINT NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint -- by this server's clock
);
CREATE INDEX record_change_writer ON record_change (writer);
