-- As lock_states, but what another transaction holds is left out: a group of commands does not wait for one of them.
select id, version, shape, state, sealed, correlation_id from {table} where id = any($1::uuid[]) order by id
for update skip locked
