-- New keys, where there is none; of two processes that make one the first wins. Returns those that are made.
insert into subject_keys (subject_id, wrapped)
select subject_id, wrapped from unnest($1::uuid[], $2::bytea[]) as k (subject_id, wrapped)
order by subject_id
on conflict (subject_id) do nothing
returning subject_id, wrapped
