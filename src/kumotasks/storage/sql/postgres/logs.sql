-- Statements on log entries. An entry counts for its content and 100 bytes.

-- name: commit_soon
SELECT set_config('synchronous_commit', 'off', true);

-- name: add_logs
INSERT INTO log (project, name) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT (name) DO NOTHING;

-- name: add_entries
WITH added AS (
    INSERT INTO log_entry (log, "timestamp", insert_id, severity, content)
    SELECT log.number, row_."timestamp", row_.insert_id, row_.severity, row_.content
    FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bigint[], $5::bytea[]) WITH ORDINALITY
        AS row_(name, "timestamp", insert_id, severity, content, place)
    CROSS JOIN LATERAL (
        SELECT number FROM log WHERE log.name BETWEEN row_.name AND row_.name ORDER BY log.name LIMIT 1) AS log
    ORDER BY row_.place
    ON CONFLICT (log, "timestamp", insert_id) DO NOTHING
    RETURNING log, length(content) + 100 AS size)
UPDATE log SET bytes = bytes + added.size
FROM (SELECT log, sum(size)::bigint AS size FROM added GROUP BY log) AS added
WHERE log.number BETWEEN added.log AND added.log;

-- name: logs_of_project
SELECT name FROM log WHERE project = $1 AND EXISTS (SELECT 1 FROM log_entry WHERE log_entry.log = log.number OFFSET 0)
ORDER BY name;

-- name: entries_onward
SELECT found."timestamp", log.project, log.name, found.severity, found.insert_id, found.content
FROM log CROSS JOIN LATERAL (
    SELECT "timestamp", severity, insert_id, content FROM log_entry
    WHERE log_entry.log = log.number AND severity >= $2 AND "timestamp" >= $3 AND "timestamp" <= $4
        AND ($5::bigint IS NULL OR ("timestamp" >= $5 AND ("timestamp", insert_id, log.name) > ($5, $6::bytea, $7)))
    ORDER BY log, "timestamp", insert_id LIMIT $8) AS found
WHERE log.name = ANY($1::text[])
ORDER BY found."timestamp", found.insert_id, log.name LIMIT $8;

-- name: entries_backward
SELECT found."timestamp", log.project, log.name, found.severity, found.insert_id, found.content
FROM log CROSS JOIN LATERAL (
    SELECT "timestamp", severity, insert_id, content FROM log_entry
    WHERE log_entry.log = log.number AND severity >= $2 AND "timestamp" >= $3 AND "timestamp" <= $4
        AND ($5::bigint IS NULL OR ("timestamp" <= $5 AND ("timestamp", insert_id, log.name) < ($5, $6::bytea, $7)))
    ORDER BY log DESC, "timestamp" DESC, insert_id DESC LIMIT $8) AS found
WHERE log.name = ANY($1::text[])
ORDER BY found."timestamp" DESC, found.insert_id DESC, log.name DESC LIMIT $8;

-- name: delete_of_log
WITH gone AS (
    DELETE FROM log_entry WHERE number = ANY (ARRAY (
        SELECT number FROM log_entry WHERE log = (SELECT log.number FROM log WHERE log.name = $1) LIMIT $2))
    RETURNING log, length(content) + 100 AS size),
counted AS (
    UPDATE log SET bytes = bytes - gone.size
    FROM (SELECT log, sum(size)::bigint AS size FROM gone GROUP BY log) AS gone
    WHERE log.number BETWEEN gone.log AND gone.log)
SELECT count(*) FROM gone;

-- name: delete_older
WITH gone AS (
    DELETE FROM log_entry WHERE number = ANY (ARRAY (
        SELECT old.number FROM log CROSS JOIN LATERAL (
            SELECT number FROM log_entry WHERE log_entry.log = log.number AND "timestamp" < $1
            ORDER BY "timestamp" LIMIT $2) AS old LIMIT $2))
    RETURNING log, length(content) + 100 AS size),
counted AS (
    UPDATE log SET bytes = bytes - gone.size
    FROM (SELECT log, sum(size)::bigint AS size FROM gone GROUP BY log) AS gone
    WHERE log.number BETWEEN gone.log AND gone.log)
SELECT count(*) FROM gone;

-- name: delete_first
WITH gone AS (
    DELETE FROM log_entry WHERE number = ANY (ARRAY (SELECT number FROM log_entry ORDER BY number LIMIT $1))
    RETURNING log, length(content) + 100 AS size),
counted AS (
    UPDATE log SET bytes = bytes - gone.size
    FROM (SELECT log, sum(size)::bigint AS size FROM gone GROUP BY log) AS gone
    WHERE log.number BETWEEN gone.log AND gone.log)
SELECT count(*) FROM gone;

-- name: bytes_of_logs
SELECT coalesce(sum(bytes), 0)::bigint FROM log;
