-- Statements on tasks, their names and run requests. The bulk forms of adding are `transaction.py`'s.

-- name: add_task
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: add_fresh_task
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition)
VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: task_is_there
SELECT 1 FROM task WHERE queue = ? AND generation = ? AND id = ?;

-- name: current_task
SELECT task.queue, task.id, serial, schedule_time, create_time, named, definition, progress FROM task
JOIN queue ON queue.number = task.queue AND queue.generation = task.generation
WHERE task.queue = ? AND task.generation = ? AND task.id = ?;

-- name: task_by_id
SELECT id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE queue = ? AND generation = ? AND id = ?;

-- name: tasks_by_id
SELECT id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE queue = ? AND generation = ? AND id > ? ORDER BY id LIMIT ?;

-- name: version
-- Nobody else writes here, so nobody has to know.
SELECT 0;

-- name: tasks_due
SELECT id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE queue = ? AND generation = ? AND (schedule_time, id) > (?, ?) AND schedule_time <= ?
ORDER BY schedule_time, id LIMIT ?;

-- name: first_due
SELECT schedule_time FROM task
WHERE queue = ? AND generation = ? AND (schedule_time, id) > (?, ?) ORDER BY schedule_time, id LIMIT 1;

-- name: end_task
DELETE FROM task WHERE queue = ? AND generation = ? AND id = ? AND serial = ?;

-- name: retry_task
UPDATE task SET progress = ?, schedule_time = ? WHERE queue = ? AND generation = ? AND id = ? AND serial = ?;

-- name: note_progress
UPDATE task SET progress = ? WHERE queue = ? AND generation = ? AND id = ? AND serial = ?;

-- name: name_rest
SELECT coalesce(task_name.expires, doomed.names_until), task_name.generation
FROM task_name LEFT JOIN doomed ON doomed.queue = task_name.queue AND doomed.generation = task_name.generation
WHERE task_name.queue = ? AND task_name.id = ?;

-- name: take_new_name
INSERT INTO task_name (queue, id, generation) VALUES (?, ?, ?) ON CONFLICT (queue, id) DO NOTHING;

-- name: take_name
INSERT INTO task_name (queue, id, generation) VALUES (?, ?, ?)
ON CONFLICT (queue, id) DO UPDATE SET generation = excluded.generation, expires = NULL;

-- name: rest_name
UPDATE task_name SET expires = ? WHERE queue = ? AND id = ? AND generation = ?;

-- name: request_run
INSERT INTO run_request (queue, generation, id, serial) VALUES (?, ?, ?, ?)
ON CONFLICT (queue, generation, id) DO UPDATE SET serial = excluded.serial;

-- name: answer_run
DELETE FROM run_request WHERE queue = ? AND generation = ? AND id = ?;

-- name: open_runs
SELECT queue.number, queue.generation, queue.settings, task.id, task.serial, task.schedule_time, task.create_time,
    task.named, task.definition, task.progress
FROM run_request
JOIN queue ON queue.number = run_request.queue AND queue.generation = run_request.generation
JOIN task ON task.queue = run_request.queue AND task.generation = run_request.generation
    AND task.id = run_request.id AND task.serial = run_request.serial
ORDER BY run_request.queue, run_request.generation, run_request.id;

-- name: forget_vain_runs
DELETE FROM run_request WHERE NOT EXISTS (
    SELECT 1 FROM task WHERE task.queue = run_request.queue AND task.generation = run_request.generation
    AND task.id = run_request.id AND task.serial = run_request.serial);
