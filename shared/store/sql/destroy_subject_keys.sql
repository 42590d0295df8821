-- Erasure: what these keys sealed is unreadable from the commit on, and no key is ever made for these persons again.
insert into subject_keys (subject_id, wrapped, destroyed_at)
select subject_id, null, $2 from unnest($1::uuid[]) as k (subject_id)
order by subject_id
on conflict (subject_id) do update set wrapped = null, destroyed_at = excluded.destroyed_at
where subject_keys.destroyed_at is null
