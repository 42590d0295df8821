-- A parked job is given up by an operator. A foreign event counts as seen, so that what is behind it goes on.
with gone as (
    delete from jobs where id = $1 and state = 'parked' returning kind, lane, key, payload
), seen as (
    insert into inbox (topic, key, sequence)
    select lane, key, (payload ->> 'sequence')::bigint from gone where kind = 'foreign_event'
    on conflict (topic, key) do update set sequence = greatest(inbox.sequence, excluded.sequence)
)
select count(*) from gone
