-- What is left of attempts and of tasks that were given up. Both outlive the task and a purge, but not the queue.

-- In order of their ends by rowid: the janitor sweeps from the lowest, without an index on `ended`.
CREATE TABLE attempt (
    queue  INTEGER NOT NULL,
    id     TEXT NOT NULL,    -- of the task
    serial INTEGER NOT NULL, -- tells apart tasks that bore the name one after the other
    number INTEGER NOT NULL,
    ended  INTEGER NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (queue, id, serial, number)
);

-- Tasks that ran out of attempts, as their last attempt left them; by rowid in order of their deaths.
CREATE TABLE dead_letter (
    queue         INTEGER NOT NULL,
    id            TEXT NOT NULL,
    serial        INTEGER NOT NULL,
    schedule_time INTEGER NOT NULL,
    create_time   INTEGER NOT NULL,
    named         INTEGER NOT NULL,
    definition    BLOB NOT NULL,
    progress      BLOB,
    died          INTEGER NOT NULL,
    record        BLOB NOT NULL, -- of the last attempt
    PRIMARY KEY (queue, id, serial)
);
