-- Statements on queues and on who is their home.

-- name: queue_by_name
SELECT number, generation, settings FROM queue WHERE project = ? AND location = ? AND id = ?;

-- name: queues_of_location
SELECT number, generation, settings FROM queue
WHERE project = ? AND location = ? AND id > ? ORDER BY id LIMIT ?;

-- name: every_queue
SELECT number, generation, settings FROM queue;

-- name: current_generation
SELECT generation FROM queue WHERE number = ?;

-- name: add_queue
INSERT INTO queue (project, location, id, generation, settings, held, fresh) VALUES (?, ?, ?, 0, ?, 0, 1);

-- name: replace_queue
UPDATE queue SET settings = ?, generation = ? WHERE number = ?;

-- name: remove_queue
DELETE FROM queue WHERE number = ?;

-- name: retired_until
SELECT until FROM retired_queue WHERE project = ? AND location = ? AND id = ?;

-- name: retire_queue
INSERT INTO retired_queue (project, location, id, until) VALUES (?, ?, ?, ?)
ON CONFLICT (project, location, id) DO UPDATE SET until = excluded.until;

-- name: doom
INSERT INTO doomed (queue, generation, names_until) VALUES (?, ?, ?);

-- name: homeless_queues
SELECT number, generation, settings, fresh, bucket_rate, bucket_burst, bucket_level, bucket_at,
    (SELECT schedule_time FROM task WHERE task.queue = queue.number AND task.generation = queue.generation
     ORDER BY schedule_time LIMIT 1)
FROM queue WHERE held = 0;

-- name: hold_queues
UPDATE queue SET held = 1, fresh = 0, bucket_rate = NULL, bucket_burst = NULL, bucket_level = NULL, bucket_at = NULL
WHERE held = 0;

-- name: release_queue
UPDATE queue SET held = 0, bucket_rate = ?, bucket_burst = ?, bucket_level = ?, bucket_at = ?
WHERE number = ? AND held = 1;

-- name: void_homes
UPDATE queue SET held = 0 WHERE held = 1;
