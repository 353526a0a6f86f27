-- Queues and who is their home, tasks, names, nodes. Instants in microseconds; text in the order of its code points.
-- Every key of the task path begins with the queue's number.
--
-- A migration is additive: tables, indexes, and columns with a default. A node of the version before works on beside it.

CREATE TABLE queue (
    number       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- never given twice: a queue made again is another one
    project      TEXT COLLATE "C" NOT NULL,
    location     TEXT COLLATE "C" NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    generation   BIGINT NOT NULL, -- rises with every purge; rows of an earlier one are gone for every reader
    settings     BYTEA NOT NULL,
    home_node    TEXT COLLATE "C", -- the node whose lane sends its tasks, while that node's lease lasts
    home_epoch   BIGINT NOT NULL DEFAULT 0, -- rises whenever the home changes
    fresh        BOOLEAN NOT NULL, -- until it has had a home
    bucket_rate  DOUBLE PRECISION, -- the bucket as its last home left it, empty while held and after a crash
    bucket_burst DOUBLE PRECISION,
    bucket_level DOUBLE PRECISION,
    bucket_at    BIGINT,
    UNIQUE (project, location, id)
) WITH (fillfactor = 80);
CREATE INDEX queue_homeless ON queue (number) WHERE home_node IS NULL;
CREATE INDEX queue_of_home ON queue (home_node, number) WHERE home_node IS NOT NULL;
-- A key, so that whoever changes one of these waits for those who hold the row FOR KEY SHARE, and the other way round:
-- a task is added and settled either before a purge or a change of home, or after it.
CREATE UNIQUE INDEX queue_guard ON queue (number, generation, home_epoch);

-- Nodes that live until `until`, by this server's clock. One whose lease has ended is never renewed.
CREATE TABLE node (
    id       TEXT COLLATE "C" PRIMARY KEY,
    until    BIGINT NOT NULL,
    resigned BOOLEAN NOT NULL DEFAULT false -- it is about to stop, and has no share of the queues any more
) WITH (fillfactor = 50);

-- Attempts that were under way when their queue was handed over: they are settled by the node that began them.
CREATE TABLE open_attempt (
    queue    BIGINT NOT NULL,
    attempt  TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL, -- of the task
    serial   BIGINT NOT NULL,
    node     TEXT COLLATE "C" NOT NULL,
    deadline BIGINT NOT NULL,
    PRIMARY KEY (queue, attempt)
);

-- Names of deleted queues that cannot be used again before `until`.
CREATE TABLE retired_queue (
    project  TEXT COLLATE "C" NOT NULL,
    location TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    until    BIGINT NOT NULL,
    PRIMARY KEY (project, location, id)
);
CREATE INDEX retired_queue_until ON retired_queue (until);

CREATE TABLE task (
    queue         BIGINT NOT NULL,
    generation    BIGINT NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    serial        BIGINT NOT NULL,
    schedule_time BIGINT NOT NULL,
    create_time   BIGINT NOT NULL,
    named         SMALLINT NOT NULL,
    definition    BYTEA NOT NULL,
    progress      BYTEA, -- empty before the first attempt has failed
    PRIMARY KEY (queue, generation, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 10000);
ALTER TABLE task ALTER COLUMN definition SET STORAGE EXTERNAL;
-- Both have a condition that every row meets and that only their own statements repeat: a task that is looked up by its
-- key is never sought in these, though on a small table that would seem to cost the same.
CREATE INDEX task_due ON task (queue, generation, schedule_time, id) WHERE schedule_time > -9223372036854775808;
CREATE INDEX task_created ON task (create_time, queue, id) WHERE create_time > -9223372036854775808; -- for retention

-- Names that callers chose: taken while the task lives (`expires` empty), then until `expires`.
CREATE TABLE task_name (
    queue      BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    expires    BIGINT,
    PRIMARY KEY (queue, id)
);
CREATE INDEX task_name_expires ON task_name (expires) WHERE expires IS NOT NULL;

-- Generations whose rows are still to be removed. `names_until` is empty where the whole queue is gone.
CREATE TABLE doomed (
    queue       BIGINT NOT NULL,
    generation  BIGINT NOT NULL,
    names_until BIGINT,
    PRIMARY KEY (queue, generation)
);

-- RunTask calls that their queue's home has not answered yet.
CREATE TABLE run_request (
    queue      BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    serial     BIGINT NOT NULL,
    PRIMARY KEY (queue, generation, id)
);
