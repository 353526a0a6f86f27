-- Log entries. An insert id may hold a zero byte, which text cannot. A row's number rises in the order of arrival.

CREATE TABLE log (
    number  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project TEXT COLLATE "C" NOT NULL,
    name    TEXT COLLATE "C" NOT NULL UNIQUE,
    bytes   BIGINT NOT NULL DEFAULT 0 -- that its entries take up, nearly
);
CREATE INDEX log_by_project ON log (project, name);

CREATE TABLE log_entry (
    number      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    log         BIGINT NOT NULL,
    "timestamp" BIGINT NOT NULL,
    insert_id   BYTEA NOT NULL,
    severity    BIGINT NOT NULL,
    content     BYTEA NOT NULL
);
CREATE UNIQUE INDEX log_entry_by_time ON log_entry (log, "timestamp", insert_id);
