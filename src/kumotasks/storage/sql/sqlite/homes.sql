-- Statements on who is home of a queue. One server has the file: it is the only node, and its lease never ends.

-- name: join_node
SELECT 1 WHERE ? IS NOT NULL AND ? IS NOT NULL;

-- name: renew_node
SELECT 1 WHERE ? IS NOT NULL AND ? IS NOT NULL;

-- name: resign_node
SELECT 1 WHERE ? IS NOT NULL;

-- name: leave_node
SELECT 1 WHERE ? IS NOT NULL;

-- name: lapsed_nodes
SELECT NULL WHERE 0;

-- name: node_lives
SELECT 1 WHERE ? IS NOT NULL;

-- name: void_homes_of
UPDATE queue SET held = 0 WHERE held = 1 AND ? IS NOT NULL;

-- name: void_attempts_of
DELETE FROM open_attempt WHERE node = ?;

-- name: void_homes
UPDATE queue SET held = 0 WHERE held = 1;

-- name: void_attempts
DELETE FROM open_attempt;

-- name: standing
SELECT 1, count(*), coalesce(sum(held), 0), coalesce(sum(1 - held), 0), 0, 0 FROM queue WHERE ? IS NOT NULL;

-- name: homeless_queues
SELECT number, generation, settings, fresh, bucket_rate, bucket_burst, bucket_level, bucket_at,
    (SELECT schedule_time FROM task WHERE task.queue = queue.number AND task.generation = queue.generation
     ORDER BY schedule_time LIMIT 1), 0
FROM queue WHERE held = 0 LIMIT ?;

-- name: hold_queue
UPDATE queue SET held = 1, fresh = 0, bucket_rate = NULL, bucket_burst = NULL, bucket_level = NULL, bucket_at = NULL
WHERE ? IS NOT NULL AND number = ?;

-- name: homes_held
SELECT number FROM queue WHERE held = 1 AND ? IS NOT NULL;

-- name: release_queue
UPDATE queue SET held = 0, bucket_rate = ?, bucket_burst = ?, bucket_level = ?, bucket_at = ?
WHERE number = ? AND held = 1 AND ? IS NOT NULL;

-- name: hand_over_attempt
INSERT INTO open_attempt (queue, attempt, id, serial, node, deadline) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (queue, attempt) DO NOTHING;

-- name: open_attempts
SELECT queue, attempt, id, serial, node, deadline FROM open_attempt ORDER BY queue, attempt;

-- name: close_attempt
DELETE FROM open_attempt WHERE queue = ? AND attempt = ? AND id = ? AND serial = ?;
