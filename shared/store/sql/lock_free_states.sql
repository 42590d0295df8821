-- As lock_states, but what another transaction holds comes without a state and is not locked: a group of commands does not
-- wait for one of them.
with t as materialized (
    select id, version, shape, state, sealed, correlation_id from {table} where id = any($1::uuid[]) order by id
    for update skip locked
)
select t.id, t.version, t.shape, t.state, t.sealed, t.correlation_id, k.subject_id, k.wrapped from t left join subject_keys k on k.subject_id = {subject}
union all
select e.id, null, null, null, null, null, null, null from {table} e
where e.id = any($1::uuid[]) and e.id not in (select id from t)
