-- Statements that remove what is gone already for every reader, or past its time.

-- name: doomed_generation
SELECT queue, generation, names_until FROM doomed ORDER BY queue, generation LIMIT 1;

-- name: doomed_tasks
SELECT id, named, length(definition) FROM task WHERE queue = $1 AND generation = $2 ORDER BY id LIMIT $3;

-- name: remove_doomed_task_each
DELETE FROM task USING unnest($1::bigint[], $2::bigint[], $3::text[]) AS gone(queue, generation, id)
WHERE (task.queue, task.generation, task.id)
    BETWEEN (gone.queue, gone.generation, gone.id) AND (gone.queue, gone.generation, gone.id);

-- name: remove_doomed_names
DELETE FROM task_name
WHERE queue = $1 AND id = ANY (ARRAY (SELECT id FROM task_name WHERE queue = $2 ORDER BY id LIMIT $3));

-- name: remove_doomed_runs
DELETE FROM run_request WHERE queue = $1 AND generation = $2;

-- name: remove_doomed
DELETE FROM doomed WHERE queue = $1 AND generation = $2;

-- name: rested_names
SELECT queue, id FROM task_name WHERE expires <= $1 ORDER BY expires LIMIT $2;

-- name: remove_name_each
DELETE FROM task_name USING unnest($1::bigint[], $2::text[]) AS gone(queue, id)
WHERE (task_name.queue, task_name.id) BETWEEN (gone.queue, gone.id) AND (gone.queue, gone.id);

-- name: remove_rested_queue_names
DELETE FROM retired_queue USING (
    SELECT project, location, id FROM retired_queue WHERE until <= $1 ORDER BY until LIMIT $2) AS gone
WHERE (retired_queue.project, retired_queue.location, retired_queue.id)
    BETWEEN (gone.project, gone.location, gone.id) AND (gone.project, gone.location, gone.id);

-- name: next_expiries
SELECT (SELECT create_time FROM task WHERE create_time > -9223372036854775808 ORDER BY create_time LIMIT 1),
    (SELECT min(expires) FROM task_name WHERE expires IS NOT NULL),
    (SELECT min(until) FROM retired_queue);

-- name: oldest_tasks
SELECT queue.number, queue.generation, queue.settings, task.id, task.serial, task.schedule_time, task.create_time,
    task.named, task.definition, task.progress
FROM task JOIN queue ON queue.number BETWEEN task.queue AND task.queue WHERE task.create_time > -9223372036854775808
ORDER BY task.create_time, task.queue, task.id LIMIT $1;

-- name: forget_doomed_attempts
DELETE FROM attempt USING (SELECT queue, id, serial, number FROM attempt WHERE queue = $1 LIMIT $2) AS gone
WHERE (attempt.queue, attempt.id, attempt.serial, attempt.number)
    BETWEEN (gone.queue, gone.id, gone.serial, gone.number) AND (gone.queue, gone.id, gone.serial, gone.number);

-- name: forget_doomed_letters
DELETE FROM dead_letter USING (SELECT queue, id, serial FROM dead_letter WHERE queue = $1 LIMIT $2) AS gone
WHERE (dead_letter.queue, dead_letter.id, dead_letter.serial)
    BETWEEN (gone.queue, gone.id, gone.serial) AND (gone.queue, gone.id, gone.serial);

-- name: forget_old_attempts
DELETE FROM attempt WHERE ended <= $1 AND place = ANY (ARRAY (SELECT place FROM attempt ORDER BY place LIMIT $2));

-- name: forget_old_letters
DELETE FROM dead_letter USING (
    SELECT queue, id, serial FROM dead_letter WHERE died <= $1 ORDER BY died LIMIT $2) AS gone
WHERE (dead_letter.queue, dead_letter.id, dead_letter.serial)
    BETWEEN (gone.queue, gone.id, gone.serial) AND (gone.queue, gone.id, gone.serial);

-- name: oldest_attempt
SELECT ended FROM attempt ORDER BY place LIMIT 1;

-- name: oldest_letter
SELECT died FROM dead_letter ORDER BY died LIMIT 1;
