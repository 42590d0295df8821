-- Aggregates as they were committed last.
select id, version, shape, state, sealed, correlation_id, updated_at from {table} where id = any($1::uuid[])
