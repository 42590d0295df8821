-- How far these keys have been followed, and whether older events of theirs wait here. The positions are locked against a
-- second consumer that still believes that it owns them; they are as new as what waits, or newer, so that an event that
-- waited and was dealt with meanwhile is seen by its position.
with asked as (
    select * from unnest($1::text[], $2::uuid[]) as k (topic, key)
), followed as (
    select i.topic, i.key, i.sequence
    from inbox i
    join asked k on i.topic = k.topic and i.key = k.key
    order by i.topic, i.key for update of i
)
select k.topic, k.key, coalesce(f.sequence, 0) as sequence,
       exists (select 1 from jobs j where j.lane = k.topic and j.key = k.key and j.kind = 'foreign_event') as waits
from asked k
left join followed f on f.topic = k.topic and f.key = k.key
