-- The log is sealed as it is published: each seal chains the digests of some rows to the seal before, and its hash is on
-- the topic too. So a row that was altered, added or taken away later shows. The app role may only insert and select.
create function digest_of(l event_log) returns bytea language sql stable as $$
    select sha256(convert_to(jsonb_build_array(
        l.seq, l.id, l.type, l.schema_version, l.aggregate, l.aggregate_id, l.sequence, l.data, l.sealed,
        extract(epoch from l.recorded_at), l.correlation_id, l.causation_id, l.actor, l.on_behalf_of)::text, 'UTF8'))
$$;

create table seals (
    number    bigint      primary key,
    seqs      bigint[]    not null,
    hash      bytea       not null,
    sealed_at timestamptz not null default clock_timestamp()
);

insert into seals (number, seqs, hash)
select 1, array_agg(l.seq order by l.seq), sha256(string_agg(digest_of(l), ''::bytea order by l.seq))
from event_log l
where not exists (select 1 from outbox o where o.aggregate_id = l.aggregate_id and o.sequence = l.sequence)
having count(*) > 0;
