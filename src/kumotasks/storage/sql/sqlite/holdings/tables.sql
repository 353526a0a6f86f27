-- Every row of a store that no server uses, to be read whole and written whole. What a running node alone knows (who is
-- home, attempts under way) is left out: it is void once nobody runs. `logs` is the file of log entries, attached.

-- name: read_numbering
SELECT seq FROM sqlite_sequence WHERE name = 'queue' AND seq > 0;

-- name: clear_numbering
DELETE FROM sqlite_sequence WHERE name = 'queue';

-- name: write_numbering
INSERT INTO sqlite_sequence (name, seq) VALUES ('queue', ?);

-- name: read_queue
SELECT number, project, location, id, generation, settings, fresh, bucket_rate, bucket_burst, bucket_level, bucket_at
FROM queue ORDER BY number;

-- name: write_queue
INSERT INTO queue (number, project, location, id, generation, settings, fresh, bucket_rate, bucket_burst, bucket_level,
    bucket_at, held)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0);

-- name: read_retired_queue
SELECT project, location, id, until FROM retired_queue;

-- name: write_retired_queue
INSERT INTO retired_queue (project, location, id, until) VALUES (?, ?, ?, ?);

-- name: read_task
SELECT queue, generation, id, serial, schedule_time, create_time, named, definition, progress FROM task ORDER BY rowid;

-- name: write_task
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: read_task_name
SELECT queue, id, generation, expires FROM task_name;

-- name: write_task_name
INSERT INTO task_name (queue, id, generation, expires) VALUES (?, ?, ?, ?);

-- name: read_doomed
SELECT queue, generation, names_until FROM doomed;

-- name: write_doomed
INSERT INTO doomed (queue, generation, names_until) VALUES (?, ?, ?);

-- name: read_run_request
SELECT queue, generation, id, serial FROM run_request;

-- name: write_run_request
INSERT INTO run_request (queue, generation, id, serial) VALUES (?, ?, ?, ?);

-- name: read_record
SELECT kind, key, value, etag, updated FROM record;

-- name: write_record
INSERT INTO record (kind, key, value, etag, updated) VALUES (?, ?, ?, ?, ?);

-- name: read_attempt
SELECT queue, id, serial, number, ended, record FROM attempt ORDER BY rowid;

-- name: write_attempt
INSERT INTO attempt (queue, id, serial, number, ended, record) VALUES (?, ?, ?, ?, ?, ?);

-- name: read_dead_letter
SELECT queue, id, serial, schedule_time, create_time, named, definition, progress, died, record
FROM dead_letter ORDER BY rowid;

-- name: write_dead_letter
INSERT INTO dead_letter (queue, id, serial, schedule_time, create_time, named, definition, progress, died, record)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: read_log_entry
SELECT log.project, log.name, entry.timestamp, CAST(entry.insert_id AS BLOB), entry.severity, entry.content
FROM logs.entry AS entry JOIN logs.log AS log ON log.number = entry.log ORDER BY entry.number;

-- name: write_log
INSERT INTO logs.log (project, name) VALUES (?, ?) ON CONFLICT (name) DO NOTHING;

-- name: write_log_entry
INSERT INTO logs.entry (log, timestamp, insert_id, severity, content)
VALUES ((SELECT number FROM logs.log WHERE name = ?), ?, CAST(? AS TEXT), ?, ?);
