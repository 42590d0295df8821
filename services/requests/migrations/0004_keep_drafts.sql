-- Forms that people have begun.
create table drafts (
    like aggregates including all,
    person_id uuid generated always as ((state ->> 'person_id')::uuid) stored,
    is_kept boolean generated always as ((state ->> 'is_kept')::boolean) stored
) with (fillfactor = 85);
create index drafts_by_person on drafts (person_id, id) where is_kept;
