-- The aggregates of a batch, locked in the order of their ids so that two batches never wait for each other in a ring;
-- each with the key of whom it is about, {subject}.
select t.id, t.version, t.shape, t.state, t.sealed, t.correlation_id, k.subject_id, k.wrapped
from {table} t left join subject_keys k on k.subject_id = {subject}
where t.id = any($1::uuid[]) order by t.id for update of t
