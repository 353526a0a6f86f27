-- Statements on tasks, their names and run requests. One that ends in `_each` takes a column of every row as an array.
--
-- Whoever joins a table writes its key BETWEEN two equal rows, never `=`, here and in the other files. Once a table was
-- vacuumed while it was empty, PostgreSQL takes it for one row until it is vacuumed again, and a join by `=` may then
-- read the whole table for each batch. A comparison of rows can only look the key up. A read may as well go by LATERAL
-- with OFFSET, and a single column by = ANY (ARRAY (SELECT ...)).

-- name: turn
-- The hot path in one statement, which is one transaction: the ends of unnamed tasks, and new unnamed tasks. A row
-- takes effect only while its queue's generation (and epoch, where a result names it) stands. Answers which ends took
-- effect and which tasks were added, empty where all were, the queues whose home is not this node, and the version under
-- which all of it is committed.
WITH held AS (
    SELECT number, generation, home_node FROM queue WHERE number = ANY($15::bigint[]) ORDER BY number FOR KEY SHARE),
ended AS (
    DELETE FROM task USING (
        SELECT gone.* FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[]) WITH ORDINALITY
            AS gone(queue, generation, id, serial, epoch, place)
        JOIN queue ON (queue.number, queue.generation)
            BETWEEN (gone.queue, gone.generation) AND (gone.queue, gone.generation)
            AND queue.home_epoch = coalesce(gone.epoch, queue.home_epoch)
        FOR KEY SHARE OF queue) AS gone
    WHERE (task.queue, task.generation, task.id)
        BETWEEN (gone.queue, gone.generation, gone.id) AND (gone.queue, gone.generation, gone.id)
        AND task.serial = gone.serial
    RETURNING gone.place),
added AS (
    INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
    SELECT coming.* FROM unnest($6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[],
        $12::smallint[], $13::bytea[], $14::bytea[])
        AS coming(queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
    JOIN held ON held.number = coming.queue AND held.generation = coming.generation
    RETURNING queue, id)
SELECT
    (SELECT CASE WHEN count(*) < cardinality($1::bigint[]) THEN coalesce(array_agg(place), '{}') END FROM ended),
    (SELECT CASE WHEN count(*) < cardinality($6::bigint[]) THEN coalesce(array_agg(queue || '/' || id), '{}') END FROM added),
    (SELECT array_agg(number) FROM held WHERE home_node IS DISTINCT FROM $16::text),
    pg_current_xact_id()::text::bigint;

-- name: add_task
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: add_task_each
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[],
    $8::bytea[], $9::bytea[]);

-- name: task_is_there
SELECT 1 FROM task WHERE queue = $1 AND generation = $2 AND id = $3;

-- name: task_by_id
SELECT id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE queue = $1 AND generation = $2 AND id = $3;

-- name: current_task_each
SELECT task.* FROM unnest($1::bigint[], $2::bigint[], $3::text[]) AS wanted(queue, generation, id)
CROSS JOIN LATERAL (
    SELECT 1 FROM queue WHERE queue.number = wanted.queue AND queue.generation = wanted.generation OFFSET 0) AS queue
CROSS JOIN LATERAL (
    SELECT task.queue, task.id, serial, schedule_time, create_time, named, definition, progress FROM task
    WHERE task.queue = wanted.queue AND task.generation = wanted.generation AND task.id = wanted.id OFFSET 0) AS task;

-- name: tasks_by_id
SELECT id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE queue = $1 AND generation = $2 AND id > $3 ORDER BY id LIMIT $4;

-- name: version
SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint;

-- name: tasks_due
SELECT id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE queue = $1 AND generation = $2 AND (schedule_time, id) > ($3, $4) AND schedule_time <= $5
    AND schedule_time > -9223372036854775808
ORDER BY schedule_time, id LIMIT $6;

-- name: first_due
SELECT schedule_time FROM task
WHERE queue = $1 AND generation = $2 AND (schedule_time, id) > ($3, $4) AND schedule_time > -9223372036854775808
ORDER BY schedule_time, id LIMIT 1;

-- name: end_task
DELETE FROM task WHERE queue = $1 AND generation = $2 AND id = $3 AND serial = $4;

-- name: end_task_each
DELETE FROM task USING unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[])
    AS gone(queue, generation, id, serial)
WHERE (task.queue, task.generation, task.id)
    BETWEEN (gone.queue, gone.generation, gone.id) AND (gone.queue, gone.generation, gone.id)
    AND task.serial = gone.serial;

-- name: retry_task
UPDATE task SET progress = $1, schedule_time = $2
WHERE queue = $3 AND generation = $4 AND id = $5 AND serial = $6;

-- name: retry_task_each
UPDATE task SET progress = again.progress, schedule_time = again.schedule_time
FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
    AS again(progress, schedule_time, queue, generation, id, serial)
WHERE (task.queue, task.generation, task.id)
    BETWEEN (again.queue, again.generation, again.id) AND (again.queue, again.generation, again.id)
    AND task.serial = again.serial;

-- name: note_progress
UPDATE task SET progress = $1 WHERE queue = $2 AND generation = $3 AND id = $4 AND serial = $5;

-- name: note_progress_each
UPDATE task SET progress = noted.progress
FROM unnest($1::bytea[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[])
    AS noted(progress, queue, generation, id, serial)
WHERE (task.queue, task.generation, task.id)
    BETWEEN (noted.queue, noted.generation, noted.id) AND (noted.queue, noted.generation, noted.id)
    AND task.serial = noted.serial;

-- name: name_rest
SELECT coalesce(task_name.expires, (
    SELECT names_until FROM doomed
    WHERE doomed.queue = task_name.queue AND doomed.generation = task_name.generation)), task_name.generation
FROM task_name WHERE task_name.queue = $1 AND task_name.id = $2;

-- name: take_new_name_each
INSERT INTO task_name (queue, id, generation) SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])
ON CONFLICT (queue, id) DO NOTHING RETURNING queue, id;

-- name: take_name
INSERT INTO task_name (queue, id, generation) VALUES ($1, $2, $3)
ON CONFLICT (queue, id) DO UPDATE SET generation = excluded.generation, expires = NULL;

-- name: rest_name
UPDATE task_name SET expires = $1 WHERE queue = $2 AND id = $3 AND generation = $4;

-- name: rest_name_each
UPDATE task_name SET expires = resting.expires
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]) AS resting(expires, queue, id, generation)
WHERE (task_name.queue, task_name.id) BETWEEN (resting.queue, resting.id) AND (resting.queue, resting.id)
    AND task_name.generation = resting.generation;

-- name: request_run
INSERT INTO run_request (queue, generation, id, serial) VALUES ($1, $2, $3, $4)
ON CONFLICT (queue, generation, id) DO UPDATE SET serial = excluded.serial;

-- name: answer_run
DELETE FROM run_request WHERE queue = $1 AND generation = $2 AND id = $3;

-- name: answer_run_each
DELETE FROM run_request USING unnest($1::bigint[], $2::bigint[], $3::text[]) AS answered(queue, generation, id)
WHERE (run_request.queue, run_request.generation, run_request.id)
    BETWEEN (answered.queue, answered.generation, answered.id) AND (answered.queue, answered.generation, answered.id);

-- name: open_runs
SELECT queue.number, queue.generation, queue.settings, task.id, task.serial, task.schedule_time, task.create_time,
    task.named, task.definition, task.progress
FROM run_request
JOIN queue ON (queue.number, queue.generation)
    BETWEEN (run_request.queue, run_request.generation) AND (run_request.queue, run_request.generation)
JOIN task ON (task.queue, task.generation, task.id)
    BETWEEN (run_request.queue, run_request.generation, run_request.id)
    AND (run_request.queue, run_request.generation, run_request.id) AND task.serial = run_request.serial
ORDER BY run_request.queue, run_request.generation, run_request.id;

-- name: forget_vain_runs
DELETE FROM run_request WHERE NOT EXISTS (
    SELECT 1 FROM task WHERE task.queue = run_request.queue AND task.generation = run_request.generation
    AND task.id = run_request.id AND task.serial = run_request.serial OFFSET 0);
