-- Events that mean nothing here are only counted: how far their keys have been followed moves, without a transaction of
-- its own round it. $1 topics, $2 keys, $3 the first and $4 the last sequence that came of each key, without a gap. All
-- or none: where something is missing before, or waits here, nothing is done, and they go the way of the others.
with told as (
    select * from unnest($1::text[], $2::uuid[], $3::bigint[], $4::bigint[]) as t (topic, key, first, last)
), next as (
    select t.*
    from told t
    left join inbox i on i.topic = t.topic and i.key = t.key
    where coalesce(i.sequence, 0) = t.first - 1
      and not exists (select 1 from jobs j where j.lane = t.topic and j.key = t.key and j.kind = 'foreign_event')
), counted as (
    insert into inbox (topic, key, sequence)
    select topic, key, last from next
    where (select count(*) from next) = (select count(*) from told)
    order by topic, key
    on conflict (topic, key) do update set sequence = excluded.sequence
    where inbox.sequence = (select first - 1 from told t where t.topic = inbox.topic and t.key = inbox.key)
    returning 1
)
select count(*) from counted
