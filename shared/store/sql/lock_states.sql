-- The aggregates of a batch, locked in the order of their ids so that two batches never wait for each other in a ring.
select id, version, shape, state, sealed, correlation_id from {table} where id = any($1::uuid[]) order by id for update
