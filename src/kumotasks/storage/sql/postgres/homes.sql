-- Statements on nodes, their leases, and the queues they are home of. `clock_timestamp()` judges every lease.

-- name: join_node
INSERT INTO node (id, until)
VALUES ($1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $2::bigint);

-- name: renew_node
UPDATE node SET until = (extract(epoch FROM clock_timestamp()) * 1000000)::bigint + $2::bigint
WHERE id = $1 AND until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

-- name: resign_node
UPDATE node SET resigned = true WHERE id = $1;

-- name: leave_node
DELETE FROM node WHERE id = $1;

-- name: lapsed_nodes
DELETE FROM node WHERE until <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint RETURNING id;

-- name: node_lives
SELECT 1 FROM node WHERE id = $1 AND until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FOR SHARE;

-- name: void_homes_of
UPDATE queue SET home_node = NULL, home_epoch = home_epoch + 1 WHERE home_node = $1;

-- name: void_attempts_of
DELETE FROM open_attempt WHERE node = $1;

-- name: standing
WITH sharing AS (
    SELECT node.id, (SELECT count(*) FROM queue WHERE queue.home_node = node.id) AS queues FROM node
    WHERE node.until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AND NOT node.resigned)
SELECT (SELECT count(*) FROM sharing),
    (SELECT count(*) FROM queue), (SELECT count(*) FROM queue WHERE home_node = $1),
    (SELECT count(*) FROM queue WHERE home_node IS NULL),
    EXISTS (SELECT 1 FROM node WHERE until <= (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)::int,
    (SELECT count(*) FROM sharing AS mine JOIN sharing AS other ON (other.queues, other.id) > (mine.queues, mine.id)
     WHERE mine.id = $1);

-- name: homeless_queues
SELECT number, generation, settings, fresh::int, bucket_rate, bucket_burst, bucket_level, bucket_at,
    (SELECT schedule_time FROM task WHERE task.queue = queue.number AND task.generation = queue.generation
     AND schedule_time > -9223372036854775808 ORDER BY queue, generation, schedule_time LIMIT 1), home_epoch + 1
FROM queue WHERE home_node IS NULL ORDER BY number LIMIT $1 FOR UPDATE OF queue SKIP LOCKED;

-- name: hold_queue_each
UPDATE queue SET home_node = held.node, home_epoch = home_epoch + 1, fresh = false,
    bucket_rate = NULL, bucket_burst = NULL, bucket_level = NULL, bucket_at = NULL
FROM unnest($1::text[], $2::bigint[]) AS held(node, number) WHERE queue.number BETWEEN held.number AND held.number;

-- name: release_queue_each
UPDATE queue SET home_node = NULL, home_epoch = home_epoch + 1,
    bucket_rate = left_.rate, bucket_burst = left_.burst, bucket_level = left_.level, bucket_at = left_.at
FROM unnest($1::float8[], $2::float8[], $3::float8[], $4::bigint[], $5::bigint[], $6::text[])
    AS left_(rate, burst, level, at, number, node)
WHERE queue.number BETWEEN left_.number AND left_.number AND queue.home_node IS NOT DISTINCT FROM left_.node;

-- name: homes_held
-- In an order that only one index has, and of each node only its own rows.
SELECT number FROM queue WHERE home_node BETWEEN $1 AND $1 ORDER BY home_node, number FOR UPDATE;

-- name: hand_over_attempt_each
INSERT INTO open_attempt (queue, attempt, id, serial, node, deadline)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::bigint[])
ON CONFLICT (queue, attempt) DO NOTHING;

-- name: open_attempts
SELECT queue, attempt, id, serial, node, deadline FROM open_attempt
ORDER BY queue, attempt;

-- name: close_attempt
DELETE FROM open_attempt WHERE queue = $1 AND attempt = $2 AND id = $3 AND serial = $4;

-- name: tell
-- Only where somebody else is home of the queue: to each home one text, or one for each of its parts, on a channel that
-- nobody else listens to. What is told alone need not survive: its commit waits for no disk while others wait to tell.
SELECT set_config('synchronous_commit', $7, true), count(pg_notify(told.channel, told.payload)) FROM (
    SELECT $1::text || split_part(home.home_node, '-', 1) AS channel,
        $2::text || string_agg(E'\n' || said.line, '') AS payload
    FROM unnest($3::bigint[], $4::int[], $5::text[]) AS said(number, part, line)
    CROSS JOIN LATERAL (SELECT home_node FROM queue WHERE queue.number = said.number OFFSET 0) AS home
    WHERE home.home_node <> $6 GROUP BY home.home_node, said.part) AS told;

-- name: tell_all
SELECT count(pg_notify($1, said.payload)) FROM unnest($2::text[]) AS said(payload);
