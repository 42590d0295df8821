-- Which of these indexes are there and nothing is found by them: their making beside the work was broken off.
select i.indexrelid::regclass::text as name
from unnest($1::text[]) made join pg_index i on i.indexrelid = to_regclass(made)
where not i.indisvalid
