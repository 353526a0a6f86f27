-- Queues, tasks, names. Instants in microseconds. Every key of the task path begins with the queue's number.

CREATE TABLE queue (
    number       INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: a queue made again is another one
    project      TEXT NOT NULL,
    location     TEXT NOT NULL,
    id           TEXT NOT NULL,
    generation   INTEGER NOT NULL, -- rises with every purge; rows of an earlier one are gone for every reader
    settings     BLOB NOT NULL,
    held         INTEGER NOT NULL, -- 1 while a running server is its home
    fresh        INTEGER NOT NULL, -- 1 until it has had a home
    bucket_rate  REAL,             -- the bucket as its last home left it, empty while held and after a crash
    bucket_burst REAL,
    bucket_level REAL,
    bucket_at    INTEGER,
    UNIQUE (project, location, id)
);
CREATE INDEX queue_homeless ON queue (number) WHERE held = 0;

-- Names of deleted queues that cannot be used again before `until`.
CREATE TABLE retired_queue (
    project  TEXT NOT NULL,
    location TEXT NOT NULL,
    id       TEXT NOT NULL,
    until    INTEGER NOT NULL,
    PRIMARY KEY (project, location, id)
) WITHOUT ROWID;
CREATE INDEX retired_queue_until ON retired_queue (until);

-- In order of creation by rowid: retention is swept from the lowest, without an index on create_time.
CREATE TABLE task (
    queue         INTEGER NOT NULL,
    generation    INTEGER NOT NULL,
    id            TEXT NOT NULL,
    serial        INTEGER NOT NULL,
    schedule_time INTEGER NOT NULL,
    create_time   INTEGER NOT NULL,
    named         INTEGER NOT NULL,
    definition    BLOB NOT NULL,
    progress      BLOB, -- empty before the first attempt has failed
    PRIMARY KEY (queue, generation, id)
);
CREATE INDEX task_due ON task (queue, generation, schedule_time, id);

-- Names that callers chose: taken while the task lives (`expires` empty), then until `expires`.
CREATE TABLE task_name (
    queue      INTEGER NOT NULL,
    id         TEXT NOT NULL,
    generation INTEGER NOT NULL,
    expires    INTEGER,
    PRIMARY KEY (queue, id)
) WITHOUT ROWID;
CREATE INDEX task_name_expires ON task_name (expires) WHERE expires IS NOT NULL;

-- Generations whose rows are still to be removed. `names_until` is empty where the whole queue is gone.
CREATE TABLE doomed (
    queue       INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    names_until INTEGER,
    PRIMARY KEY (queue, generation)
) WITHOUT ROWID;

-- RunTask calls that their queue's home has not answered yet.
CREATE TABLE run_request (
    queue      INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    id         TEXT NOT NULL,
    serial     INTEGER NOT NULL,
    PRIMARY KEY (queue, generation, id)
) WITHOUT ROWID;
