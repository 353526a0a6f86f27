-- Log entries, in a file of their own. A row's number rises in the order of arrival.

CREATE TABLE log (
    number  INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    name    TEXT NOT NULL UNIQUE
);
CREATE INDEX log_by_project ON log (project);

CREATE TABLE entry (
    number    INTEGER PRIMARY KEY,
    log       INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    insert_id TEXT NOT NULL,
    severity  INTEGER NOT NULL,
    content   BLOB NOT NULL
);
CREATE UNIQUE INDEX entry_by_time ON entry (log, timestamp, insert_id);
