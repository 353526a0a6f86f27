-- Statements on records.

-- name: record
SELECT key, value, etag, updated FROM record WHERE kind = $1 AND key = $2;

-- name: records
SELECT key, value, etag, updated FROM record
WHERE kind = $1 AND key > $2 AND key >= $3 AND key < $4 ORDER BY key LIMIT $5;

-- name: put_record
INSERT INTO record (kind, key, value, etag, updated) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, etag = excluded.etag, updated = excluded.updated;

-- name: remove_record
DELETE FROM record WHERE kind = $1 AND key = $2;

-- name: forget_records
DELETE FROM record WHERE kind = $1 AND key IN
    (SELECT key FROM record WHERE kind = $1 AND updated < $2 ORDER BY updated LIMIT $3);
