"""One durable step with nothing around it: a row of a log and the newest state, in one statement."""

SCHEMA = """
create table log (
    seq bigint generated always as identity, id uuid primary key, about uuid not null, kind text not null,
    body jsonb not null);
create table states (id uuid primary key, version bigint not null, body jsonb not null) with (fillfactor = 85);
"""
STEP = """
with logged as (
    insert into log (id, about, kind, body) values ($1, $2, $3, $4)
)
insert into states (id, version, body) values ($2, 1, $4)
on conflict (id) do update set version = states.version + 1, body = excluded.body
"""
PADDING = "x" * 480  # with what is said about the event some 600 bytes, as the product's have
