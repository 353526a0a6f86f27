-- Statements on records.

-- name: record
-- In the order of its keys, of which there is one: what goes by age would read all of a kind.
SELECT key, value, etag, updated FROM record WHERE kind = $1 AND key BETWEEN $2 AND $2 ORDER BY key;

-- name: records
SELECT key, value, etag, updated FROM record
WHERE kind = $1 AND key > $2 AND key >= $3 AND key < $4 ORDER BY key LIMIT $5;

-- name: put_record
WITH noted AS (INSERT INTO record_change (kind, key) VALUES ($1, $2))
INSERT INTO record (kind, key, value, etag, updated) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, etag = excluded.etag, updated = excluded.updated;

-- name: remove_record
WITH removed AS (DELETE FROM record WHERE kind = $1 AND key = $2 RETURNING kind, key)
INSERT INTO record_change (kind, key) SELECT kind, key FROM removed;

-- name: forget_records
DELETE FROM record WHERE kind = $1 AND key = ANY (ARRAY (
    SELECT key FROM record WHERE kind = $1 AND updated < $2 ORDER BY updated LIMIT $3));

-- name: record_horizon
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- name: record_changes
SELECT place, kind, key FROM record_change WHERE writer >= $1;

-- name: forget_record_changes
DELETE FROM record_change WHERE place = ANY (ARRAY (
    SELECT place FROM record_change
    WHERE at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - $1
    ORDER BY place LIMIT $2 FOR UPDATE SKIP LOCKED));
