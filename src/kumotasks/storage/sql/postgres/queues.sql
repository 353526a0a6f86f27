-- Statements on queues.

-- name: queue_by_name
SELECT number, generation, settings FROM queue WHERE project = $1 AND location = $2 AND id = $3;

-- name: queue_by_number
SELECT number, generation, settings FROM queue WHERE number = $1;

-- name: queues_of_location
SELECT number, generation, settings FROM queue
WHERE project = $1 AND location = $2 AND id > $3 ORDER BY id LIMIT $4;

-- name: every_queue
SELECT number, generation, settings FROM queue;

-- name: current_generation
SELECT generation FROM queue WHERE number = $1;

-- name: guard_queue
SELECT generation, home_epoch FROM queue WHERE number = $1 FOR KEY SHARE;

-- name: guard_queues
SELECT number, generation, home_epoch, (home_node IS NOT DISTINCT FROM $2::text)::int FROM queue
WHERE number = ANY($1::bigint[]) ORDER BY number FOR KEY SHARE;

-- name: add_queue
INSERT INTO queue (project, location, id, generation, settings, fresh) VALUES ($1, $2, $3, 0, $4, true);

-- name: replace_queue
UPDATE queue SET settings = $1, generation = $2 WHERE number = $3;

-- name: remove_queue
DELETE FROM queue WHERE number = $1;

-- name: retired_until
SELECT until FROM retired_queue WHERE project = $1 AND location = $2 AND id = $3;

-- name: retire_queue
INSERT INTO retired_queue (project, location, id, until) VALUES ($1, $2, $3, $4)
ON CONFLICT (project, location, id) DO UPDATE SET until = excluded.until;

-- name: doom
INSERT INTO doomed (queue, generation, names_until) VALUES ($1, $2, $3);
