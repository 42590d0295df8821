-- Births are found when a parent becomes known; relations by either side; sessions by whoever has signed in.
alter table life_events
    add column mother_key uuid generated always as ((state -> 'parent_keys' ->> 'mother')::uuid) stored,
    add column father_key uuid generated always as ((state -> 'parent_keys' ->> 'father')::uuid) stored;
create index life_events_by_mother on life_events (mother_key, id) where mother_key is not null;
create index life_events_by_father on life_events (father_key, id) where father_key is not null;

create table relations (
    like aggregates including all,
    holder_id uuid generated always as ((state ->> 'holder_id')::uuid) stored,
    for_id    uuid generated always as ((state ->> 'for_id')::uuid) stored
);
create index relations_by_holder on relations (holder_id, id);
create index relations_by_for on relations (for_id, id);

create table sessions (
    like aggregates including all,
    acting_as uuid generated always as ((state ->> 'acting_as')::uuid) stored
) with (fillfactor = 85);
create index sessions_by_person on sessions (acting_as, id);
