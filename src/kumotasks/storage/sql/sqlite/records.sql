-- Statements on records.

-- name: record
SELECT key, value, etag, updated FROM record WHERE kind = ? AND key = ?;

-- name: records
SELECT key, value, etag, updated FROM record
WHERE kind = ? AND key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?;

-- name: put_record
INSERT INTO record (kind, key, value, etag, updated) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value, etag = excluded.etag, updated = excluded.updated;

-- name: remove_record
DELETE FROM record WHERE kind = ? AND key = ?;

-- name: forget_records
DELETE FROM record WHERE rowid IN (SELECT rowid FROM record WHERE kind = ? AND updated < ? ORDER BY updated LIMIT ?);
