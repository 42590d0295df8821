-- How far these keys have been followed, not locked.
select i.topic, i.key, i.sequence
from inbox i
join unnest($1::text[], $2::uuid[]) as k (topic, key) on i.topic = k.topic and i.key = k.key
