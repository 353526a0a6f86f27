-- Statements on records of attempts and on dead letters.

-- name: add_attempt
INSERT INTO attempt (queue, id, serial, number, ended, record) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (queue, id, serial, number) DO UPDATE SET ended = excluded.ended, record = excluded.record;

-- name: add_attempt_each
INSERT INTO attempt (queue, id, serial, number, ended, record)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[])
ON CONFLICT (queue, id, serial, number) DO UPDATE SET ended = excluded.ended, record = excluded.record;

-- name: forget_attempt
DELETE FROM attempt WHERE queue = $1 AND id = $2 AND serial = $3 AND number = $4;

-- name: forget_attempt_each
DELETE FROM attempt USING unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[])
    AS gone(queue, id, serial, number)
WHERE (attempt.queue, attempt.id, attempt.serial, attempt.number)
    BETWEEN (gone.queue, gone.id, gone.serial, gone.number) AND (gone.queue, gone.id, gone.serial, gone.number);

-- name: forget_surplus
DELETE FROM attempt WHERE place = ANY (ARRAY (
    SELECT place FROM attempt WHERE place <= (SELECT max(place) FROM attempt) - $1 ORDER BY place LIMIT $2));

-- name: attempts_of_task
SELECT serial, record FROM attempt
WHERE queue = $1 AND id = $2 AND (serial, number) > ($3, $4) ORDER BY serial, number LIMIT $5;

-- name: add_dead_letter
INSERT INTO dead_letter (queue, id, serial, schedule_time, create_time, named, definition, progress, died, record)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (queue, id, serial) DO UPDATE SET died = excluded.died, record = excluded.record,
    progress = excluded.progress;

-- name: add_dead_letter_each
INSERT INTO dead_letter (queue, id, serial, schedule_time, create_time, named, definition, progress, died, record)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[], $7::bytea[],
    $8::bytea[], $9::bigint[], $10::bytea[])
ON CONFLICT (queue, id, serial) DO UPDATE SET died = excluded.died, record = excluded.record,
    progress = excluded.progress;

-- name: dead_letters
SELECT id, serial, schedule_time, create_time, named, definition, progress, record FROM dead_letter
WHERE queue = $1 AND (id, serial) > ($2, $3) ORDER BY id, serial LIMIT $4;

-- name: dead_letter
SELECT id, serial, schedule_time, create_time, named, definition, progress, record FROM dead_letter
WHERE queue = $1 AND id = $2 AND serial = $3;

-- name: newest_dead_letter
SELECT id, serial, schedule_time, create_time, named, definition, progress, record FROM dead_letter
WHERE queue = $1 AND id = $2 ORDER BY serial DESC LIMIT 1;

-- name: remove_dead_letter
DELETE FROM dead_letter WHERE queue = $1 AND id = $2 AND serial = $3;

-- name: remove_dead_letter_each
DELETE FROM dead_letter USING unnest($1::bigint[], $2::text[], $3::bigint[]) AS gone(queue, id, serial)
WHERE (dead_letter.queue, dead_letter.id, dead_letter.serial)
    BETWEEN (gone.queue, gone.id, gone.serial) AND (gone.queue, gone.id, gone.serial);
