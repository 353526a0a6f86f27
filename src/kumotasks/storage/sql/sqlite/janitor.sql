-- Statements that remove what is gone already for every reader, or past its time.

-- name: doomed_generation
SELECT queue, generation, names_until FROM doomed ORDER BY queue, generation LIMIT 1;

-- name: doomed_tasks
-- By id, which is nearly the order of creation: neighbours in the table.
SELECT id, named, length(definition) FROM task WHERE queue = ? AND generation = ? ORDER BY id LIMIT ?;

-- name: remove_doomed_task
DELETE FROM task WHERE queue = ? AND generation = ? AND id = ?;

-- name: remove_doomed_names
DELETE FROM task_name WHERE queue = ? AND id IN (SELECT id FROM task_name WHERE queue = ? LIMIT ?);

-- name: remove_doomed_runs
DELETE FROM run_request WHERE queue = ? AND generation = ?;

-- name: remove_doomed
DELETE FROM doomed WHERE queue = ? AND generation = ?;

-- name: rested_names
SELECT queue, id FROM task_name WHERE expires <= ? ORDER BY expires LIMIT ?;

-- name: remove_name
DELETE FROM task_name WHERE queue = ? AND id = ?;

-- name: remove_rested_queue_names
DELETE FROM retired_queue
WHERE (project, location, id) IN (SELECT project, location, id FROM retired_queue WHERE until <= ? ORDER BY until LIMIT ?);

-- name: next_expiries
SELECT (SELECT create_time FROM task ORDER BY rowid LIMIT 1),
    (SELECT min(expires) FROM task_name WHERE expires IS NOT NULL),
    (SELECT min(until) FROM retired_queue);

-- name: oldest_tasks
SELECT queue.number, queue.generation, queue.settings, task.id, task.serial, task.schedule_time, task.create_time,
    task.named, task.definition, task.progress
FROM task CROSS JOIN queue ON queue.number = task.queue ORDER BY task.rowid LIMIT ?;

-- name: forget_doomed_attempts
DELETE FROM attempt WHERE rowid IN (SELECT rowid FROM attempt WHERE queue = ? LIMIT ?);

-- name: forget_doomed_letters
DELETE FROM dead_letter WHERE rowid IN (SELECT rowid FROM dead_letter WHERE queue = ? LIMIT ?);

-- name: forget_old_attempts
DELETE FROM attempt WHERE ended <= ? AND rowid IN (SELECT rowid FROM attempt ORDER BY rowid LIMIT ?);

-- name: forget_old_letters
DELETE FROM dead_letter WHERE died <= ? AND rowid IN (SELECT rowid FROM dead_letter ORDER BY rowid LIMIT ?);

-- name: oldest_attempt
SELECT ended FROM attempt ORDER BY rowid LIMIT 1;

-- name: oldest_letter
SELECT died FROM dead_letter ORDER BY rowid LIMIT 1;
