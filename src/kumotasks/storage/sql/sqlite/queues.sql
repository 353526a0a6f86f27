-- Statements on queues.

-- name: queue_by_name
SELECT number, generation, settings FROM queue WHERE project = ? AND location = ? AND id = ?;

-- name: queue_by_number
SELECT number, generation, settings FROM queue WHERE number = ?;

-- name: guard_queue
SELECT generation, 0 FROM queue WHERE number = ?;

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
