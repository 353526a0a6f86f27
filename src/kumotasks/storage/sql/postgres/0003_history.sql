-- What is left of attempts and of tasks that were given up. Both outlive the task and a purge, but not the queue.

CREATE TABLE attempt (
    queue  BIGINT NOT NULL,
    id     TEXT COLLATE "C" NOT NULL, -- of the task
    serial BIGINT NOT NULL,           -- tells apart tasks that bore the name one after the other
    number BIGINT NOT NULL,
    ended  BIGINT NOT NULL,
    record BYTEA NOT NULL,
    place  BIGINT GENERATED ALWAYS AS IDENTITY, -- nearly in order of their ends: the oldest go by it
    PRIMARY KEY (queue, id, serial, number)
);
CREATE INDEX attempt_place ON attempt (place);

-- Tasks that ran out of attempts, as their last attempt left them.
CREATE TABLE dead_letter (
    queue         BIGINT NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    serial        BIGINT NOT NULL,
    schedule_time BIGINT NOT NULL,
    create_time   BIGINT NOT NULL,
    named         SMALLINT NOT NULL,
    definition    BYTEA NOT NULL,
    progress      BYTEA,
    died          BIGINT NOT NULL,
    record        BYTEA NOT NULL, -- of the last attempt
    PRIMARY KEY (queue, id, serial)
);
ALTER TABLE dead_letter ALTER COLUMN definition SET STORAGE EXTERNAL;
CREATE INDEX dead_letter_died ON dead_letter (died);
