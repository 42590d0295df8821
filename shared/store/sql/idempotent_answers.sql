-- The answers already given; read in a statement after the locks, so that it sees what their last holder committed.
select id, body_hash, status, answer from idempotency_keys where id = any($1::uuid[])
