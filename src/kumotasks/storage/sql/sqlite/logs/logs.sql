-- Statements on log entries.

-- name: every_log
SELECT number, project, name FROM log;

-- name: add_log
INSERT INTO log (project, name) VALUES (?, ?);

-- name: add_entry
INSERT INTO entry (log, timestamp, insert_id, severity, content) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (log, timestamp, insert_id) DO NOTHING;

-- name: logs_of_project
SELECT name FROM log WHERE project = ? AND EXISTS (SELECT 1 FROM entry WHERE entry.log = log.number) ORDER BY name;

-- name: log_by_name
SELECT number, project FROM log WHERE name = ?;

-- name: entries_onward
SELECT timestamp, insert_id, severity, content FROM entry
WHERE log = ? AND (timestamp, insert_id) >= (?, ?) AND timestamp <= ? AND severity >= ?
ORDER BY timestamp, insert_id;

-- name: entries_backward
SELECT timestamp, insert_id, severity, content FROM entry
WHERE log = ? AND timestamp >= ? AND (timestamp, insert_id) <= (?, ?) AND severity >= ?
ORDER BY timestamp DESC, insert_id DESC;

-- name: delete_of_log
DELETE FROM entry WHERE number IN (SELECT number FROM entry WHERE log = ? LIMIT ?);

-- name: delete_older
DELETE FROM entry WHERE number IN (SELECT number FROM entry WHERE log = ? AND timestamp < ? LIMIT ?);

-- name: delete_first
DELETE FROM entry WHERE number IN (SELECT number FROM entry ORDER BY number LIMIT ?);
