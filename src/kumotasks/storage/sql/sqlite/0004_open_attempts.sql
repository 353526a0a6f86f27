-- Attempts that were under way when their queue was handed back: they are settled by the node that began them.

CREATE TABLE open_attempt (
    queue    INTEGER NOT NULL,
    attempt  TEXT NOT NULL,
    id       TEXT NOT NULL, -- of the task
    serial   INTEGER NOT NULL,
    node     TEXT NOT NULL,
    deadline INTEGER NOT NULL,
    PRIMARY KEY (queue, attempt)
) WITHOUT ROWID;
