-- One aggregate as it was committed last, with the key of whom it is about, {subject}.
select t.id, t.version, t.shape, t.state, t.sealed, t.correlation_id, t.updated_at, k.subject_id, k.wrapped
from {table} t left join subject_keys k on k.subject_id = {subject} where t.id = $1
