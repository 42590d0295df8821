-- Deliveries; the people who can be told something; what they find in their inbox.
create table deliveries (
    like aggregates including all
);

create table recipients (
    person_id   uuid    primary key,
    name        jsonb,
    is_deceased boolean not null
);

create table messages (
    delivery_id uuid        primary key,
    person_id   uuid        not null,
    purpose     text        not null,
    about_id    uuid        not null,
    title       jsonb       not null,
    body        jsonb       not null,
    sent_at     timestamptz not null
);
create index messages_by_person on messages (person_id, sent_at desc, delivery_id desc);
