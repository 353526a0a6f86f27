-- Statements on records of attempts and on dead letters.

-- name: add_attempt
INSERT INTO attempt (queue, id, serial, number, ended, record) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (queue, id, serial, number) DO UPDATE SET ended = excluded.ended, record = excluded.record;

-- name: forget_attempt
DELETE FROM attempt WHERE queue = ? AND id = ? AND serial = ? AND number = ?;

-- name: forget_surplus
DELETE FROM attempt WHERE rowid IN (
    SELECT rowid FROM attempt WHERE rowid <= (SELECT max(rowid) FROM attempt) - ? ORDER BY rowid LIMIT ?);

-- name: attempts_of_task
SELECT serial, record FROM attempt
WHERE queue = ? AND id = ? AND (serial, number) > (?, ?) ORDER BY serial, number LIMIT ?;

-- name: add_dead_letter
INSERT INTO dead_letter (queue, id, serial, schedule_time, create_time, named, definition, progress, died, record)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (queue, id, serial) DO UPDATE SET died = excluded.died, record = excluded.record,
    progress = excluded.progress;

-- name: dead_letters
SELECT id, serial, schedule_time, create_time, named, definition, progress, record FROM dead_letter
WHERE queue = ? AND (id, serial) > (?, ?) ORDER BY id, serial LIMIT ?;

-- name: dead_letter
SELECT id, serial, schedule_time, create_time, named, definition, progress, record FROM dead_letter
WHERE queue = ? AND id = ? AND serial = ?;

-- name: newest_dead_letter
SELECT id, serial, schedule_time, create_time, named, definition, progress, record FROM dead_letter
WHERE queue = ? AND id = ? ORDER BY serial DESC LIMIT 1;

-- name: remove_dead_letter
DELETE FROM dead_letter WHERE queue = ? AND id = ? AND serial = ?;
