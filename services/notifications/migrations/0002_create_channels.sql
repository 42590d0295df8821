-- How people are reached, what they want, and what providers make of the messages.
alter table recipients
    add column mobile   text,
    add column email    text,
    add column language text not null default 'ar';

create table preferences (
    like aggregates including all
);
create table chosen_channels (
    person_id uuid  primary key,
    channels  jsonb not null
);

create table contacts (
    like aggregates including all
);

create table sms_route (
    like aggregates including all
);
create table sms_routes (
    channel text  primary key,
    weights jsonb not null
);

-- Each attempt by a channel, found by the name that its provider knows it by. A failure is kept with its time, so that
-- providers can be measured.
create table attempts (
    reference   uuid        primary key,
    delivery_id uuid        not null,
    number      int         not null,
    channel     text        not null,
    status      text        not null,
    provider    text,
    began_at    timestamptz,
    sent_at     timestamptz,
    ended_at    timestamptz
);
create index attempts_by_delivery on attempts (delivery_id, number);
create index attempts_by_age on attempts (began_at) where channel = 'sms';
