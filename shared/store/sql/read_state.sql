-- One aggregate as it was committed last.
select id, version, shape, state, sealed, correlation_id, updated_at from {table} where id = $1
