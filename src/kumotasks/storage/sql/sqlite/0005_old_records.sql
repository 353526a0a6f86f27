-- What was put long ago is found without looking at what it holds.

CREATE INDEX record_age ON record (kind, updated);
