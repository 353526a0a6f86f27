-- Every row of a database that no node uses, to be read whole and written whole. What a running node alone knows (who is
-- home, leases, attempts under way) is left out: it is void once nobody runs. `_each` takes a column of every row.

-- name: live_nodes
SELECT count(*) FROM node WHERE until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;

-- name: version
SELECT version FROM kumo_meta;

-- name: read_numbering
SELECT last_value FROM queue_number_seq WHERE is_called;

-- name: write_numbering_each
SELECT setval(pg_get_serial_sequence('queue', 'number'), number) FROM unnest($1::bigint[]) AS given(number);

-- name: read_queue
SELECT number, project, location, id, generation, settings, fresh::int, bucket_rate, bucket_burst, bucket_level,
    bucket_at
FROM queue ORDER BY number;

-- name: write_queue_each
INSERT INTO queue (number, project, location, id, generation, settings, fresh, bucket_rate, bucket_burst, bucket_level,
    bucket_at)
OVERRIDING SYSTEM VALUE
SELECT number, project, location, id, generation, settings, fresh = 1, rate, burst, level, at
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bytea[], $7::int[], $8::float8[],
    $9::float8[], $10::float8[], $11::bigint[])
    AS row_(number, project, location, id, generation, settings, fresh, rate, burst, level, at);

-- name: read_retired_queue
SELECT project, location, id, until FROM retired_queue;

-- name: write_retired_queue_each
INSERT INTO retired_queue (project, location, id, until)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[]);

-- name: read_task
SELECT queue, generation, id, serial, schedule_time, create_time, named, definition, progress FROM task
WHERE create_time > -9223372036854775808 ORDER BY create_time, queue, id;

-- name: write_task_each
INSERT INTO task (queue, generation, id, serial, schedule_time, create_time, named, definition, progress)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::smallint[],
    $8::bytea[], $9::bytea[]);

-- name: read_task_name
SELECT queue, id, generation, expires FROM task_name;

-- name: write_task_name_each
INSERT INTO task_name (queue, id, generation, expires)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]);

-- name: read_doomed
SELECT queue, generation, names_until FROM doomed;

-- name: write_doomed_each
INSERT INTO doomed (queue, generation, names_until) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]);

-- name: read_run_request
SELECT queue, generation, id, serial FROM run_request;

-- name: write_run_request_each
INSERT INTO run_request (queue, generation, id, serial)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[]);

-- name: read_record
SELECT kind, key, value, etag, updated FROM record;

-- name: write_record_each
INSERT INTO record (kind, key, value, etag, updated)
SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[]);

-- name: read_attempt
SELECT queue, id, serial, number, ended, record FROM attempt ORDER BY place;

-- name: write_attempt_each
INSERT INTO attempt (queue, id, serial, number, ended, record)
SELECT queue, id, serial, number, ended, record
FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bytea[]) WITH ORDINALITY
    AS row_(queue, id, serial, number, ended, record, position)
ORDER BY position;

-- name: read_dead_letter
SELECT queue, id, serial, schedule_time, create_time, named, definition, progress, died, record
FROM dead_letter ORDER BY died;

-- name: write_dead_letter_each
INSERT INTO dead_letter (queue, id, serial, schedule_time, create_time, named, definition, progress, died, record)
SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::smallint[], $7::bytea[],
    $8::bytea[], $9::bigint[], $10::bytea[]);

-- name: read_log_entry
SELECT log.project, log.name, log_entry."timestamp", log_entry.insert_id, log_entry.severity, log_entry.content
FROM log_entry JOIN log ON log.number BETWEEN log_entry.log AND log_entry.log ORDER BY log_entry.number;
