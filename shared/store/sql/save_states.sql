-- The new states of one kind of aggregate, a part of `record`. Rows that exist are locked by this transaction; of two
-- that make the same aggregate the second finds another version than it started from, and is not counted.
insert into {table} (id, version, shape, state, sealed, correlation_id, updated_at)
select id, version, shape, state, sealed, correlation_id, updated_at
from jsonb_to_recordset($1::jsonb) as s (
    id uuid, version bigint, shape int, state jsonb, sealed jsonb, correlation_id uuid, updated_at timestamptz)
order by id
on conflict (id) do update
set version = excluded.version, shape = excluded.shape, state = excluded.state, sealed = excluded.sealed,
    updated_at = excluded.updated_at
where {table}.version = (
    select before from jsonb_to_recordset($1::jsonb) as s (id uuid, before bigint) where s.id = {table}.id)
returning 1
