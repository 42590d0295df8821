-- The keys of foreign events that have older events waiting here.
select distinct j.lane as topic, j.key
from jobs j
join unnest($1::text[], $2::uuid[]) as k (topic, key) on j.lane = k.topic and j.key = k.key
where j.kind = 'foreign_event'
